package handlers

import (
	"net/http"
	"strings"
	"testing"
)

func TestPasswordSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const phone = "+86 13800138000"
	s.backend.register(phone, "phoned", "Phone-pass-1")
	tests := []struct{ name, typed, password, want string }{
		{"username", "demo", demoPassword, "demo"},
		{"blanks around", "  demo ", demoPassword, "demo"},
		{"e-mail", demoEmail, demoPassword, "demo"},
		{"e-mail with capitals", "Demo@Example.COM", demoPassword, "demo"},
		{"e-mail in full width", "ｄｅｍｏ＠ｅｘａｍｐｌｅ．ｃｏｍ", demoPassword, "demo"},
		{"phone", "13800138000", "Phone-pass-1", "phoned"},
		{"phone with blanks", "138 0013 8000", "Phone-pass-1", "phoned"},
		{"phone with dashes", "138-0013-8000", "Phone-pass-1", "phoned"},
		{"phone with its country", "+8613800138000", "Phone-pass-1", "phoned"},
		{"phone as an address book has it", "+86 138-0013 8000", "Phone-pass-1", "phoned"},
		{"phone in full width", "＋８６　１３８００１３８０００", "Phone-pass-1", "phoned"},
		{"bare phone in full width", "１３８００１３８０００", "Phone-pass-1", "phoned"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browser()
			p := b.open("/").want(http.StatusOK, "sign-in")
			done := b.submit(p, fields{"username": tt.typed, "password": tt.password}).completed()
			if done.UserInfo.Username != tt.want {
				t.Errorf("signed in as %q, want %q", done.UserInfo.Username, tt.want)
			}
		})
	}
}

// TestCompletion reads the one page that holds a login.
func TestCompletion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	targets := []string{
		appPage,
		publicOrigin + "/",
		publicOrigin + "?x=1",
		publicOrigin + "/p?x=a\\b",
		publicOrigin + "/a%zz/b",
		publicOrigin + "/path;v=1,2!$&'()*+=:@",
		publicOrigin + "/?next=https://evil.com/#@evil.com",
		publicOrigin + "/</script><script>alert(1)</script>",
		publicOrigin + "/中文/é",
	}
	for _, target := range targets {
		t.Run(target, func(t *testing.T) {
			b := s.browser()
			b.t, b.target = t, target
			p := b.open("/sign-in", "state=x%26y")
			p = b.submit(p, fields{"username": "demo", "password": demoPassword})
			done := p.completed()
			if done.RedirectURI != target {
				t.Errorf("redirect_uri %q, want %q", done.RedirectURI, target)
			}
			me := s.backend.user("demo")
			switch {
			case done.EnvID != "demo", done.ClientID != "demo":
				t.Errorf("for %s and %s, want demo and demo", done.EnvID, done.ClientID)
			case done.Credentials.TokenType != "Bearer", done.Credentials.AccessToken == "", done.Credentials.RefreshToken == "",
				done.Credentials.ExpiresIn != 7200, done.Credentials.Sub != me.Sub:
				t.Errorf("credentials %+v", done.Credentials)
			case done.UserInfo.Sub != me.Sub, done.UserInfo.Email != demoEmail:
				t.Errorf("user_info %+v", done.UserInfo)
			case !strings.HasPrefix(done.Back, s.base+"/sign-in?") || !strings.Contains(done.Back, "state=x%26y"):
				t.Errorf("a reload leads to %q", done.Back)
			}
			if p.form() != nil || p.find(byTag("nav")) != nil {
				t.Error("the completion page has a way that leaves the login behind")
			}
			// A reload, which gets the address that the script put in, starts over with the same
			// target.
			again := b.get(done.Back).want(http.StatusOK, "sign-in")
			if !strings.Contains(again.action(), "redirect_uri=") {
				t.Errorf("the form posts to %s without its target", again.action())
			}
		})
	}
}

// TestLabelsFollowMethods: a page names nothing to sign in with that it does not offer.
func TestLabelsFollowMethods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		methods, registry []string
		suffix            string
	}{
		{[]string{"__password"}, nil, "_name"},
		{[]string{"__password", "email"}, nil, "_email"},
		{[]string{"__password", "__sms"}, nil, "_phone"},
		{[]string{"__password"}, []string{"__sms"}, "_phone"},
		{[]string{"__password", "email", "__sms"}, nil, ""},
	} {
		registry := map[string]any{"enable": len(tt.registry) > 0, "registerType": "split", "web": webMethods(tt.registry...)}
		s := newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{"web": webMethods(tt.methods...), "userRegistry": registry})}))
		b := s.browser()
		p := b.open("/sign-in").want(http.StatusOK, "sign-in")
		label := p.find(func(n *htmlNode) bool { return n.Data == "label" && attr(n, "for") == "username" })
		if want := s.cfg.Messages.Match("en").T("field.identifier" + tt.suffix); strings.TrimSpace(textOf(label)) != want {
			t.Errorf("%q: the label is %q, want %q", tt.methods, textOf(label), want)
		}
		refused := b.submit(p, fields{"username": "", "password": "x"})
		if got, want := refused.fieldKey("username"), "error.required.username"+tt.suffix; got != want {
			t.Errorf("%q: without a name it says %s, want %s", tt.methods, got, want)
		}
	}
}
