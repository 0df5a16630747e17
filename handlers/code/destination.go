package code

import (
	"cmp"
	"slices"

	"golang.org/x/text/width"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// A Destination is where a code goes, as typed and as TCB wants it.
type Destination struct {
	Country, Number string
	Elsewhere       bool   // the number is one, of a country that the page does not take
	Email           string // as typed
	Phone, Address  string // TCB's form, one of them when valid
}

// ToPhone is a number that identifier.ParsePhone made.
func ToPhone(phone string) Destination {
	country, number := identifier.SplitPhone(phone)
	return Destination{Country: country, Number: number, Phone: phone}
}

// ToEmail is a valid address.
func ToEmail(address string) Destination { return Destination{Email: address, Address: address} }

// typed reads and normalises what the form brought, or gives what is fixed.
func typed(r *web.Request, f Flow) Destination {
	if to, fixed := f.Fixed(r); fixed {
		return to
	}
	if !ByPhone(r, f) {
		d := Destination{Email: r.Form.Line("email")}
		d.Address, _ = identifier.ParseEmail(d.Email)
		return d
	}
	d := Destination{Country: r.Form.Value("phone_country"), Number: r.Form.Line("phone_number")}
	if phone, err := identifier.ParsePhone(d.Number, d.Country); err == nil {
		if !identifier.InRegions(phone, r.LoginPage.Countries.Allowed) {
			d.Elsewhere = true
			return d
		}
		return ToPhone(phone) // +86… pasted into the field is cut for the person
	}
	return d
}

// hinted fills the first step from login_hint, as far as it fits.
func hinted(r *web.Request, f Flow) Destination {
	if f.Owner() != "" {
		return Destination{}
	}
	if ByPhone(r, f) {
		if phone, err := identifier.ParsePhone(r.LoginHint, identifier.DefaultCountry(r.Loc.Tag())); err == nil {
			return ToPhone(phone)
		}
		return Destination{}
	}
	address, _ := identifier.ParseEmail(r.LoginHint)
	return Destination{Email: address}
}

// PhoneField is the field for a phone number, with the countries that the page takes.
func PhoneField(r *web.Request, d Destination) *views.PhoneField {
	p := &views.PhoneField{Country: d.Country, Number: d.Number}
	allowed := r.LoginPage.Countries.Allowed
	if p.Country == "" {
		// TCB's own country, where a language has none.
		p.Country = cmp.Or(r.LoginPage.Countries.Default, identifier.DefaultCountry(r.Loc.Tag()), "CN")
		if len(allowed) > 0 && !slices.Contains(allowed, p.Country) {
			p.Country = allowed[0]
		}
	}
	for _, o := range identifier.CountryOptions(r.Loc.Tag()) {
		if len(allowed) > 0 && !slices.Contains(allowed, o.Region) {
			continue
		}
		label := o.Name + " +" + o.Code
		p.Countries = append(p.Countries, views.Country{Region: o.Region, Label: label})
		p.Tall = p.Tall || o.Region == p.Country && wideText(label) > 13
	}
	return p
}

// wideText is about how many narrow characters a text is wide.
func wideText(s string) (n int) {
	for _, r := range s {
		n++
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

// SendPage is a first step that asks where to send the code.
func SendPage(r *web.Request, f Flow, to Destination, title, leadPhone, leadEmail string) *views.SendCodePage {
	p := &views.SendCodePage{Base: f.Base(r, f.Spec().Name, i18n.Msg(title), "")}
	if ByPhone(r, f) {
		p.Lead = i18n.Msg(leadPhone)
		p.Phone = PhoneField(r, to)
	} else {
		p.Lead = i18n.Msg(leadEmail)
		p.Email = to.Email
	}
	if phone, email := f.Channels(r); phone && email {
		other, label := "email", "via.email"
		if p.Phone == nil {
			other, label = "phone", "via.phone"
		}
		p.Via = []views.Link{{To: "via-" + other, URL: Address(r, f.Spec(), entry.Add("via", other)), Label: i18n.Msg(label)}}
	}
	return p
}
