package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// mine is a form of the portal's, after a step-up or without.
func mine(name, path string, stepUp bool, typed fields, action ...string) twiceForm {
	return twiceForm{name: name, reach: func(_ *site, b *browser) (string, url.Values) {
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		if stepUp {
			return filledWith(typed, action...)(b.stepUp(path, demoPassword))
		}
		return filledWith(typed, action...)(b.open(path))
	}}
}

// twicePortal are the forms of the account portal, but those of its other ways to sign in.
func twicePortal() []twiceForm {
	stepUpCode := func(s *site, b *browser) *page {
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		p := b.open("/account/verify", "next=account-email", "via=email").want(http.StatusOK, "step-up")
		return b.submit(p, nil).want(http.StatusOK, "step-up-code")
	}
	device := func(name, button string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			d := s.device(b.t, "demo")
			return filledWith(nil, button)(b.open(devicePath, "user_code="+d.code.UserCode).want(http.StatusOK, "device"))
		}}
	}
	return []twiceForm{
		mine("step-up by password", "/account/verify", false, fields{"password": demoPassword}),
		mine("step-up, send", "/account/verify?via=email&", false, nil),
		{name: "step-up, code", reach: func(s *site, b *browser) (string, url.Values) {
			p := stepUpCode(s, b)
			return filledWith(fields{"verification_code": s.backend.code(demoEmail)})(p)
		}},
		{name: "step-up, again", reach: func(s *site, b *browser) (string, url.Values) {
			p := stepUpCode(s, b)
			s.backend.refuse("/v1/user/sudo", http.StatusServiceUnavailable, "unavailable")
			p = b.submit(p, fields{"verification_code": s.backend.code(demoEmail)})
			s.backend.answer("", nil)
			return filledWith(nil)(p)
		}},
		mine("profile", "/account/profile", false, fields{"name": "Somebody"}),
		mine("picture", "/account/profile", false, fields{"name": "Somebody", "picture": "https://cdn.example.com/a.png"}).onSite(withPictures),
		mine("username", "/account/username", true, fields{"username": "another.name"}),
		mine("new password", "/account/password", true, fields{"new_password": "Quiet-river-7"}),
		mine("all other devices", "/account/sessions", false, nil, "others"),
		mine("every device", "/account/sessions", false, nil, "everywhere").ending(),
		{name: "one device", reach: func(s *site, b *browser) (string, url.Values) {
			other := s.browser()
			values := other.open("/sign-in")
			form := values.filled(fields{"username": "demo", "password": demoPassword})
			form.Set("device_id", strings.Repeat("e", 32))
			other.do(http.MethodPost, values.action(), form, nil).completed()
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			p := b.open("/account/sessions").want(http.StatusOK, "account-sessions")
			button := p.find(func(n *htmlNode) bool { return n.Data == "button" && strings.HasPrefix(attr(n, "value"), "end:") })
			return filledWith(nil, attr(button, "value"))(p)
		}},
		mine("data", "/account/data", true, nil).each(),
		{name: "review", reach: func(s *site, b *browser) (string, url.Values) {
			p := b.submit(sendCode(b, "/reset-password", fields{"email": demoEmail}), fields{"verification_code": s.backend.code(demoEmail)})
			b.submit(p, fields{"new_password": "Quiet-river-7"}).completed()
			return filledWith(nil)(b.open("/account").want(http.StatusOK, "account-review"))
		}},
		mine("deletion", "/account/delete", true, fields{"confirm": "delete"}).ending(),
		device("device", ""),
		device("no device", "no"),
	}
}

