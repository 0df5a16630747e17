package handlers

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// noted are the outcomes of an event, of what, in the audit log.
func (s *site) noted(event, what string) (outcomes []string) {
	for _, line := range s.audited() {
		if line.Event == event && line.What == what {
			outcomes = append(outcomes, line.Outcome)
		}
	}
	return outcomes
}

// TestLostEnd: whoever deletes their account, or signs out everywhere, is told that it is done, also
// where TCB's answer was lost or is none; where it has not been done, that it could not be.
func TestLostEnd(t *testing.T) {
	t.Parallel()
	written := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}
	}
	end := map[string]func(s *site, b *browser) *page{
		"account_deleted": func(_ *site, b *browser) *page {
			p := b.stepUp("/account/delete", demoPassword).want(http.StatusOK, "account-delete")
			return b.submit(p, fields{"confirm": "delete"})
		},
		"session_ended": func(_ *site, b *browser) *page {
			return b.press(b.open("/account/sessions").want(http.StatusOK, "account-sessions"), "action=everywhere", nil)
		},
	}
	what := map[string]string{"session_ended": "everywhere"}
	for event, do := range end {
		for name, answer := range map[string]string{"lost": "", "empty": "{}", "null": "null", "of another type": `{"sub":1}`, "no JSON": "<p>done"} {
			t.Run(event+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				b, _ := s.signedIn(t)
				b.t = t
				s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodDelete {
						s.backend.em.ServeHTTP(w, r)
						return
					}
					s.backend.em.ServeHTTP(httptest.NewRecorder(), r)
					if answer == "" {
						panic(http.ErrAbortHandler)
					}
					written(answer)(w, r)
				})
				p := do(s, b)
				if name := p.name(); p.status != http.StatusOK || name != "goodbye" && name != "interstitial" {
					t.Errorf("%d %s: %s", p.status, name, p.text())
				}
				if got := s.noted(event, what[event]); !slices.Equal(got, []string{"ok"}) {
					t.Errorf("the audit log says %q", got)
				}
			})
		}
		t.Run(event+" not done", func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b, _ := s.signedIn(t)
			b.t = t
			s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodDelete {
					panic(http.ErrAbortHandler)
				}
				s.backend.em.ServeHTTP(w, r)
			})
			if p := do(s, b); p.status != http.StatusServiceUnavailable || !p.has("error.unavailable") {
				t.Errorf("%d %s", p.status, p.text())
			}
			if got := s.noted(event, what[event]); !slices.Equal(got, []string{"failed"}) {
				t.Errorf("the audit log says %q", got)
			}
		})
	}
}

// TestLostChange: a change whose answer was lost is on record as one that may have been made, and is no
// news to who made it. To press the button again ends well where the flow can know.
func TestLostChange(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		path  string
		fill  func(s *site, b *browser) *page
		again string
	}{
		"username": {"/v1/user/profile", func(_ *site, b *browser) *page {
			return b.submit(b.stepUp("/account/username", demoPassword), fields{"username": "demo.new"})
		}, "account"},
		"password": {"/v1/user/password", func(_ *site, b *browser) *page {
			return b.submit(b.stepUp("/account/password", demoPassword), fields{"new_password": "Quiet-river-7"})
		}, "account"},
		"email": {"/v1/user/contact", func(s *site, b *browser) *page {
			p := b.submit(b.stepUp("/account/email", demoPassword), fields{"email": "lost@example.com"})
			return b.submit(p, fields{"verification_code": s.backend.code("lost@example.com")})
		}, "account"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			b, _ := s.signedIn(t)
			b.t = t
			b.open("/account").want(http.StatusOK, "account") // from now on there is news
			s.clock.advance(time.Minute)
			s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPatch || strings.TrimPrefix(r.URL.Path, "/auth") != tt.path {
					s.backend.em.ServeHTTP(w, r)
					return
				}
				s.backend.em.ServeHTTP(httptest.NewRecorder(), r)
				s.clock.advance(7 * time.Second) // it took so long
				panic(http.ErrAbortHandler)
			})
			p := tt.fill(s, b)
			if p.status != http.StatusServiceUnavailable || !p.has("error.unavailable") {
				t.Fatalf("%d %s", p.status, p.text())
			}
			if got := s.noted("method_changed", what); !slices.Equal(got, []string{"failed"}) {
				t.Errorf("the audit log says %q", got)
			}
			s.backend.answer("", nil)
			again := fields{}
			if what == "password" {
				again["new_password"] = "Quiet-river-7"
			}
			if p = b.submit(p, again); p.name() != tt.again {
				t.Errorf("again: %s %s", p.name(), p.text())
			}
			s.clock.advance(11 * time.Minute)
			if p := b.open("/account").want(http.StatusOK, "account"); p.has("account.news.title") {
				t.Errorf("their own change is news: %s", p.text())
			}
		})
	}
}

