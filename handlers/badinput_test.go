package handlers

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// The tests of this file ask every row of the router for what nobody who means well sends. A new row
// is among them by itself.

// withEverything is a site that offers all there is, to who has agreed to its texts, and counts
// nothing.
func withEverything(t *testing.T) *site {
	return newSite(t, withFiles(t, map[string]string{envFile: loginJSON(t, map[string]any{
		"web":       webMethods("__password", "__sms", "email", "demo"),
		"agreement": map[string]any{"enable": true, "items": []map[string]any{{"label": "Terms", "enable": true, "value": "Be kind."}}},
		"tcbLogin":  map[string]any{"anonymous": true, "miniProgram": miniProgram},
	})}), func(c *siteConfig) { c.counter = limitless{} })
}

// proven is somebody signed in who has stepped up.
func (s *site) proven(t testing.TB) *browser {
	t.Helper()
	b := s.browser()
	b.t = t
	b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword, "agreement": "yes"}).completed()
	b.stepUp("/account/password", demoPassword).want(http.StatusOK, "account-password")
	return b
}

// acts are the calls of TCB's API that change something, give somebody something or send something.
var acts = []string{
	"/v1/signin", "/v1/signup", "/v1/signin/anonymously", "/v1/signin/with/provider", "/v1/signin/custom", "/v1/token", "/v1/reset",
	"/v2/signin/password/update", "/v1/verification", "/v1/verification/verify", "/v1/provider/token", "/v1/provider/uri", "/v1/qrcode/generate",
	"/v1/revoke", "/v1/user/signout", "/v1/user/sudo", "/v1/user/authorize", "/v1/user/device/authorize", "/v1/user/provider/bind",
	"/v1/user/contact", "/v1/user/password", "/v1/captcha/init", "/v1/captcha/data",
}

// acted is how many of them there were.
func (s *site) acted() (n int) {
	for _, call := range s.backend.callsTo("") {
		if slices.Contains(acts, call.path) {
			n++
		}
	}
	return n
}

// badParameters are those that any page reads, and one that none does.
var badParameters = []string{
	"flow", "via", "next", "link", "done", "page_token", "user_code", "lang", "prompt", "state", "login_hint", "code", "error",
	"error_description", "captcha_token", "expires_in", "scope", "nonce", "max_age", "request", "response_mode", "app_id", "config_version", "nobody_reads",
}

const marker = "unlikely-marker-5309"

// badValues are parts of a query string, by what is bad about them.
var badValues = map[string]func(name string) string{
	"unknown":    func(name string) string { return name + "=" + marker },
	"empty":      func(name string) string { return name + "=" },
	"bare":       func(name string) string { return name },
	"twice":      func(name string) string { return name + "=" + marker + "&" + name + "=other" },
	"brackets":   func(name string) string { return name + "[]=" + marker + "&" + name + "[0]=" + marker },
	"a NUL":      func(name string) string { return name + "=" + marker + "%00&" + name + "%00=" + marker },
	"no text":    func(name string) string { return name + "=%ff%fe" + marker },
	"a header":   func(name string) string { return name + "=" + marker + "%0d%0aSet-Cookie:%20tcb_login=x" },
	"markup":     func(name string) string { return name + "=%22%3E%3Cscript%3E" + marker + "%3C/script%3E" },
	"an address": func(name string) string { return name + "=https://evil.example/" + marker },
	"half a %":   func(name string) string { return name + "=%&" + name + "=%4" },
}

// keepsTarget reports that a page leads to where the app wanted, by whichever way.
func keepsTarget(p *page) bool {
	escaped := url.QueryEscape(appPage)
	return p.find(func(n *html.Node) bool {
		for _, name := range []string{"href", "action", "formaction"} {
			if at := attr(n, name); strings.Contains(at, escaped) || at == appPage {
				return true
			}
		}
		return n.Data == "script" && n.FirstChild != nil && strings.Contains(n.FirstChild.Data, escaped)
	}) != nil
}

