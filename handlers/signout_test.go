package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
)

// signInTo is a login of the seeded user's to one of the clients, in a browser of its own.
func (s *site) signInTo(t *testing.T, client string) completion {
	t.Helper()
	b := s.browser()
	b.t = t
	p := b.get(s.base + "/sign-in?" + strings.Replace(entryQuery(appPage), "client_id=demo", "client_id="+client, 1))
	return b.submit(p, fields{"username": "demo", "password": demoPassword}).completed()
}

// over reports whether TCB takes neither of a login's tokens any more.
func (s *site) over(t *testing.T, client string, login completion) bool {
	t.Helper()
	auth, err := authclient.New(authclient.Config{Env: "demo", ClientID: client, Endpoint: s.backend.srv.URL, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	_, access := auth.AsUser(login.Credentials.AccessToken).GetUserInfo(t.Context())
	_, refresh := auth.RefreshToken(t.Context(), login.Credentials.RefreshToken)
	return errors.Is(access, authclient.ErrUnauthenticated) && errors.Is(refresh, authclient.ErrInvalidGrant)
}

// TestSignOutOfTwoLogins: our pages may have another login than the app, or none.
// One press ends the one as well as the other; what is no login of this client's
// is left alone, and nothing keeps anybody in.
func TestSignOutOfTwoLogins(t *testing.T) {
	t.Parallel()
	const ended, lives = true, false
	tests := []struct {
		name    string
		client  string // of the posted login
		wait    time.Duration
		bare    bool // the browser has no access cookie
		posted  func(login completion) fields
		own     bool
		apps    bool
		revoked bool // what the page says without script
	}{
		{"another login", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken}
		}, ended, ended, true},
		{"our pages have none", "demo", 0, true, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken}
		}, lives, ended, true},
		{"one that has run out", "demo", 3 * time.Hour, true, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken, "refresh_token": l.Credentials.RefreshToken}
		}, lives, ended, true},
		{"nothing", "demo", 0, false, func(completion) fields { return nil }, ended, lives, true},
		{"another client's", "second", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken}
		}, ended, lives, false},
		{"another client's, with its refresh token", "second", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken, "refresh_token": l.Credentials.RefreshToken}
		}, ended, lives, false},
		{"an access token without meaning", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": "a.b.c", "refresh_token": l.Credentials.RefreshToken}
		}, ended, lives, false},
		{"no token at all", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": "", "refresh_token": l.Credentials.RefreshToken}
		}, ended, lives, true},
		{"bytes that are no text", "demo", 0, false, func(completion) fields {
			return fields{"access_token": "\xff\xfe"}
		}, ended, lives, true},
		{"a token that is too long", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken + strings.Repeat("A", 4096)}
		}, ended, lives, true},
		{"a refresh token that is none", "demo", 0, false, func(l completion) fields {
			return fields{"access_token": l.Credentials.AccessToken, "refresh_token": "none"}
		}, ended, ended, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			app := s.signInTo(t, tt.client)
			s.clock.advance(tt.wait)
			b, ours := s.signedIn(t)
			if tt.bare {
				b.forget()
			}
			before, refreshed := s.backend.count(""), s.backend.count("/v1/token")
			ask := b.open("/sign-out").want(http.StatusOK, "sign-out")
			values := ask.filled(nil)
			for name, value := range tt.posted(app) {
				values.Set(name, value)
			}
			p := b.do(http.MethodPost, ask.action(), values, nil).want(http.StatusOK, "interstitial")
			for _, call := range s.backend.callsTo("")[before:] {
				sent := call.body + call.header.Get("Authorization")
				if tt.apps == lives && (strings.Contains(sent, app.Credentials.AccessToken) || strings.Contains(sent, app.Credentials.RefreshToken)) {
					t.Errorf("%s has got a token that is not our client's", call.path)
				}
			}
			if tt.wait > 0 && s.backend.count("/v1/token") == refreshed {
				t.Error("what has run out was not refreshed first")
			}
			if said := strings.Contains(p.body, "it no longer works."); said != tt.revoked {
				t.Errorf("the page says that all is void: %v, want %v", said, tt.revoked)
			}
			for _, token := range []string{app.Credentials.AccessToken, app.Credentials.RefreshToken} {
				if strings.Contains(p.body, token) {
					t.Error("the page holds a token")
				}
			}
			if got := s.over(t, "demo", ours); got != tt.own {
				t.Errorf("our login has ended: %v, want %v", got, tt.own)
			}
			if got := s.over(t, tt.client, app); got != tt.apps {
				t.Errorf("the app's login has ended: %v, want %v", got, tt.apps)
			}
			b.open("/account").want(http.StatusOK, "hand-off")
		})
	}
}

