package emulator

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// signedIn is the cookie of somebody who has typed the token, on plain HTTP from another machine.
func (f *fixture) signedIn() (cookie string) {
	f.t.Helper()
	in := f.do("POST", "/__emulator/ui/sign-in", "token="+controlToken, "Content-Type", formType, "Host", elsewhere, "Origin", "null")
	cookie, _, _ = strings.Cut(in.header.Get("Set-Cookie"), ";")
	if in.status != http.StatusSeeOther || cookie == "" {
		f.t.Fatalf("signed in: %d %v", in.status, in.header)
	}
	return cookie
}

const (
	formType  = "application/x-www-form-urlencoded"
	elsewhere = "tcb.internal:8081" // plain HTTP, so that browsers send no Sec-Fetch-Site
)

var postForm = regexp.MustCompile(`<form method="post" action="([^"]*)"`)

// TestConsoleOrigin: browsers are asked for the origin of our own forms; where they tell none all the
// same, since a proxy has added "Referrer-Policy: no-referrer", the forms prove whose they are.
func TestConsoleOrigin(t *testing.T) {
	t.Parallel()
	f := soleFixture(t, func(c *Config) { c.ControlToken = controlToken })
	cookie, forms := f.signedIn(), map[string]bool{}
	sub := f.do("GET", "/__emulator/users.json", "", "Authorization", "Bearer "+controlToken).ok().body["users"].([]any)[0].(object)["sub"].(string)
	f.do("PUT", "/__emulator/settings", `{"faults": [{"path": "/auth/v1/nothing", "error": "unavailable"}]}`, "Authorization", "Bearer "+controlToken).ok()
	for _, path := range []string{"/", "/ui/users", "/ui/new-user", "/ui/users/shop/" + sub, "/ui/settings"} {
		page := f.do("GET", "/__emulator"+path, "", "Cookie", cookie, "Host", elsewhere).ok()
		if got := page.header.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("%s: Referrer-Policy %q", path, got)
		}
		for _, form := range postForm.FindAllStringSubmatch(page.str("raw"), -1) {
			forms[html.UnescapeString(form[1])] = true
		}
	}
	routes := map[string]bool{"POST /__emulator/ui/sign-in": true} // it is for those who have no proof
	for action := range forms {
		bare, _, _ := strings.Cut(action, "?")
		for _, to := range []string{bare, bare + "?proof=", bare + "?proof=" + strings.Repeat("0", 64)} {
			f.do("POST", to, "", "Content-Type", formType, "Cookie", cookie, "Host", elsewhere, "Origin", "null").fails("permission_denied")
		}
		f.do("POST", action, "", "Content-Type", formType, "Cookie", cookie, "Host", elsewhere, "Origin", "http://tcb.internal:3000").fails("permission_denied")
		f.do("POST", action, "", "Content-Type", formType, "Host", elsewhere, "Origin", "null").fails("unauthenticated") // it opens nothing
		a := f.do("POST", action, "", "Content-Type", formType, "Cookie", cookie, "Host", elsewhere, "Origin", "null")
		if a.status == http.StatusForbidden || a.status == http.StatusUnauthorized {
			t.Errorf("%s: %d %v", action, a.status, a.body)
		}
		request, err := http.NewRequestWithContext(t.Context(), "POST", action, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, route := f.controls.Handler(request)
		routes[route] = true
	}
	for route := range f.consoleTable() {
		if strings.HasPrefix(route, "POST ") && !routes[route] {
			t.Errorf("%s: no form of ours posts there", route)
		}
	}
}

// TestConsoleProofIsForUsers: who has not typed the token sees no proof, whatever is asked for.
func TestConsoleProofIsForUsers(t *testing.T) {
	t.Parallel()
	f := soleFixture(t, func(c *Config) { c.ControlToken = controlToken })
	_, proof, _ := strings.Cut(f.guard.Proof(), "=")
	if len(proof) < 32 || strings.Contains(controlToken, proof) {
		t.Fatalf("proof %q", proof)
	}
	for pattern := range f.consoleTable() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{$}", "", "{env}", "shop", "{sub}", "1", "{client}", "shop", "{section}", "captcha").Replace(path)
		if a := f.do(method, path, "token=wrong", "Content-Type", formType); a.body["raw"] != nil && strings.Contains(a.str("raw"), proof) {
			t.Errorf("%s tells the proof", pattern)
		}
	}
	// Without a token the page is for this machine alone, where browsers say of which site a form is.
	open := newFixture(t)
	if page := open.do("GET", "/__emulator/ui/settings", "").ok().str("raw"); strings.Contains(page, "proof=") {
		t.Error("a proof where there is no token")
	}
	open.do("POST", "/__emulator/ui/reset?proof=", "", "Origin", "null").fails("permission_denied")
}
