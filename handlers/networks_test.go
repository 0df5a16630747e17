package handlers

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"tcb-login/config/loginpage"
	"tcb-login/handlers/limits"
	"tcb-login/limit"
)

// TestWideNetworks: who has a /56 or a /48 gets no further with what counts by network alone than so
// many times a network's limit, by whichever of its addresses; then there is a picture, and no refusal.
func TestWideNetworks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		rule  limit.Rule
		press func(*browser) *page
		then  string
	}{
		{"anonymous", limits.RuleAnonymous, pressesWay("anonymous"), "complete"},
		{"provider", limits.RuleProvider, pressesWay("provider-demo"), "interstitial"},
		{"code", limits.RuleSendNetwork, func(b *browser) *page { return b.submit(b.open("/sign-in/email"), fields{"email": demoEmail}) }, "sign-in-email-code"},
		{"password", limits.RulePasswordNetwork, func(b *browser) *page {
			return b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword})
		}, "complete"},
	} {
		for wide, block := range []string{"/64", "/56", "/48"} {
			t.Run(tt.name+" from a "+block, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, func(c *siteConfig) {
					withProvider(c)
					c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
				})
				s.backend.captcha("never")
				inside := []string{"2001:db8:1:200::7", "2001:db8:1:2ff::7", "2001:db8:1:300::7"}[wide]
				outside := []string{"2001:db8:1:201::7", "2001:db8:1:300::7", "2001:db8:2::7"}[wide]
				count := limits.NetworkOf(netip.MustParseAddr("2001:db8:1:200::1")).Counts(tt.rule)[wide]
				for i := range count.Rule.N {
					if d, err := s.memory.Take(t.Context(), count.Rule, count.Key); err != nil || !d.OK {
						t.Fatalf("%d of %d: %v %v", i, count.Rule.N, d, err)
					}
				}
				b := s.browser().on(t, s).at(inside)
				asked := tt.press(b)
				if asked.status != http.StatusUnprocessableEntity || !asked.has("captcha.ask") {
					t.Fatalf("page %q with status %d, %q", asked.name(), asked.status, asked.keys())
				}
				if p := b.solve(asked); p.status != http.StatusOK || p.name() != tt.then {
					t.Errorf("after the picture: page %q with status %d, %q", p.name(), p.status, p.keys())
				}
				s.clock.advance(time.Minute) // the pause between two codes
				if p := tt.press(s.browser().on(t, s).at(outside)); p.status != http.StatusOK || p.name() != tt.then {
					t.Errorf("from elsewhere: page %q with status %d, %q", p.name(), p.status, p.keys())
				}
			})
		}
	}
}

// pressesWay presses the button of a way in on the page that has them.
func pressesWay(way string) func(*browser) *page {
	return func(b *browser) *page { return b.pressWay(b.open("/sign-in"), way, nil) }
}
