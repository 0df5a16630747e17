package loginpage

import "testing"

func TestWhatPagesOffer(t *testing.T) {
	t.Parallel()
	ways := func(ids ...Method) (all []Way) {
		for _, id := range ids {
			all = append(all, Way{ID: string(id)})
		}
		return all
	}
	optional, required := SignUpField{Name: SignUpName}, SignUpField{Name: SignUpName, Required: true}
	type offer struct {
		register          string
		byItself, reset   bool
		asks, sms, emails bool
	}
	tests := []struct {
		name string
		page Page
		want offer
	}{
		{"codes register", Page{Ways: ways(MethodSMS, MethodEmail), Registration: RegistrationAuto},
			offer{register: "/sign-in/sms", byItself: true, sms: true, emails: true}},
		{"email codes alone", Page{Ways: ways(MethodPassword, MethodEmail), Registration: RegistrationAuto},
			offer{register: "/sign-in/email", byItself: true, reset: true, emails: true}},
		{"passwords alone", Page{Ways: ways(MethodPassword), Registration: RegistrationAuto},
			offer{byItself: true}},
		{"passwords, verified by sign-up's codes", Page{Ways: ways(MethodPassword), Registration: RegistrationSplit, SignUpPage: true,
			SignUpWith: []Method{MethodEmail}, SignUpFields: []SignUpField{optional}},
			offer{register: "/sign-up", byItself: true, reset: true, emails: true}},
		{"a page that verifies nobody", Page{Ways: ways(MethodEmail), Registration: RegistrationSplit, SignUpPage: true},
			offer{byItself: true, emails: true}},
		{"nobody registers", Page{Ways: ways(MethodSMS), Registration: RegistrationOff, SignUpFields: []SignUpField{optional}},
			offer{asks: true, sms: true}},
		{"fields without a page of their own", Page{Ways: ways(MethodSMS), Registration: RegistrationAuto, SignUpFields: []SignUpField{optional}},
			offer{register: "/sign-in/sms", byItself: true, asks: true, sms: true}},
		{"a required field beside a page", Page{Ways: ways(MethodSMS), Registration: RegistrationAuto, SignUpPage: true, SignUpWith: []Method{MethodSMS},
			SignUpFields: []SignUpField{optional, required}},
			offer{register: "/sign-up", asks: true, sms: true}},
	}
	for _, tt := range tests {
		p := &tt.page
		got := offer{p.RegisterPath(), p.RegistersByItself(), p.CanReset(), p.AsksFields(), p.VerifiesBy(MethodSMS), p.VerifiesBy(MethodEmail)}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	logo, icon := &Media{Name: "logo"}, &Media{Name: "icon"}
	p := &Page{Logo: logo, Ways: []Way{{ID: "email"}, {ID: "wx_open", Icon: icon}}}
	if got := p.Pictures(); len(got) != 2 || got[0] != logo || got[1] != icon {
		t.Errorf("Pictures() = %v", got)
	}
	if got := new(Page).Pictures(); got != nil {
		t.Errorf("of none: %v", got)
	}
}