// TestSlowChange: one's own change is no news, however long TCB took to answer to it; another's a little
// before is.
func TestSlowChange(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	b.open("/account").want(http.StatusOK, "account")
	s.clock.advance(time.Minute)
	p := b.stepUp("/account/password", demoPassword)
	s.backend.answer("/v1/user/password", func(w http.ResponseWriter, r *http.Request) {
		s.backend.em.ServeHTTP(w, r)
		s.clock.advance(8 * time.Second)
	})
	p = b.submit(p, fields{"new_password": "Quiet-river-7"}).want(http.StatusOK, "account", "account.done.password")
	if p.has("account.news.title") {
		t.Errorf("their own change is news: %s", p.text())
	}
}

// TestManyDevices: all other devices are signed out, and shown so, however many there are; where TCB
// fails on the way, the page says which have been.
func TestManyDevices(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const devices = 12
	for i := range devices {
		b, p := s.browser(), (*page)(nil)
		p = b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		id := strings.Repeat(string(rune('a'+i)), 32)
		values.Set("device_id", id)
		b.do(http.MethodPost, p.action(), values, nil).completed()
		s.secret("device_id", id)
		s.clock.advance(time.Minute)
	}
	b, _ := s.signedIn(t)
	s.clock.advance(time.Minute)
	over := func(p *page) (n int) {
		for _, row := range listed(p) {
			if strings.HasSuffix(row, "| over") {
				n++
			}
		}
		return n
	}
	broken := "/auth/v1/user/authorized/devices/" + strings.Repeat("d", 32)
	s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == broken {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.backend.em.ServeHTTP(w, r)
	})
	p := b.press(b.open("/account/sessions"), "action=others", nil).want(http.StatusServiceUnavailable, "account-sessions", "error.unavailable")
	if got := over(p); got != devices-1 {
		t.Errorf("%d devices are signed out, want %d: %q", got, devices-1, listed(p))
	}
	s.backend.answer("", nil)
	if got := over(b.open("/account/sessions")); got != 5 {
		t.Errorf("of those that were signed out %d are known after a reload, want 5", got)
	}
	p = b.press(p, "action=others", nil).want(http.StatusOK, "account-sessions", "account.done.others")
	if got := over(p); got != devices {
		t.Errorf("%d devices are signed out, want %d: %q", got, devices, listed(p))
	}
	// Who signs in there again is signed in.
	s.clock.advance(time.Minute)
	again := s.browser()
	in := again.open("/sign-in")
	values := in.filled(fields{"username": "demo", "password": demoPassword})
	values.Set("device_id", strings.Repeat("a", 32))
	again.do(http.MethodPost, in.action(), values, nil).completed()
	if got := over(b.open("/account/sessions").want(http.StatusOK, "account-sessions")); got != devices-1 {
		t.Errorf("%d devices are signed out, want %d", got, devices-1)
	}
}

// TestLostEndRanOut: a login that runs out while TCB is away says nothing of whether an account was deleted.
func TestLostEndRanOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	s.clock.advance(2*time.Hour - 2*time.Minute)
	p := b.stepUp("/account/delete", demoPassword).want(http.StatusOK, "account-delete")
	s.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			s.clock.advance(3 * time.Minute)
			panic(http.ErrAbortHandler)
		}
		s.backend.em.ServeHTTP(w, r)
	})
	if p = b.submit(p, fields{"confirm": "delete"}); p.name() == "goodbye" {
		t.Errorf("the account is said to be deleted: %s", p.text())
	}
	if got := s.noted("account_deleted", ""); !slices.Equal(got, []string{"failed"}) {
		t.Errorf("the audit log says %q", got)
	}
}
