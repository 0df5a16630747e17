package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config/settings"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) { c.settings.Environments[0].TCBSeesClientAddress = true })
	sign := func(address, agent, device string) *browser {
		b := s.browser().at(address)
		b.header.Set("User-Agent", agent)
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": demoPassword})
		values.Set("device_id", device)
		b.do(http.MethodPost, p.action(), values, nil).completed()
		s.secret("device_id", device)
		s.clock.advance(time.Minute)
		return b
	}
	phone := sign("192.0.2.1", "Mozilla/5.0 (iPhone; CPU) AppleWebKit Safari/604.1", strings.Repeat("a", 32))
	other := sign("192.0.2.2", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", strings.Repeat("b", 32))
	b := sign("192.0.2.3", "Mozilla/5.0 (X11; Linux) Chrome/140.0 Safari/537", strings.Repeat("c", 32))
	p := b.open("/account/sessions").want(http.StatusOK, "account-sessions")
	for _, want := range []string{"Safari · iPhone", "192.0.2.1", "Firefox · Windows", "23 Nov 2026, 08:01 UTC"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("the page lacks %q: %s", want, p.text())
		}
	}
	if diff := cmp.Diff([]string{
		"Chrome · Linux | i-desktop | 2026-11-23T08:02:00Z | this",
		"Firefox · Windows | i-desktop | 2026-11-23T08:01:00Z | Sign out Firefox\u00a0· Windows",
		"Safari · iPhone | i-phone | 2026-11-23T08:00:00Z | Sign out Safari\u00a0· iPhone",
	}, listed(p)); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
	if rows := listed(phone.open("/account/sessions").want(http.StatusOK, "account-sessions")); !strings.HasPrefix(rows[0], "Safari · iPhone") || !strings.HasSuffix(rows[0], "| this") {
		t.Errorf("this device is not the first: %q", rows)
	}
	for _, id := range []string{"a", "b"} {
		if strings.Contains(p.body, strings.Repeat(id, 32)) {
			t.Error("the page shows another device's device_id")
		}
	}
	buttons := p.all(func(n *htmlNode) bool { return n.Data == "button" && strings.HasPrefix(attr(n, "value"), "end:") })
	if len(buttons) != 2 {
		t.Fatalf("%d devices can be ended, want 2", len(buttons))
	}
	ended := b.press(p, "action="+attr(buttons[0], "value"), nil).want(http.StatusOK, "account-sessions", "account.done.ended")
	if diff := cmp.Diff([]string{
		"Chrome · Linux | i-desktop | 2026-11-23T08:02:00Z | this",
		"Safari · iPhone | i-phone | 2026-11-23T08:00:00Z | Sign out Safari\u00a0· iPhone",
		"Firefox · Windows | i-desktop | 2026-11-23T08:01:00Z | over",
	}, listed(ended)); diff != "" {
		t.Errorf("after one has ended (-want +got):\n%s", diff)
	}
	other.open("/account").want(http.StatusOK, "hand-off")
	phone.open("/account").want(http.StatusOK, "account")
	b.press(b.open("/account/sessions"), "action=others", nil).want(http.StatusOK, "account-sessions", "account.done.others")
	phone.open("/account").want(http.StatusOK, "hand-off")
	b.open("/account").want(http.StatusOK, "account")
	stolen := p.filled(nil)
	stolen.Set("action", "end:"+strings.Repeat("x", 40))
	b.do(http.MethodPost, p.action(), stolen, nil).want(http.StatusUnprocessableEntity, "account-sessions", "error.stale")
	var where departure
	b.press(b.open("/account/sessions"), "action=everywhere", nil).want(http.StatusOK, "interstitial").script("departure", &where)
	if !slices.Contains(where.Forget, "credentials_demo") {
		t.Errorf("%+v", where)
	}
	b.open("/account").want(http.StatusOK, "hand-off")
	if err := settings.Demo().Environments[0].TCBSeesClientAddress; !err {
		t.Error("the demo hides addresses")
	}
}

