package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// steppedUpBefore opens a page with a step-up that will end in two minutes.
func (b *browser) steppedUpBefore(s *site, path string) *page {
	b.t.Helper()
	p := b.stepUp(path, demoPassword)
	s.clock.advance(sudoLife - 2*time.Minute)
	return p
}

// TestFormWaits: who has to prove who they are before their form is taken finds it afterwards as they left
// it, with nothing done, and a press of its button does it. Passwords are typed again.
func TestFormWaits(t *testing.T) {
	t.Parallel()
	forms := map[string]struct {
		reach func(s *site, b *browser) *page
		typed fields
		page  string
		said  string
		done  string
	}{
		"profile":  {func(_ *site, b *browser) *page { return b.open("/account/profile") }, fields{"name": "Ada <b>", "gender": "FEMALE"}, "account-profile", "error.stale", "account.done.profile"},
		"username": {func(s *site, b *browser) *page { return b.steppedUpBefore(s, "/account/username") }, fields{"username": "demo.new"}, "account-username", "error.stale", "account.done.username"},
		"password": {func(s *site, b *browser) *page { return b.steppedUpBefore(s, "/account/password") }, fields{"new_password": "Quiet-river-7"}, "account-password", "error.stale_password", "account.done.password"},
		"code": {func(s *site, b *browser) *page {
			return b.submit(b.steppedUpBefore(s, "/account/email"), fields{"email": "new@example.com"}).want(http.StatusOK, "account-email-code")
		}, nil, "account-email-code", "error.stale", "account.done.email"},
	}
	ways := map[string]func(s *site, b *browser) func(p *page) *page{
		"a step-up": func(s *site, b *browser) func(p *page) *page {
			s.clock.advance(3 * time.Minute)
			return func(p *page) *page {
				return b.submit(p.want(http.StatusOK, "step-up-password"), fields{"password": demoPassword})
			}
		},
		"TCB does not take the step-up": func(s *site, b *browser) func(p *page) *page {
			s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPatch {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusForbidden)
					_, _ = w.Write([]byte(`{"error":"permission_denied","error_code":7}`))
					return
				}
				s.backend.em.ServeHTTP(w, r)
			})
			return func(p *page) *page {
				s.backend.answer("", nil)
				return b.submit(p.want(http.StatusOK, "step-up-password"), fields{"password": demoPassword})
			}
		},
		"another sign-in": func(s *site, b *browser) func(p *page) *page {
			b.forget()
			return func(p *page) *page {
				p = b.click(p.want(http.StatusOK, "hand-off"), "sign-in")
				to := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed().RedirectURI
				if p = b.get(to); p.name() == "step-up-password" {
					p = b.submit(p, fields{"password": demoPassword})
				}
				return p
			}
		},
	}
	for form, tt := range forms {
		for name, way := range ways {
			if form == "profile" && name == "a step-up" || strings.HasPrefix(name, "TCB") && (form == "profile" || form == "username") {
				continue // it needs none
			}
			t.Run(form+", "+name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				b, _ := s.signedIn(t)
				b.t = t
				p := tt.reach(s, b)
				typed := tt.typed
				if typed == nil {
					typed = fields{"verification_code": s.backend.code("new@example.com")}
				}
				back := way(s, b)
				patched := func() (n int) {
					return s.backend.count("/v1/user/profile") + s.backend.count("/v1/user/password") + s.backend.count("/v1/user/contact")
				}
				before := patched()
				p = back(b.submit(p, typed))
				switch {
				case form == "code" && strings.HasPrefix(name, "TCB"): // the code is spent
					return
				case form == "code" && name == "another sign-in": // a code is for the session that asked for it, or the one after
					p.want(http.StatusOK, "account-email", "error.code_lost")
					return
				}
				p.want(http.StatusOK, tt.page, tt.said)
				if name != "TCB does not take the step-up" && patched() != before {
					t.Error("something was done")
				}
				shown := fields{}
				for field, value := range typed {
					if !strings.Contains(field, "password") && field != "verification_code" {
						shown[field] = value
					}
				}
				p.wantValue(shown)
				rest := fields{}
				for field, value := range typed {
					if _, there := shown[field]; !there {
						rest[field] = value
					}
				}
				b.submit(p, rest).want(http.StatusOK, "account", tt.done)
				if again := b.open(strings.TrimPrefix(p.url.Path, s.base)); again.has(tt.said) {
					t.Error("the form waits for ever")
				}
			})
		}
	}
}

// TestFormWaitsForItsOwner: nobody else sees what somebody has typed, and after a while nobody does.
func TestFormWaitsForItsOwner(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(s *site, b *browser){
		"another person": func(s *site, b *browser) {
			b.submit(b.open("/sign-in", "prompt=login"), s.otherPerson()).completed()
		},
		"later": func(s *site, b *browser) {
			s.clock.advance(16 * time.Minute)
			b.submit(b.open("/sign-in", "prompt=login"), fields{"username": "demo", "password": demoPassword}).completed()
		},
		"asked for again and again": func(s *site, b *browser) {
			b.submit(b.open("/sign-in", "prompt=login"), fields{"username": "demo", "password": demoPassword}).completed()
			for range 4 {
				s.clock.advance(4 * time.Minute)
				b.open("/account/delete").want(http.StatusOK, "step-up-password")
			}
		},
		"a sign-out": func(s *site, b *browser) {
			b.submit(b.open("/sign-in", "prompt=login"), fields{"username": "demo", "password": demoPassword}).completed()
			b.submit(b.open("/sign-out"), nil)
			b.submit(b.open("/sign-in", "prompt=login"), fields{"username": "demo", "password": demoPassword}).completed()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b, _ := s.signedIn(t)
			b.t = t
			p := b.open("/account/profile")
			b.forget()
			b.submit(p, fields{"name": "Half typed"}).want(http.StatusOK, "hand-off")
			then(s, b)
			if p := b.open("/account/profile").want(http.StatusOK, "account-profile"); strings.Contains(p.body, "Half typed") || p.has("error.stale") {
				t.Errorf("the form still waits: %s", p.text())
			}
		})
	}
}

// TestFormWaitsBesideStepUp: a login that ends on the step-up's page takes nothing from the form that the
// step-up was for.
func TestFormWaitsBesideStepUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	p := b.steppedUpBefore(s, "/account/username")
	s.clock.advance(3 * time.Minute)
	ask := b.submit(p, fields{"username": "demo.new"}).want(http.StatusOK, "step-up-password")
	s.backend.refuse("/v1/user/sudo", http.StatusUnauthorized, "unauthenticated")
	p = b.submit(ask, fields{"password": demoPassword}).want(http.StatusOK, "hand-off")
	s.backend.answer("", nil)
	to := b.submit(b.click(p, "sign-in"), fields{"username": "demo", "password": demoPassword}).completed().RedirectURI
	if p = b.get(to); p.name() == "step-up-password" {
		p = b.submit(p, fields{"password": demoPassword})
	}
	if p.name() != "account-username" {
		p = b.open("/account/username")
	}
	p.want(http.StatusOK, "account-username", "error.stale").wantValue(fields{"username": "demo.new"})
}
