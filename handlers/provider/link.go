package provider

import (
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
)

// A Link is an identity that waits to be bound to an account. It rides in the URL as link=, sealed.
type Link struct {
	Token    string `json:"t"`
	Provider string `json:"p"`
	Called   string `json:"c,omitempty"` // the provider, by TCB
	Name     string `json:"n"`           // of the person there
	Picture  string `json:"i,omitempty"`
	SignIn   bool   `json:"s,omitempty"` // it came up at a sign-in: the app is where this leads
	Sub      string `json:"u,omitempty"` // whose account it may be bound to; nobody's yet when empty
}

const (
	// LinkLife is a provider_token's.
	LinkLife = time.Hour
	// ProofLife is how long it counts that somebody has just signed in.
	ProofLife = 15 * time.Minute
)

// SealLink is a link for an address.
func SealLink(r *web.Request, l Link, life time.Duration) (string, error) {
	return r.Session.Seal("link", l, life)
}

// OpenLink reads link=. That somebody has just signed in to bind it counts as a step-up, and ends
// with the next sign-in as that does.
func OpenLink(r *web.Request) (l Link, ok bool) {
	if r.Link == "" {
		return l, false
	}
	if r.Session.OpenStepUp("link", r.Link, &l) {
		return l, true
	}
	if ok = r.Session.Open("link", r.Link, &l); ok && l.Sub != "" {
		l.SignIn = false
	}
	return l, ok
}

// Waiting is an identity that waits for an account, whoever's that will be.
func Waiting(r *web.Request) (Link, bool) {
	l, ok := OpenLink(r)
	return l, ok && l.Sub == ""
}

// LinkOf is the identity that came back from a provider.
func LinkOf(a Authorization, granted *authclient.ProviderToken) Link {
	who := granted.ProviderProfile
	l := Link{Token: granted.ProviderToken, Provider: a.Provider, Called: a.Name, Picture: web.Cut(who.Picture, 512)}
	for _, name := range []string{who.Name, who.Email, who.PhoneNumber, who.Sub} {
		if l.Name == "" {
			l.Name = web.Cut(name, 128)
		}
	}
	return l
}

// Follow keeps an identity that came before a sign-in for the account that it was to: the page that
// binds it, once somebody has seen both names, is where the sign-in leads then.
func Follow(r *web.Request, creds *authclient.Credentials) func() (string, error) {
	l, linking := OpenLink(r)
	linking = linking && creds.Scope != "anonymous" && (l.Sub == "" || l.Sub == creds.Sub)
	return func() (string, error) {
		if !linking {
			return "", nil
		}
		l.Sub, l.SignIn = creds.Sub, true
		sealed, err := SealLink(r, l, ProofLife)
		if err != nil {
			return "", err
		}
		return r.Origin.Text + r.Into(entry.PathProviders, entry.Link(sealed)), nil
	}
}