// TestBadParameters: a page that reads a parameter wrongly written, too long, twice or not known says
// so or goes on; it does nothing, tells nobody, leads nowhere else, and the target is kept.
func TestBadParameters(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	s.secret("marker", marker)
	people := map[string]*browser{"nobody": s.browser(), "somebody": s.proven(t)}
	calls := s.acted()
	tried := 0
	get := func(who, what string, r row, query string) {
		t.Helper()
		p := people[who].do(http.MethodGet, s.base+r.at()+"?"+query, nil, nil)
		tried++
		switch {
		case p.status >= http.StatusInternalServerError || p.status == http.StatusMethodNotAllowed:
			t.Errorf("%s, %s at %s: status %d", who, what, r.Path, p.status)
		case p.status == http.StatusSeeOther && !r.Bare && !strings.Contains(p.header.Get("Location"), url.QueryEscape(appPage)):
			t.Errorf("%s, %s at %s: leads to %s without the target", who, what, r.Path, shorten(p.header.Get("Location")))
		case p.status == http.StatusOK && !r.Bare && !keepsTarget(p):
			t.Errorf("%s, %s at %s: page %q has lost the target", who, what, r.Path, p.name())
		case p.status >= http.StatusBadRequest && p.name() != "error":
			t.Errorf("%s, %s at %s: status %d with page %q", who, what, r.Path, p.status, p.name())
		}
		if n := s.acted(); n != calls {
			t.Errorf("%s, %s at %s: a GET has made TCB do something: %+v", who, what, r.Path, last(s.backend.callsTo("")).path)
			calls = n
		}
	}
	for _, r := range s.rows(t) {
		if r.Get == nil || r.file() {
			continue
		}
		for who := range people {
			for what, write := range badValues {
				var all []string
				for _, name := range badParameters {
					if name != "app_id" && name != "config_version" { // whose values decide which page it is
						all = append(all, write(name))
					}
				}
				get(who, what, r, entryQuery(appPage, all...))
			}
			for _, name := range badParameters {
				value := marker
				if name == "app_id" || name == "config_version" { // names, which the log may have
					value = "no-such-page"
				}
				get(who, name, r, entryQuery(appPage, name+"="+value))
			}
		}
		for _, name := range badParameters {
			get("nobody", "8 KB of "+name, r, entryQuery(appPage, name+"="+strings.Repeat(marker, 8<<10/len(marker))))
		}
	}
	if tried < 2000 {
		t.Errorf("%d requests", tried)
	}
}

// TestDoubledParameters: what decides who gets a login is said once, at every page and to every
// method.
func TestDoubledParameters(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	people := map[string]*browser{"nobody": s.browser(), "somebody": s.proven(t)}
	calls := s.acted()
	for _, r := range s.rows(t) {
		if r.Bare || r.file() {
			continue
		}
		for who, b := range people {
			for _, name := range []string{"app_id", "env_id", "client_id", "config_version", "redirect_uri", "response_type", "code_challenge"} {
				for _, more := range []string{name + "=demo&" + name + "=demo", name + "[]=demo", name + "%00=demo"} {
					at := s.base + r.at() + "?" + entryQuery(appPage, more)
					if r.Get != nil {
						if p := b.do(http.MethodGet, at, nil, nil); p.status != http.StatusBadRequest || p.name() != "error" {
							t.Errorf("%s: GET %s with %s: status %d", who, r.Path, more, p.status)
						}
					}
					if r.Post == nil {
						continue
					}
					if p := b.do(http.MethodPost, at, url.Values{"form": {r.Form}}, nil); p.status != http.StatusBadRequest || !r.JSON && p.name() != "error" {
						t.Errorf("%s: POST %s with %s: status %d", who, r.Path, more, p.status)
					}
				}
			}
		}
	}
	if n := s.acted(); n != calls {
		t.Errorf("TCB was made to do %d things", n-calls)
	}
}

// TestWrongMethods: a method that a page has not gets its error page, and the ones that there are.
func TestWrongMethods(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	b := s.browser()
	for _, r := range s.rows(t) {
		has := map[string]bool{http.MethodGet: r.Get != nil, http.MethodPost: r.Post != nil}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			if has[method] {
				continue
			}
			p := b.do(method, s.base+r.at()+"?"+entryQuery(appPage), nil, nil)
			allow := strings.Split(p.header.Get("Allow"), ", ")
			if p.status != http.StatusMethodNotAllowed || p.name() != "error" || !p.has("error.page.method") {
				t.Errorf("%s %s: status %d with page %q", method, r.Path, p.status, p.name())
			}
			for _, other := range []string{http.MethodGet, http.MethodPost} {
				if slices.Contains(allow, other) != has[other] {
					t.Errorf("%s %s: Allow: %q", method, r.Path, allow)
				}
			}
			if !keepsTarget(p) {
				t.Errorf("%s %s: the target is lost", method, r.Path)
			}
		}
	}
	if s.backend.count("") != 0 {
		t.Error("TCB was called")
	}
}

