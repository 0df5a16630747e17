package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"tcb-login/config"
	"tcb-login/config/loginpage"
)

const weChatAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x1800322f) NetType/WIFI Language/zh_CN"

// withMethods offers identity providers beside the built-in ways, in this order.
func withMethods(ids ...string) func(*siteConfig) {
	return func(c *siteConfig) {
		c.logins = config.BuiltInPages(c.settings)
		login := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
		for _, id := range ids {
			login.Methods = append(login.Methods, loginpage.SignInMethod{ID: id})
		}
	}
}

// TestWeChat: WeChat's own browser offers the official account before all else, and no code to scan
// with the phone that shows it; other browsers offer the code alone.
func TestWeChat(t *testing.T) {
	t.Parallel()
	providersOf := func(p *page) (ids []string) {
		for _, n := range p.all(byTag("a", "button")) {
			if id, ok := strings.CutPrefix(attr(n, "data-to"), "provider-"); ok {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for _, tt := range []struct {
		offered     []string
		inside, out []string
	}{
		{[]string{"wx_open", "demo", "wx_mp"}, []string{"wx_mp", "demo"}, []string{"wx_open", "demo"}},
		{[]string{"demo", "wx_mp"}, []string{"wx_mp", "demo"}, []string{"demo", "wx_mp"}},
		{[]string{"demo", "wx_open"}, []string{"demo"}, []string{"demo", "wx_open"}},
		{[]string{"demo"}, []string{"demo"}, []string{"demo"}},
		{nil, nil, nil},
	} {
		s := newSite(t, withMethods(tt.offered...))
		b := s.browser()
		if got := providersOf(b.open("/sign-in")); !slices.Equal(got, tt.out) {
			t.Errorf("%q: %q elsewhere, want %q", tt.offered, got, tt.out)
		}
		for agent, want := range map[string][]string{
			weChatAgent: tt.inside, weChatAgent + " wxwork/4.1.0": tt.out,
		} {
			b.header.Set("User-Agent", agent)
			if got := providersOf(b.open("/sign-in")); !slices.Equal(got, want) {
				t.Errorf("%q: %q in %.300s, want %q", tt.offered, got, agent, want)
			}
		}
	}
}

// TestWeChatLosesCookies: a window that has none goes on at sign-in, with the target kept; the code
// that came is nobody's.
func TestWeChatLosesCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t, withMethods("demo"))
	b := s.browser()
	b.header.Set("User-Agent", weChatAgent)
	for i, leave := range []func() *page{
		func() *page { return b.toProvider(b.open("/sign-in"), "demo") },
		func() *page { return b.toProvider(b.open("/", "next=account-profile", "x=%D6%D0"), "demo") },
	} {
		back := b.consent(leave(), "allow", "p-1", "")
		b.forget()
		p := b.get(back).want(http.StatusOK, "sign-in", "provider.again")
		if strings.Contains(p.body, p.url.Query().Get("code")) || strings.Contains(p.body, p.url.Query().Get("state")) {
			t.Error("the page has what the provider sent")
		}
		if s.backend.count("/v1/provider/token") != 0 {
			t.Fatal("the code was offered to TCB")
		}
		done := b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
		if want := []string{appPage, publicOrigin + s.base + "/account/profile?"}[i]; !strings.HasPrefix(done.RedirectURI, want) {
			t.Errorf("signing in leads to %s, want %s", done.RedirectURI, want)
		}
		if i == 1 && !strings.Contains(done.RedirectURI, "x=%D6%D0") {
			t.Errorf("the app's own parameter is lost: %s", done.RedirectURI)
		}
		b.forget()
	}
	// In the portal too: its page asks who it is.
	b, _ = s.signedIn(t)
	b.stepUp("/account/verify", demoPassword)
	linking := b.pressOnly(b.open("/account/providers"), "action=link:demo", nil)
	back := b.consent(linking, "allow", "p-2", "")
	b.forget()
	b.get(back).want(http.StatusOK, "hand-off")
	if s.backend.count("/v1/provider/token") != 0 {
		t.Error("the code was offered to TCB")
	}
	// It is found for as long as the way to the provider lives.
	b = s.browser()
	back = b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
	b.forget()
	s.clock.advance(tripLife)
	b.get(back).want(http.StatusBadRequest, "error", "provider.lost")
}

func callbackAtEntry(c *siteConfig) {
	for i := range c.settings.Environments {
		c.settings.Environments[i].ProviderCallback = c.settings.BasePath + "/"
	}
}

// hidden wants the address of a page to be told to nothing that the page loads or leads to.
func (p *page) hidden() *page {
	p.t.Helper()
	if got := p.header.Get("Referrer-Policy"); got != "no-referrer" {
		p.t.Errorf("page %q: Referrer-Policy %q: the address holds what a provider sent", p.name(), got)
	}
	return p
}

// TestCallbackAtEntry: providers that are told to send browsers to /__auth/ itself work like all
// others; what is the app's own there stays that.
func TestCallbackAtEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t, withMethods("demo"), callbackAtEntry)
	b := s.browser()
	leave := func(b *browser) *page { return b.toProvider(b.open("/sign-in"), "demo") }
	back := b.consentAt("/", leave(b), "allow", "p-1", "")
	calls := s.backend.count("")
	p := b.get(back).want(http.StatusOK, "provider-return").hidden()
	if s.backend.count("") != calls {
		t.Error("a GET has called TCB")
	}
	if strings.Contains(attr(p.find(byTag("body")), "data-url"), "code=") {
		t.Error("the address keeps the code")
	}
	b.submit(p, nil).completed()
	if got := last(s.backend.callsTo("/v1/provider/token")).body; !strings.Contains(string(got), `"`+publicOrigin+s.base+`/"`) {
		t.Errorf("the code is exchanged with another address: %s", got)
	}

	b = s.browser()
	b.get(b.consentAt("/", leave(b), "deny", "p-1", "")).want(http.StatusOK, "sign-in", "provider.cancelled").hidden()
	b = s.browser()
	leave(b)
	b.get(s.base+"/?error=access_denied").want(http.StatusOK, "sign-in", "provider.cancelled") // without a state

	// A window without cookies, and one that is not this browser's.
	b = s.browser()
	back = b.consentAt("/", leave(b), "allow", "p-1", "")
	b.forget()
	b.get(back).want(http.StatusOK, "sign-in", "provider.again").hidden()
	s.clock.advance(tripLife)
	b.get(back).want(http.StatusBadRequest, "error", "provider.lost") // of which environment, nobody knows
	over := b.get(back+"&"+entryQuery(appPage)).want(http.StatusOK, "sign-in")
	for _, name := range []string{"code", "state"} {
		if over.url.Query().Has(name) || strings.Contains(over.action(), name+"=") {
			t.Errorf("%s goes on: %s", name, over.action())
		}
	}
	if over.has("provider.again") {
		t.Error("a way that is over is told of")
	}

	// The app's own.
	for _, query := range []string{"code=a&state=b", "state=xyz", "error=x", "error=access_denied&state=mine", "state=" + strings.Repeat("A", 32)} {
		p := s.browser().open("/", query).want(http.StatusOK, "sign-in")
		if !strings.Contains(p.action(), query) {
			t.Errorf("%s is lost: %s", query, p.action())
		}
	}
}