// TestSignOutWithoutTCB: a TCB that does not answer keeps nobody in. It is asked to
// end both logins at once, and the page says that a copy may still be good.
func TestSignOutWithoutTCB(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.signInTo(t, "demo")
	b, ours := s.signedIn(t)
	hurried := s.twin(100 * time.Millisecond)
	b = b.on(t, hurried)
	gone := make(chan struct{})
	defer close(gone)
	s.backend.answer("/v1/user/signout", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	})
	defer s.backend.answer("", nil)
	ask := b.open("/sign-out").want(http.StatusOK, "sign-out")
	values := ask.filled(nil)
	values.Set("access_token", app.Credentials.AccessToken)
	p := b.do(http.MethodPost, ask.action(), values, nil).want(http.StatusOK, "interstitial")
	if strings.Contains(p.body, "it no longer works.") {
		t.Error("the page says that the login has ended")
	}
	var asked []string
	for _, call := range s.backend.callsTo("/v1/user/signout") {
		asked = append(asked, strings.TrimPrefix(call.header.Get("Authorization"), "Bearer "))
	}
	for whose, login := range map[string]completion{"ours": ours, "the app's": app} {
		if !slices.Contains(asked, login.Credentials.AccessToken) {
			t.Errorf("TCB was not asked to end %s", whose)
		}
	}
	if _, ok := accessCookieOf(b); ok {
		t.Error("the login is left in the browser")
	}
}

// departure is what the interstitial leads to.
type departure struct {
	To     string
	Forget []string
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tests := []struct{ name, target, more, want string }{
		{"no state", appPage, "", appPage},
		{"state", publicOrigin + "/bye", "state=a%26b%3D%20%2B%E4%B8%AD", publicOrigin + "/bye?state=a%26b%3D+%2B%E4%B8%AD"},
		{"state after a query and before a hash", appPage, "state=xyz", publicOrigin + "/orders/7?x=1&y=%E4%B8%AD&state=xyz#part=2"},
		{"empty state", appPage, "state=", appPage},
		{"the first state", appPage, "state=1&state=2", publicOrigin + "/orders/7?x=1&y=%E4%B8%AD&state=1#part=2"},
		{"state that would split", publicOrigin + "/", "state=%0d%0aSet-Cookie:a=b%23%3Cscript%3E", publicOrigin + "/?state=%0D%0ASet-Cookie%3Aa%3Db%23%3Cscript%3E"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			b.t, b.target = t, tt.target
			login := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			ask := b.open("/sign-out", tt.more).want(http.StatusOK, "sign-out")
			p := b.submit(ask, nil).want(http.StatusOK, "interstitial")
			var where departure
			p.script("departure", &where)
			if where.To != tt.want || !slices.Equal(where.Forget, []string{"credentials_demo", "user_info_demo"}) {
				t.Errorf("leaves for %+v, want %s", where, tt.want)
			}
			if attr(p.byID("go"), "href") != tt.want {
				t.Errorf("the link leads to %s", attr(p.byID("go"), "href"))
			}
			refresh := p.find(func(n *htmlNode) bool { return attr(n, "http-equiv") == "refresh" })
			if refresh == nil || attr(refresh, "content") != "2; url="+tt.want {
				t.Error("without script the page does not move on")
			}
			if p.header.Get("Location") != "" {
				t.Error("a POST redirects off our pages")
			}
			var ended struct{ Error string }
			resp, err := s.backend.srv.Client().Post(s.backend.srv.URL+"/auth/v1/token", "application/json",
				strings.NewReader(fmt.Sprintf(`{"client_id":"demo","grant_type":"refresh_token","refresh_token":%q}`, login.Credentials.RefreshToken)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if decode(t, resp.Body, &ended); ended.Error != "invalid_grant" {
				t.Errorf("after sign-out the refresh token answers %q", ended.Error)
			}
		})
	}
	t.Run("nobody is signed in", func(t *testing.T) {
		b := s.browser()
		b.t = t
		revoked := s.backend.count("/v1/user/signout")
		b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
		if s.backend.count("/v1/user/signout") != revoked {
			t.Error("something was revoked")
		}
	})
	for _, code := range []string{"unavailable", "unauthenticated", "internal"} {
		t.Run("TCB says "+code, func(t *testing.T) {
			other := newSite(t, func(c *siteConfig) { c.backend, c.clock = s.backend, s.clock })
			b := other.browser()
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			s.backend.refuse("/v1/user/signout", http.StatusServiceUnavailable, code)
			defer s.backend.answer("", nil)
			p := b.submit(b.open("/sign-out"), nil).want(http.StatusOK, "interstitial") // whoever wants out gets out
			for _, c := range (&http.Response{Header: p.header}).Cookies() {
				if strings.Contains(c.Name, "_at_") && c.MaxAge >= 0 {
					t.Errorf("cookie %s stays", c.Name)
				}
			}
			if got := last(other.log.lines(t)).Code; got != code && code != "unauthenticated" {
				t.Errorf("the log says %q, want %q", got, code)
			}
		})
	}
}

// TestSignOutOfApp: an app on another origin gets its own address back after a sign-out, as it sent it, and
// its state, whether somebody was signed in or not, and however TCB writes the address.
func TestSignOutOfApp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	app := s.codeApp(t, "demo")
	app.state = "é 1&b"
	query := app.entry()[strings.Index(app.entry(), "?")+1:]
	signOut := func(b *browser) string {
		var to departure
		p := b.get(s.base+"/sign-out?"+query).want(http.StatusOK, "sign-out")
		b.submit(p, nil).want(http.StatusOK, "interstitial").script("departure", &to)
		return to.To
	}
	b := s.browser()
	b.submit(b.get(app.entry()), fields{"username": "demo", "password": demoPassword}).want(http.StatusOK, "authorize")
	want := signOut(s.browser())
	if got := signOut(b); got != want || !strings.HasPrefix(got, registered) {
		t.Errorf("signed in it is led to %s, else to %s", got, want)
	}
}