// TestOtherClients: another client's and another environment's pages know nothing of who is signed in.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	b := s.proven(t)
	me := s.backend.user("demo")
	calls := s.acted()
	for _, r := range s.rows(t) {
		if r.file() || r.Path == "/sign-out" { // whose session it is
			continue
		}
		for _, of := range []string{"env_id=demo&client_id=second", "env_id=other&client_id=other", "env_id=north&client_id=north"} {
			at := s.base + r.at() + "?" + of + "&config_version=env&redirect_uri=" + url.QueryEscape(appPage)
			var answers []*page
			if r.Get != nil {
				answers = append(answers, b.do(http.MethodGet, at, nil, nil))
			}
			if r.Post != nil && !r.JSON {
				form := b.open("/account/profile").filled(nil)
				form.Set("form", r.Form)
				answers = append(answers, b.do(http.MethodPost, at, form, nil))
			}
			for _, p := range answers {
				if strings.Contains(p.body, me.Sub) || strings.Contains(p.body, demoEmail) || p.status >= http.StatusInternalServerError {
					t.Errorf("%s %s for %s: status %d, page %q", p.method, r.Path, of, p.status, p.name())
				}
			}
		}
	}
	if n := s.acted(); n != calls {
		t.Errorf("TCB was made to do %d things, the last at %s", n-calls, last(s.backend.callsTo("")).path)
	}
}

// TestForeignPosts: a POST that another site made does nothing, and calls nobody; nor does one
// without the token of this session, from a browser that does not say where it comes from.
func TestForeignPosts(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	token := s.browser().open("/sign-in").value("csrf_token")
	for who, b := range map[string]*browser{"nobody": s.browser(), "somebody": s.proven(t)} {
		own := b.open("/sign-in").filled(fields{"username": "demo", "password": demoPassword})
		for _, r := range s.rows(t) {
			if r.Post == nil {
				continue
			}
			at := s.base + r.at() + "?" + entryQuery(appPage)
			post := func(form url.Values, header http.Header) *page {
				if r.JSON {
					header = header.Clone()
					header.Set("Content-Type", "application/json")
					header.Set("X-CSRF-Token", form.Get("csrf_token"))
				}
				return b.do(http.MethodPost, at, form, header)
			}
			calls, acted := s.backend.count(""), s.acted()
			for _, header := range []http.Header{
				{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://evil.example"}, "Sec-Fetch-Site": nil},
				{"Origin": {"https://app.login.example.net"}, "Sec-Fetch-Site": {"same-site"}}, {"Origin": nil, "Sec-Fetch-Site": {"cross-site"}},
				{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}},
			} {
				if p := post(own, header); p.status != http.StatusForbidden || !r.JSON && p.name() != "error" {
					t.Errorf("%s: POST %s from %v: status %d", who, r.Path, header, p.status)
				}
			}
			if s.backend.count("") != calls {
				t.Errorf("%s: POST %s: another site's has called TCB", who, r.Path)
			}
			for _, foreign := range []string{"", token, "x", strings.Repeat("A", 8<<10)} {
				form := url.Values{"csrf_token": {foreign}, "form": {r.Form}, "username": {"demo"}, "password": {demoPassword}, "agreement": {"yes"}}
				if p := post(form, http.Header{"Origin": nil, "Sec-Fetch-Site": nil}); p.status < http.StatusBadRequest && p.status != http.StatusSeeOther && p.name() != "hand-off" {
					t.Errorf("%s: POST %s with the token %.8q: status %d, page %q", who, r.Path, foreign, p.status, p.name())
				}
			}
			if s.acted() != acted {
				t.Errorf("%s: POST %s without a token has made TCB do something: %s", who, r.Path, last(s.backend.callsTo("")).path)
			}
		}
	}
}

