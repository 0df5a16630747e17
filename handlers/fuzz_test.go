package handlers

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tcb-login/handlers/web"
)

// FuzzHandOff: whatever a page of this origin posts as its login, the answer is JSON, and nobody is
// signed in by what TCB has not made.
func FuzzHandOff(f *testing.F) {
	for _, s := range []string{
		"", "null", "[]", "{", "5", `{"access_token":""}`, `{"access_token":1}`, `{"access_token":"a.e30.b"}`, `{"ACCESS_TOKEN":"x"}`,
		`{"access_token":"a.eyJhdWQiOiJkZW1vIiwiZXhwIjo5fQ.b","refresh_token":"r","device_id":"0123456789abcdef"}`,
		`{"access_token":"e30.eyJhdWQiOiJkZW1vIiwiZXhwIjo5OTk5OTk5OTk5fQ.AA"}`, "\xff", strings.Repeat("[", 200),
	} {
		f.Add([]byte(s))
	}
	s := newSite(f, func(c *siteConfig) { c.counter = limitless{} })
	b := s.browser()
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > web.BodyLimit {
			t.Skip()
		}
		b := b.forFuzz(t)
		var guard struct {
			CSRF string `json:"csrf_token"`
		}
		b.open("/account").script("guard", &guard)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.origin+s.base+"/session?"+entryQuery(appPage), strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {"application/json"}, "Origin": {b.origin}, "Sec-Fetch-Site": {"same-origin"}, "X-Csrf-Token": {guard.CSRF}}
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		var answer handOffAnswer
		if err != nil || json.Unmarshal(data, &answer) != nil || resp.StatusCode >= http.StatusInternalServerError || answer.Sub != "" || answer.Credentials != nil {
			t.Errorf("%q: status %d: %s", body, resp.StatusCode, data)
		}
		if _, in := accessCookieOf(b); in {
			t.Fatalf("%q has signed somebody in", body)
		}
	})
}

// FuzzAuthorization: however an authorization request is written, nothing is minted by it, and the
// browser of somebody signed in is sent nowhere but to the app's registered address, with an error.
func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{
		"", "prompt=none", "prompt=none&prompt=login", "response_mode=fragment", "request=x", "request_uri=https://evil.example", "scope=%00", "scope=a&scope=b",
		"redirect_uri=https://evil.example", "redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback%2F", "response_type=token", "response_type[]=code",
		"code_challenge_method=plain", "code_challenge=", "max_age=0", "max_age=-1", "state=%0d%0aLocation:x", "state=&state=", "nonce=" + strings.Repeat("n", 300),
		"client_id=second", "client_id%00=demo", "env_id=other", "flow=x", "link=y", "next=account", "user_code=WDJB-MJHX", "lang=zh-CN", "iss=x", "code=stolen", "error=x&error_description=y",
	} {
		f.Add(s, s, byte(len(s)))
	}
	s := newSite(f, func(c *siteConfig) { c.counter = limitless{} })
	app := s.codeApp(f, "demo", "openid")
	b := s.browser()
	app.signIn(b)
	f.Fuzz(func(t *testing.T, before, after string, place byte) {
		b := b.forFuzz(t)
		at := strings.Replace(app.entry(), "/?", "/"+[]string{"", "authorize", "sign-in", "continue"}[place%4]+"?"+entryEscaped(before)+"&", 1) + "&" + entryEscaped(after)
		if len(at) > 8<<10 {
			t.Skip()
		}
		p := b.do(http.MethodGet, at, nil, nil) // which looks the answer over: see check
		if p.status >= http.StatusInternalServerError || strings.Contains(p.header.Get("Location"), "code=") && strings.HasPrefix(p.header.Get("Location"), registered) {
			t.Errorf("%s: status %d, Location %q", at, p.status, p.header.Get("Location"))
		}
		if s.minted() != 0 {
			t.Fatalf("%s has minted a code", at)
		}
	})
}

// forFuzz is the same browser for one input.
func (b *browser) forFuzz(t *testing.T) *browser {
	other := *b
	other.t = t
	return &other
}

// entryEscaped is a query string as Go's client sends one: as it is, but for what no address has.
func entryEscaped(query string) string {
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		name, value, has := strings.Cut(part, "=")
		for _, s := range []*string{&name, &value} {
			if plain, err := url.QueryUnescape(*s); err == nil {
				*s = url.QueryEscape(plain)
			} else {
				*s = url.QueryEscape(*s)
			}
		}
		if has {
			name += "=" + value
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, "&")
}
