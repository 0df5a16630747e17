package loginpage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Offers reports whether the page offers a method.
func (p *Page) Offers(m Kind) bool {
	return slices.ContainsFunc(p.Methods, func(w SignInMethod) bool { return w.ID == string(m) })
}

// Method finds an enabled sign-in method by its id, or returns false.
func (p *Page) Method(id string) (SignInMethod, bool) {
	i := slices.IndexFunc(p.Methods, func(w SignInMethod) bool { return w.ID == id })
	if i < 0 {
		return SignInMethod{}, false
	}
	return p.Methods[i], true
}

// SignsUp reports whether sign-up has pages of its own that somebody can get through.
func (p *Page) SignsUp() bool { return p.SignUpPage && len(p.SignUpWith) > 0 }

// RegisterPath is where somebody without an account gets one; empty where nobody does. A code
// registers by itself where that is how new accounts come to be.
func (p *Page) RegisterPath() string {
	switch {
	case p.SignsUp():
		return "/sign-up"
	case p.Registration != RegistrationAuto:
		return ""
	case p.Offers(KindSMS):
		return "/sign-in/sms"
	case p.Offers(KindEmail):
		return "/sign-in/email"
	}
	return ""
}

// RegistersByItself reports that whoever comes back from an identity provider may get an account
// without another step, if TCB's settings of the provider say so (AutoSignUpWithProviderUser): not
// where nobody registers, nor where a new account is to be asked for more. registerType is about
// codes, not about this.
func (p *Page) RegistersByItself() bool {
	required := func(f SignUpField) bool { return f.Required }
	return p.Registration != RegistrationOff && !slices.ContainsFunc(p.SignUpFields, required)
}

// VerifiesBy reports by which of the two channels the page can verify somebody: those it signs in
// by and those it signs up by.
func (p *Page) VerifiesBy(m Kind) bool { return p.Offers(m) || slices.Contains(p.SignUpWith, m) }

// CanReset reports whether the page asks for passwords, and can send the code that is needed to
// reset one.
func (p *Page) CanReset() bool {
	return p.Offers(KindPassword) && (p.VerifiesBy(KindSMS) || p.VerifiesBy(KindEmail))
}

// AsksFields reports that sign-in asks new people for something: for what an account must have, or
// for whatever the page asks where it has no sign-up beside.
func (p *Page) AsksFields() bool {
	must := func(f SignUpField) bool { return f.Required || !p.SignUpPage }
	return slices.ContainsFunc(p.SignUpFields, must)
}

// Pictures are all that the page shows and we serve.
func (p *Page) Pictures() (all []*Media) {
	add := func(m *Media) {
		if m != nil {
			all = append(all, m)
		}
	}
	add(p.Logo)
	add(p.LogoDark)
	add(p.Background)
	for _, w := range p.Methods {
		add(w.Icon)
	}
	return all
}

// Agreed is a hash of all that people agree to on the page, titles and texts, by which a change of
// them is noticed; empty where they agree to nothing. How a text is laid out is a part of it, since
// only an operator can tell whether that matters.
func (p *Page) Agreed() string {
	if len(p.Agreements) == 0 {
		return ""
	}
	texts, _ := json.Marshal(p.Agreements) // of texts alone
	sum := sha256.Sum256(texts)
	return hex.EncodeToString(sum[:16])
}