// listed is each row of the list of sign-ins: its name, icon, moment, and what its button is called or
// what it is marked as.
func listed(p *page) (rows []string) {
	for _, row := range p.all(func(n *htmlNode) bool { return n.Data == "li" && strings.HasPrefix(attr(n, "class"), "row") }) {
		var name, icon, moment, end string
		for n := range row.Descendants() {
			switch {
			case n.Data == "bdi" && name == "":
				name = textOf(n)
			case n.Data == "time":
				moment = attr(n, "datetime")
			case n.Data == "button":
				end = attr(n, "aria-label")
			case n.Data == "span" && strings.HasPrefix(attr(n, "class"), "icon "):
				icon = strings.TrimPrefix(attr(n, "class"), "icon ")
			}
			for _, mark := range []string{"this", "over"} {
				if _, ok := attribute(n, "data-"+mark); ok {
					end = mark
				}
			}
		}
		rows = append(rows, strings.Join([]string{name, icon, moment, end}, " | "))
	}
	return rows
}

// TestWeChatByName: in the list of devices too WeChat has the name that people know it by.
func TestWeChatByName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	b.header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU) AppleWebKit MicroMessenger/8.0")
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	for language, want := range map[string]string{"en": "WeChat · iPhone", "zh-CN": "微信 · iPhone", "ko": "위챗 · iPhone"} {
		b.header.Set("Accept-Language", language)
		rows := listed(b.open("/account/sessions").want(http.StatusOK, "account-sessions"))
		if name, _, _ := strings.Cut(rows[0], " | "); name != want {
			t.Errorf("in %s the browser is %q, want %q", language, name, want)
		}
	}
}

// TestPasswordEndsSessions: what a change of the password has signed out is marked as over, also in
// a browser that has not changed it; who signs in there again is not.
func TestPasswordEndsSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	sign := func(device, password string) *browser {
		b := s.browser()
		p := b.open("/sign-in")
		values := p.filled(fields{"username": "demo", "password": password})
		values.Set("device_id", strings.Repeat(device, 32))
		b.do(http.MethodPost, p.action(), values, nil).completed()
		s.secret("device_id", strings.Repeat(device, 32))
		s.clock.advance(time.Minute)
		return b
	}
	sign("a", demoPassword)
	sign("b", demoPassword)
	b := sign("c", demoPassword)
	const fresh = "Other-pass-2"
	b.submit(b.stepUp("/account/password", demoPassword), fields{"new_password": fresh}).want(http.StatusOK, "account", "account.done.password")
	s.clock.advance(time.Minute)
	b = sign("b", fresh)
	var ends []string
	for _, row := range listed(b.open("/account/sessions").want(http.StatusOK, "account-sessions")) {
		_, end, _ := strings.Cut(row, "Z | ")
		ends = append(ends, end)
	}
	if diff := cmp.Diff([]string{"this", "Sign out Unknown device", "over"}, ends); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	b.open("/account/history").want(http.StatusOK, "account-history")
	b.stepUp("/account/username", demoPassword).want(http.StatusOK, "account-username")
	for i := range 25 {
		b.submit(b.open("/account/username"), fields{"username": fmt.Sprintf("demo.%d", i)}).want(http.StatusOK, "account")
	}
	p := b.open("/account/history").want(http.StatusOK, "account-history")
	events := func(p *page) int {
		return len(p.all(func(n *htmlNode) bool { return attr(n, "data-event") == "account.event.username" }))
	}
	if events(p) != 20 || p.link("first") != "" || strings.Contains(p.text(), "127.0.0.1") {
		t.Errorf("%d events: %s", events(p), p.text())
	}
	p = b.click(p, "more").want(http.StatusOK, "account-history")
	if events(p) != 5 || p.link("more") != "" || p.link("first") == "" {
		t.Errorf("%d events on the second page", events(p))
	}
	b.open("/account/history", "page_token=nonsense").want(http.StatusOK, "account-history")
}
