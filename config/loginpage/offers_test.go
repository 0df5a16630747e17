package loginpage

import "testing"

func TestWhatPagesOffer(t *testing.T) {
	t.Parallel()
	ways := func(ids ...Kind) (all []SignInMethod) {
		for _, id := range ids {
			all = append(all, SignInMethod{ID: string(id)})
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
		{"codes register", Page{Methods: ways(KindSMS, KindEmail), Registration: RegistrationAuto},
			offer{register: "/sign-in/sms", byItself: true, sms: true, emails: true}},
		{"email codes alone", Page{Methods: ways(KindPassword, KindEmail), Registration: RegistrationAuto},
			offer{register: "/sign-in/email", byItself: true, reset: true, emails: true}},
		{"passwords alone", Page{Methods: ways(KindPassword), Registration: RegistrationAuto},
			offer{byItself: true}},
		{"passwords, verified by sign-up's codes", Page{Methods: ways(KindPassword), Registration: RegistrationSplit, SignUpPage: true,
			SignUpWith: []Kind{KindEmail}, SignUpFields: []SignUpField{optional}},
			offer{register: "/sign-up", byItself: true, reset: true, emails: true}},
		{"a page that verifies nobody", Page{Methods: ways(KindEmail), Registration: RegistrationSplit, SignUpPage: true},
			offer{byItself: true, emails: true}},
		{"nobody registers", Page{Methods: ways(KindSMS), Registration: RegistrationOff, SignUpFields: []SignUpField{optional}},
			offer{asks: true, sms: true}},
		{"fields without a page of their own", Page{Methods: ways(KindSMS), Registration: RegistrationAuto, SignUpFields: []SignUpField{optional}},
			offer{register: "/sign-in/sms", byItself: true, asks: true, sms: true}},
		{"a required field beside a page", Page{Methods: ways(KindSMS), Registration: RegistrationAuto, SignUpPage: true, SignUpWith: []Kind{KindSMS},
			SignUpFields: []SignUpField{optional, required}},
			offer{register: "/sign-up", asks: true, sms: true}},
	}
	for _, tt := range tests {
		p := &tt.page
		got := offer{p.RegisterPath(), p.RegistersByItself(), p.CanReset(), p.AsksFields(), p.VerifiesBy(KindSMS), p.VerifiesBy(KindEmail)}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	logo, icon := &Media{Name: "logo"}, &Media{Name: "icon"}
	p := &Page{Logo: logo, Methods: []SignInMethod{{ID: "email"}, {ID: "wx_open", Icon: icon}}}
	if got := p.Pictures(); len(got) != 2 || got[0] != logo || got[1] != icon {
		t.Errorf("Pictures() = %v", got)
	}
	if got := new(Page).Pictures(); got != nil {
		t.Errorf("of none: %v", got)
	}
}
