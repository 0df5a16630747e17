package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A form that is posted twice, by two clicks or by going back, comes to the same both times, and TCB
// is asked once.

// outcome is what an answer comes to.
func (p *page) outcome() string {
	to, _, _ := strings.Cut(p.header.Get("Location"), "flow=") // a sealed value is another each time
	to, _, _ = strings.Cut(to, "done=")
	to, _, _ = strings.Cut(to, "link=")
	file, _, _ := strings.Cut(p.header.Get("Content-Disposition"), ";")
	return strings.TrimSuffix(fmt.Sprintf("%d %s %s %s", p.status, p.name(), to, file), " ")
}

// TestEveryPostTwice posts each form once more: at once, as a double click does; with the cookies of
// before, as the second click of a slow line; and with those of after, as who goes back.
func TestEveryPostTwice(t *testing.T) {
	t.Parallel()
	forms, posted := twiceForms(), &posts{seen: map[string]bool{}}
	rows := newSite(t).rows(t)
	t.Cleanup(func() {
		if posted.ran < len(forms) { // -run has left some out
			return
		}
		for _, missing := range posted.missing(rows) {
			t.Errorf("no case posts %s twice", missing)
		}
	})
	for _, tt := range forms {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.newSite(t)
			b := s.browser().on(t, s)
			action, values := tt.reach(s, b)
			onDevice(values)
			posted.note(rows, s, action, values)
			first, once := tt.late(t, s, b, action, values)
			s = tt.newSite(t)
			tt.atOnce(t, s, first, once)
		})
	}
}

// late posts a form, and again with the cookies of before and of after. It gives what came of it, and
// how many calls of TCB it took.
func (f *twiceForm) late(t *testing.T, s *site, b *browser, action string, values url.Values) (first *page, once int) {
	t.Helper()
	before := b.copy()
	calls := s.backend.count("")
	first = b.do(http.MethodPost, action, values, nil)
	if first.status >= http.StatusBadRequest {
		t.Fatalf("once: %s, %q", first.outcome(), first.keys())
	}
	once = s.backend.count("") - calls
	late, err := before.lax().try(http.MethodPost, action, values, nil)
	if err != nil || late.outcome() != first.outcome() {
		t.Errorf("with the cookies of before: %s, %q, want %s: %v", late.outcome(), late.keys(), first.outcome(), err)
	}
	if n := s.backend.count("") - calls; n != once && !f.again {
		t.Errorf("TCB got %d calls, want %d", n, once)
	}
	// The late one's browser is where the first's is.
	for _, path := range []string{"/account", "/sign-in"} {
		if one, other := b.open(path), before.open(path); one.name() != other.name() {
			t.Errorf("%s is %q after the first, and %q after the second", path, one.name(), other.name())
		}
	}
	if !f.ends {
		back, err := b.lax().try(http.MethodPost, action, values, nil)
		if err != nil || back.outcome() != first.outcome() {
			t.Errorf("going back: %s, %q, want %s: %v", back.outcome(), back.keys(), first.outcome(), err)
		}
	}
	return first, once
}

// atOnce posts a form twice at the same time, on a site of its own.
func (f *twiceForm) atOnce(t *testing.T, s *site, first *page, once int) {
	t.Helper()
	b := s.browser().on(t, s)
	action, values := f.reach(s, b)
	onDevice(values)
	calls := s.backend.count("")
	var wg sync.WaitGroup
	got := make(chan string, 2)
	for range 2 {
		other := b.copy().lax()
		wg.Go(func() {
			p, err := other.try(http.MethodPost, action, values, nil)
			if err != nil {
				t.Error(err)
				got <- ""
				return
			}
			got <- p.outcome()
		})
	}
	wg.Wait()
	if one, other := <-got, <-got; one != first.outcome() || other != one {
		t.Errorf("at once: %s and %s, want %s", one, other, first.outcome())
	}
	if n := s.backend.count("") - calls; n != once && !f.again {
		t.Errorf("at once: TCB got %d calls, want %d", n, once)
	}
}

// onDevice is a form as script fills it in: the device is the same in all sessions of a browser.
func onDevice(values url.Values) {
	if values.Has("device_id") {
		values.Set("device_id", strings.Repeat("d", 32))
	}
}

// lax is the browser without a look at each answer: copies of its cookies are no cookies of ours.
func (b *browser) lax() *browser {
	other := *b
	other.strict = false
	return &other
}

// TestBackToWhatIsBound: who goes back, long after, to a form that has bound a number or an address,
// hears that it is bound. Its code was spent by that.
func TestBackToWhatIsBound(t *testing.T) {
	t.Parallel()
	for _, tt := range twiceContacts() {
		switch tt.name {
		case "phone", "new email", "email of another account, left": // bind nothing
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.newSite(t)
			b := s.browser().on(t, s)
			action, values := tt.reach(s, b)
			first := b.follow(b.do(http.MethodPost, action, values, nil)).want(http.StatusOK, "account")
			done := "account.done.email"
			if strings.HasPrefix(tt.name, "phone") {
				done = "account.done.phone"
			}
			s.clock.advance(2 * repeatLife)
			calls := s.backend.count("") - s.backend.count("/v1/user/me")
			again := b.follow(b.lax().do(http.MethodPost, action, values, nil))
			if !first.has(done) || again.name() != "account" || !again.has(done) {
				t.Errorf("first %q, and then page %q with status %d, %q", first.keys(), again.name(), again.status, again.keys())
			}
			if n := s.backend.count("") - s.backend.count("/v1/user/me") - calls; n > 2 { // the overview asks for devices and history
				t.Errorf("TCB got %d calls", n)
			}
			// The button for another code, or another number, is none that has done anything.
			values.Set("action", "change")
			if values.Has("verification_code") {
				b.lax().do(http.MethodPost, action, values, nil).want(http.StatusOK, strings.TrimSuffix(values.Get("form"), "-code"))
			}
		})
	}
}

// TestBackAgainOtherwiseSpelt: who goes back and writes their address in other capitals gets to the code
// that is under way, and not to a wait with no way there.
func TestBackAgainOtherwiseSpelt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	sendCode(b, "/sign-in/email", fields{"email": "Demo@Example.COM"})
	for _, again := range []string{"demo@example.com", " DEMO@example.com", "demo@example.com"} {
		b.submit(b.open("/sign-in/email"), fields{"email": again}).want(http.StatusOK, "sign-in-email-code")
	}
	if got := len(s.backend.messages("")); got > 1 {
		t.Errorf("%d messages were sent", got)
	}
	b.submit(b.open("/sign-in/email"), fields{"email": "other@example.com"}).want(http.StatusOK, "sign-in-email-code")
}
