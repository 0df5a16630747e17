package visitor

import (
	"encoding/base64"
	"strings"
	"testing"

	"tcb-login/handlers/entry"
)

// token is one with these claims.
func token(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// TestReadClaims: a token that says too little, or of whom nobody can tell, is nobody's here.
func TestReadClaims(t *testing.T) {
	t.Parallel()
	r := &entry.LoginRequest{Env: &entry.Environment{}, Client: &entry.Client{}}
	r.Env.ID, r.Client.ID = "demo", "app"
	for _, tt := range []struct {
		token            string
		reads, meant, an bool
	}{
		{token(`{"aud":"app","project_id":"demo","exp":9,"scope":"user"}`), true, true, false},
		{token(`{"aud":["other","app"],"exp":9}`), true, true, false},
		{token(`{"aud":"app","exp":9,"scope":"anonymous"}`), true, true, true},
		{token(`{"aud":"app","project_id":"other","exp":9}`), true, false, false},
		{token(`{"aud":"other","project_id":"demo","exp":9}`), true, false, false},
		{token(`{"aud":"App","exp":9}`), true, false, false},
		{token(`{"aud":"app ","exp":9}`), true, false, false},
		{token(`{"aud":"other app","exp":9}`), true, false, false},
		{token(`{"aud":null,"exp":9}`), true, false, false},
		{token(`{"aud":[],"exp":9}`), true, false, false},
		{token(`{"exp":9}`), true, false, false},
		{token(`{"aud":{"a":"app"},"exp":9}`), false, false, false},
		{token(`{"aud":["app",1],"exp":9}`), false, false, false},
		{token(`{"aud":"app"}`), false, false, false},
		{token(`{"aud":"app","exp":0}`), false, false, false},
		{token(`{"aud":"app","exp":-9}`), false, false, false},
		{token(`{"aud":"app","exp":1e99}`), false, false, false},
		{token(`[]`), false, false, false},
		{token(``), false, false, false},
		{"", false, false, false},
		{"..", false, false, false},
		{token(`{"aud":"app","exp":9}`) + ".x", false, false, false},
		{strings.Replace(token(`{"aud":"app","exp":9}`), ".c2ln", "", 1), false, false, false},
		{"e30.!!!.c2ln", false, false, false},
	} {
		c, ok := ReadClaims(tt.token)
		if ok != tt.reads || ok && (c.Meant(r) != tt.meant || c.Anonymous() != tt.an) {
			t.Errorf("%s: reads %v, meant %v, anonymous %v", tt.token, ok, ok && c.Meant(r), c.Anonymous())
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	for _, s := range []string{
		token(`{"aud":"app","project_id":"demo","iss":"i","scope":"user","exp":9}`), token(`{"aud":["app"],"exp":1}`), token(`{"aud":{},"exp":1}`),
		token(`{"exp":1e400}`), "..", "a.b.c", "e30.bnVsbA.x", strings.Repeat("a.", 99), "\xff.\xff.\xff",
	} {
		f.Add(s)
	}
	r := &entry.LoginRequest{Env: &entry.Environment{}, Client: &entry.Client{}}
	r.Env.ID, r.Client.ID = "demo", "app"
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := ReadClaims(s)
		if !ok {
			return
		}
		if strings.Count(s, ".") != 2 || c.ExpiresAt <= 0 {
			t.Errorf("%q reads as %+v", s, c)
		}
		if c.Meant(r) && !strings.Contains(strings.Join(c.Audience, "\n"), "app") {
			t.Errorf("%q is meant for who is not in %q", s, c.Audience)
		}
		if name := LoginName(s); len(name) != 64 {
			t.Errorf("%q is called %q", s, name)
		}
	})
}
