package handlers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"tcb-login/limit"
	"tcb-login/session"
)

// notedDeny remembers which ids were denied.
type notedDeny struct {
	session.DenyList
	mu  sync.Mutex
	ids []string
}

func (d *notedDeny) Deny(ctx context.Context, id string, ended bool, ttl time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids = append(d.ids, id)
	return d.DenyList.Deny(ctx, id, ended, ttl)
}

func (d *notedDeny) has(t *testing.T, id string) bool {
	denied, sure := d.Denied(t.Context(), id, time.Time{})
	return denied && sure
}

// smallList has room for 200 of each kind.
func smallList(c *siteConfig) *notedDeny {
	return &notedDeny{DenyList: limit.NewMemory(limit.MemoryConfig{Now: c.clock.Now, MaxKeys: 200})}
}

// TestHandOffsFlushNothing: whoever has a login may hand it over again and again, under one new
// session after the other; the marks that earlier sign-outs have left stay.
func TestHandOffsFlushNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		from func(i int) string
	}{
		{"from one network", func(int) string { return "203.0.113.9" }},
		{"from networks without end", func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var deny *notedDeny
			s := newSite(t, func(c *siteConfig) {
				deny = smallList(c)
				c.deny = deny
			})
			b, _ := s.signedIn(t)
			b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			marks := slices.Clone(deny.ids)
			if len(marks) == 0 {
				t.Fatal("signing out has left no mark")
			}
			s.clock.advance(time.Minute)
			_, login := s.signedIn(t)
			in := map[string]string{"access_token": login.Credentials.AccessToken}
			limited := 0
			for i := range 300 {
				b := s.browser().at(tt.from(i))
				p := b.open("/account")
				switch status, out := b.handOver(p, in, nil); {
				case status == http.StatusTooManyRequests && out.Error == "limited" && out.Sub == "":
					limited++
				case status != http.StatusOK:
					t.Fatalf("%d %+v", status, out)
				}
			}
			if limited == 0 {
				t.Error("there is no limit")
			}
			for _, key := range marks {
				if !deny.has(t, key) {
					t.Error("the mark of a sign-out is gone")
				}
			}
		})
	}
}

// TestLoginsFlushNothing: nor does who signs in, steps up and signs out again and again, from
// wherever, and none of it is refused.
func TestLoginsFlushNothing(t *testing.T) {
	t.Parallel()
	var deny *notedDeny
	s := newSite(t, func(c *siteConfig) {
		deny = smallList(c)
		c.deny = deny
	})
	s.backend.captcha("never")
	other := s.otherPerson()
	b := s.browser()
	b.submit(b.open("/sign-in"), other).completed()
	b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	marks := slices.Clone(deny.ids)
	if len(marks) == 0 {
		t.Fatal("signing out has left no mark")
	}
	s.clock.advance(time.Minute)
	for i := range 100 {
		b := s.browser().at(fmt.Sprintf("2001:db8:%x::1", i))
		b.open("/sign-in") // a cookie, whose id the sign-in replaces
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		if i%3 == 0 {
			b.stepUp("/account/verify", demoPassword).want(http.StatusOK, "account")
		}
		b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	}
	for _, key := range marks {
		if !deny.has(t, key) {
			t.Error("the mark of somebody's sign-out is gone")
		}
	}
}

// TestGuestsFlushNothing: accounts without a registration cost nothing, and those of a block of
// networks have no more places than one account has.
func TestGuestsFlushNothing(t *testing.T) {
	t.Parallel()
	var deny *notedDeny
	s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web": webMethods("__password", "email"), "tcbLogin": map[string]any{"anonymous": true},
	})}), func(c *siteConfig) {
		deny = smallList(c)
		c.deny = deny
	})
	s.backend.captcha("never")
	owner, _ := s.signedIn(t)
	owner.stepUp("/account/verify", demoPassword).want(http.StatusOK, "account")
	gone, _ := s.signedIn(t)
	gone.submit(gone.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	marks := slices.Clone(deny.ids)
	s.clock.advance(time.Minute)
	for account := range 4 {
		at := fmt.Sprintf("2001:db8:0:%x::1", account)
		guest := s.browser().at(at)
		login := guest.pressWay(guest.open("/sign-in"), "anonymous", nil).completed()
		for i := range 59 {
			b := s.browser().at(at)
			b.open("/sign-in") // a cookie, whose id the hand-off replaces
			status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.Credentials.AccessToken}, nil)
			if status != http.StatusOK {
				t.Fatalf("%d %+v", status, out)
			}
			if i%2 == 0 {
				if status, out = b.handOver(b.open("/account"), map[string]string{}, nil); status != http.StatusOK {
					t.Fatalf("%d %+v", status, out)
				}
				b.submit(b.open("/sign-out"), nil)
			}
		}
	}
	if len(marks) == 0 {
		t.Fatal("there are no marks to lose")
	}
	for _, id := range marks {
		if !deny.has(t, id) {
			t.Error("a mark is gone")
		}
	}
}