// twiceContacts are the forms of the account's number and address.
func twiceContacts() []twiceForm {
	phone := fields{"phone_country": "CN", "phone_number": "13900139000"}
	email := fields{"email": "new@example.com"}
	sent := func(b *browser, path string, typed fields) *page {
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		return b.submit(b.stepUp(path, demoPassword), typed)
	}
	code := func(name, path, to string, typed fields) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			p := sent(b, path, typed)
			return filledWith(fields{"verification_code": s.backend.code(to)})(p)
		}}
	}
	again := func(name, path, to string, typed fields, call string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			p := sent(b, path, typed)
			s.backend.refuse(call, http.StatusServiceUnavailable, "unavailable")
			p = b.submit(p, fields{"verification_code": s.backend.code(to)})
			s.backend.answer("", nil)
			return filledWith(nil)(p)
		}}
	}
	taken := func(name, path, to string, typed fields, choice string) twiceForm {
		return twiceForm{name: name, reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.register("taken@example.com", "taken", "Taken-pass-1")
			p := b.submit(sent(b, path, typed), fields{"verification_code": s.backend.code(to)})
			return filledWith(fields{"conflict_resolution": choice, "confirm": "delete"})(p)
		}}
	}
	theirs, number := fields{"email": "taken@example.com"}, fields{"phone_country": "CN", "phone_number": "13800138000"}
	return []twiceForm{
		mine("phone", "/account/phone", true, phone),
		code("phone, code", "/account/phone", newPhone, phone),
		again("phone, again", "/account/phone", newPhone, phone, "/v1/user/contact"),
		taken("phone of another account", "/account/phone", knownPhone, number, "TRANSFER"),
		mine("new email", "/account/email", true, email),
		code("new email, code", "/account/email", "new@example.com", email),
		again("new email, again", "/account/email", "new@example.com", email, "/v1/user/contact"),
		taken("email of another account", "/account/email", "taken@example.com", theirs, "TRANSFER"),
		taken("email of another account, deleted", "/account/email", "taken@example.com", theirs, "DELETE_ACCOUNT_TRANSFER"),
		taken("email of another account, left", "/account/email", "taken@example.com", theirs, "DEFAULT"),
	}
}

// twiceIdentities are the forms of the account's identities at providers.
func twiceIdentities() []twiceForm {
	toProvider := func(s *site, b *browser) *page {
		s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
		return b.open("/account/providers").want(http.StatusOK, "account-providers")
	}
	returned := func(s *site, b *browser) *page {
		return b.get(b.consent(b.pressOnly(toProvider(s, b), "action=link:demo", nil), "allow", "p-1", ""))
	}
	// alone is somebody who has nothing but an identity.
	alone := func(b *browser) *page {
		b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").completed()
		return b.open("/account/email").want(http.StatusOK, "step-up-provider")
	}
	return []twiceForm{
		{name: "link", reach: func(s *site, b *browser) (string, url.Values) {
			return filledWith(nil, "link:demo")(toProvider(s, b))
		}},
		{name: "back to link", reach: func(s *site, b *browser) (string, url.Values) {
			return filledWith(nil)(returned(s, b))
		}},
		{name: "bind", reach: func(s *site, b *browser) (string, url.Values) {
			return filledWith(nil)(b.submit(returned(s, b), nil).want(http.StatusOK, "account-bind"))
		}},
		{name: "bind after sign-in", reach: func(s *site, b *browser) (string, url.Values) {
			s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
			p := b.comesBack(b.toProvider(b.open("/sign-in"), "demo"), "p-1", "").want(http.StatusOK, "provider-unknown")
			done := b.submit(b.click(p, "sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			return filledWith(nil)(b.get(done.RedirectURI).want(http.StatusOK, "account-bind"))
		}},
		{name: "unlink", reach: func(s *site, b *browser) (string, url.Values) {
			b.submit(b.submit(returned(s, b), nil).want(http.StatusOK, "account-bind"), nil)
			s.clock.advance(repeatLife)
			return filledWith(nil, "unlink:demo")(b.open("/account/providers").want(http.StatusOK, "account-providers"))
		}},
		{name: "step-up at a provider", reach: func(_ *site, b *browser) (string, url.Values) {
			return filledWith(nil, "provider:demo")(alone(b))
		}},
		{name: "step-up, back from a provider", reach: func(_ *site, b *browser) (string, url.Values) {
			return filledWith(nil)(b.get(b.consent(b.pressOnly(alone(b), "action=provider:demo", nil), "allow", "p-1", "")))
		}},
	}
}

// TestHandOffTwiceAtOnce: a login that script hands over twice at once is the same login both times, and
// each answer leaves the browser with it.
func TestHandOffTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, login := s.signedIn(t)
	b := s.browser()
	p := b.open("/account")
	in := map[string]string{"access_token": login.Credentials.AccessToken}
	one, other := b.copy().lax(), b.copy().lax()
	var wg sync.WaitGroup
	for _, each := range []*browser{one, other} {
		wg.Go(func() {
			status, out := each.handOver(p, in, nil)
			if status != http.StatusForbidden || out.CSRF == "" {
				return
			}
			// The first had ended the session before the second came: script repeats it with the token
			// that it gets.
			if status, out = each.handOver(p, in, http.Header{"X-Csrf-Token": {out.CSRF}}); status != http.StatusOK {
				t.Errorf("repeated: %d %+v", status, out)
			}
		})
	}
	wg.Wait()
	for _, each := range []*browser{one, other} {
		if got := each.open("/account"); got.status != http.StatusOK || got.name() != "account" {
			t.Errorf("page %q with status %d, %q", got.name(), got.status, got.keys())
		}
	}
}
