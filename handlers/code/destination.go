package code

import (
	"cmp"
	"errors"
	"slices"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/identifier"
	"tcb-login/views"
)

// A Destination is where a code goes, as typed and as TCB wants it.
type Destination struct {
	Country, Number string
	Elsewhere       bool     // the number is one, of a country that the page does not take
	Asks            []string // the numbers that the typed one may be: the person is to say which
	Email           string   // as typed
	Phone, Address  string   // TCB's form, one of them when valid
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
	phone, err := identifier.ParsePhone(d.Number, d.Country)
	if mainland := (*identifier.MainlandError)(nil); errors.As(err, &mainland) {
		return eitherOf(r, d, mainland)
	}
	switch {
	case err != nil:
		return d
	case !taken(r, phone):
		d.Elsewhere = true
		return d
	}
	return ToPhone(phone) // +86… pasted into the field is cut for the person
}

// taken reports that the page takes numbers of a number's country.
func taken(r *web.Request, phone string) bool {
	return phone != "" && identifier.InRegions(phone, r.LoginPage.Countries.Allowed)
}

// eitherOf is a number of mainland China that was typed for another country: a stranger may have it
// there. Where the page takes both it asks.
func eitherOf(r *web.Request, d Destination, either *identifier.MainlandError) Destination {
	for _, phone := range []string{either.Mainland, either.Selected} {
		if taken(r, phone) {
			d.Asks = append(d.Asks, phone)
		}
	}
	said := r.Form.Value(chosenNumber)
	switch {
	case len(d.Asks) == 0:
		d.Elsewhere = true
	case !taken(r, either.Mainland):
		return ToPhone(either.Selected)
	case said == either.Mainland:
		return ToPhone(said)
	case said != "" && slices.Contains(d.Asks, said):
		// With its calling code nobody asks again, should a captcha come first.
		return Destination{Country: d.Country, Number: said, Phone: said}
	}
	return d
}

// chosenNumber is the name of the buttons that say which number was meant.
const chosenNumber = "phone_number_is"

// hinted fills the first step from login_hint, as far as it fits.
func hinted(r *web.Request, f Flow) Destination {
	if f.Owner() != "" {
		return Destination{}
	}
	if ByPhone(r, f) {
		phone, err := identifier.ParsePhone(r.LoginHint, country(r))
		if mainland := (*identifier.MainlandError)(nil); errors.As(err, &mainland) {
			return Destination{Country: country(r), Number: identifier.Plain(r.LoginHint)} // the person is asked
		} else if err != nil || !taken(r, phone) {
			return Destination{}
		}
		return ToPhone(phone)
	}
	address, _ := identifier.ParseEmail(r.LoginHint)
	return Destination{Email: address}
}

// country is the one that the page offers first: TCB's own, where a language has none.
func country(r *web.Request) string {
	allowed := r.LoginPage.Countries.Allowed
	first := cmp.Or(r.LoginPage.Countries.Default, identifier.DefaultCountry(r.Loc.Tag()), "CN")
	if len(allowed) > 0 && !slices.Contains(allowed, first) {
		return allowed[0]
	}
	return first
}

// PhoneField is the field for a phone number, with the countries that the page takes.
func PhoneField(r *web.Request, d Destination) *views.PhoneField {
	p := &views.PhoneField{Country: d.Country, Number: d.Number}
	allowed := r.LoginPage.Countries.Allowed
	p.Some = len(allowed) == 0 && d.Country != views.OtherCountry
	if p.Country == "" || p.Country == views.OtherCountry {
		p.Country = country(r)
	}
	for _, phone := range d.Asks {
		p.Asks = append(p.Asks, views.Choice{Value: phone, Label: identifier.ShowPhone(phone)})
	}
	for _, o := range identifier.CountryOptions(r.Loc.Tag()) {
		if len(allowed) > 0 && !slices.Contains(allowed, o.Region) {
			continue
		}
		if p.Some && o.Region != p.Country && !o.Near {
			continue
		}
		p.Countries = append(p.Countries, views.Country{Region: o.Region, Label: o.Label(r.Loc.Isolate)})
	}
	return p
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
