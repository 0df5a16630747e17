package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"tcb-login/config/loginpage"
)

// resumes reports that the page takes a login over that the browser has, and
// leads to /continue if there is one.
func (p *page) resumes() bool {
	p.t.Helper()
	body := p.find(byTag("body"))
	return body != nil && attr(body, "data-resume") != ""
}

// wantPrompt checks that the query string of an address has one prompt=, and which.
func wantPrompt(t *testing.T, address, want string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Query()["prompt"]; !slices.Equal(got, []string{want}) {
		t.Errorf("%s has prompts %q, want %q alone", u, got, want)
	}
}

// TestPrompt: which entry pages offer the login that the browser has, and that
// whoever wants another one is not offered it again.
func TestPrompt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _ := s.signedIn(t)
	tests := []struct {
		query   string
		page    string
		resumes bool
	}{
		{"", "sign-in", true},
		{"prompt=select_account", "sign-in", true},
		{"prompt=create", "sign-up", false},
		{"prompt=login", "sign-in", false},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			b := b.copy().on(t, s)
			if p := b.open("/", tt.query).want(http.StatusOK, tt.page); p.resumes() != tt.resumes {
				t.Errorf("the entry resumes: %v, want %v", p.resumes(), tt.resumes)
			}
			p := b.open("/continue", tt.query)
			if tt.query != "prompt=login" {
				p.want(http.StatusOK, "continue")
				wantPrompt(t, p.link("sign-in"), "login")
				p = b.click(p, "sign-in")
			}
			if p.want(http.StatusOK, "sign-in"); p.resumes() {
				t.Error("who wants another account is offered the one they have")
			}
			wantPrompt(t, p.url.String(), "login")
			p = b.press(p, "lang=zh-CN", nil).want(http.StatusOK, "sign-in")
			wantPrompt(t, p.action(), "login")
		})
	}
}

// TestPromptAnonymous: an anonymous login is none to go on with, and /continue
// leads to no page that leads back to it.
func TestPromptAnonymous(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *siteConfig) {
		withProvider(c)
		c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Anonymous = true
	})
	b := s.browser()
	if done := b.pressWay(b.open("/"), "anonymous", nil).completed(); done.Credentials.Scope != "anonymous" {
		t.Fatalf("scope %q, want anonymous", done.Credentials.Scope)
	}
	for _, query := range []string{"", "prompt=create", "prompt=select_account", "prompt=login"} {
		p := b.open("/continue", query).want(http.StatusOK, "sign-in")
		if wantPrompt(t, p.url.String(), "login"); p.resumes() {
			t.Errorf("%q: /continue leads to a page that leads back to it", query)
		}
		p = b.open("/account", query).want(http.StatusOK, "account-anonymous")
		for _, to := range []string{"sign-in", "sign-up"} {
			if wantPrompt(t, p.link(to), "login"); b.click(p, to).resumes() {
				t.Errorf("%q: the link to %s leads to a page that resumes", query, to)
			}
		}
	}
}

// TestPromptAfterProvider: an identity that nobody has is for a new sign-in to claim.
func TestPromptAfterProvider(t *testing.T) {
	t.Parallel()
	s := newSite(t, withProvider)
	s.backend.provider(map[string]bool{"AutoSignUpWithProviderUser": false, "AutoSignInWhenEmailMatch": false})
	for _, query := range []string{"", "prompt=create", "prompt=select_account"} {
		b := s.browser()
		p := b.comesBack(b.toProvider(b.open("/sign-in", query), "demo"), "p-1", "").want(http.StatusOK, "provider-unknown")
		wantPrompt(t, p.link("sign-in"), "login")
		if p = b.click(p, "sign-in").want(http.StatusOK, "sign-in"); p.resumes() {
			t.Errorf("%q: the page resumes", query)
		}
	}
}