// TestBadForms: whatever stands in a form of this session's, the answer is a page and signs nobody in.
func TestBadForms(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	s.secret("marker", marker)
	names := []string{
		"form", "action", "agreement", "username", "password", "new_password", "phone_country", "phone_number", "email", "verification_code",
		"name", "gender", "birthdate", "user_code", "compared", "captcha", "captcha_key", "captcha_picture", "captcha_return", "captcha_sdk", "kept",
		"identity", "provider", "code", "state", "qr_code", "qr_state", "device_id", "access_token", "refresh_token", "lang", "confirm", "nobody_reads",
	}
	long := strings.Repeat(marker, 8<<10/len(marker))
	for who, b := range map[string]*browser{"nobody": s.browser(), "somebody": s.proven(t)} {
		for _, r := range s.rows(t) {
			if r.Post == nil || r.JSON || r.Path == "/sign-out" {
				continue
			}
			token := b.open("/sign-in", "prompt=login").value("csrf_token")
			at := s.base + r.at() + "?" + entryQuery(appPage)
			bodies := map[string]url.Values{"nothing": {}, "no such form": {"form": {marker}}, "a form twice": {"form": {r.Form, "sign-in"}}, "the name of 8 KB": {"form": {long}}}
			for what, value := range map[string]string{"marker": marker, "8 KB": long, "a NUL": marker + "\x00", "no text": "\xff\xfe" + marker, "lines": marker + "\r\nSet-Cookie: x=1", "markup": `"><script>` + marker + "</script>"} {
				form := url.Values{}
				for _, name := range names {
					form.Set(name, value)
				}
				form.Set("form", r.Form)
				bodies[what] = form
			}
			for what, form := range bodies {
				form.Set("csrf_token", token)
				p := b.do(http.MethodPost, at, form, nil)
				leaves := p.name() == "interstitial" && r.Path != "/continue" // which is for who is signed in
				if p.status >= http.StatusInternalServerError || p.name() == "complete" || leaves {
					t.Errorf("%s: POST %s with %s: status %d, page %q", who, r.Path, what, p.status, p.name())
				}
				if p.doc != nil && p.status != http.StatusBadRequest && !keepsTarget(p) {
					t.Errorf("%s: POST %s with %s: page %q with status %d has lost the target", who, r.Path, what, p.name(), p.status)
				}
			}
			for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain"} {
				if p := b.do(http.MethodPost, at, url.Values{"csrf_token": {token}}, http.Header{"Content-Type": {kind}}); p.status != http.StatusUnsupportedMediaType {
					t.Errorf("%s: POST %s as %s: status %d", who, r.Path, kind, p.status)
				}
			}
		}
	}
	if users := s.backend.users("demo"); len(users) != 1 || users[0].Status != "ACTIVE" {
		t.Errorf("of demo is left %+v", users)
	}
}

// TestBadJSON: the pages that scripts ask answer in JSON, and take no login for what is none.
func TestBadJSON(t *testing.T) {
	t.Parallel()
	s := withEverything(t)
	s.secret("marker", marker)
	b := s.browser()
	var guard struct {
		CSRF string `json:"csrf_token"`
	}
	for _, r := range s.rows(t) {
		if !r.JSON {
			continue
		}
		for _, body := range []string{
			"", "{", "null", "[]", `"x"`, "5", `{"access_token":1}`, `{"access_token":{"a":1}}`, `{"access_token":"` + marker + `"}`, `{"access_token":"a.b.c"}`,
			`{"access_token":"a.e30.c"}`, `{"access_token":"` + strings.Repeat("a", 8<<10) + `"}`, `{"access_token":"x","access_token":"y"}`,
			`{"access_token":"x","refresh_token":"` + marker + `","device_id":"` + marker + `"}`, strings.Repeat("[", 10_000), "\xff\xfe", `{"access_token":"\u0000\r\n"}`,
		} {
			b.open("/account").script("guard", &guard)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.origin+s.base+r.at()+"?"+entryQuery(appPage), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{"Content-Type": {"application/json"}, "Origin": {b.origin}, "Sec-Fetch-Site": {"same-origin"}, "X-Csrf-Token": {guard.CSRF}}
			resp, err := b.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			var said struct{ Error, State, Sub string }
			if err != nil || json.Unmarshal(answer, &said) != nil || resp.Header.Get("Content-Type") != "application/json" || resp.StatusCode >= 500 || said.Sub != "" || strings.Contains(string(answer), marker) {
				t.Errorf("%s with %s: status %d: %.100s", r.Path, shorten(body), resp.StatusCode, answer)
			}
			if _, in := accessCookieOf(b); in {
				t.Fatalf("%s with %s: somebody is signed in", r.Path, shorten(body))
			}
		}
	}
}
