package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"tcb-login/i18n"
)

// collectSecrets notes what of an answer must be in no log line: cookies,
// tokens, the values of hidden fields.
func (p *page) collectSecrets() {
	s := p.b.s
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		s.secret("cookie", c.Value)
	}
	for _, name := range []string{"csrf_token", "device_id", "captcha", "kept"} {
		s.secret(name, p.value(name))
	}
	if loc, err := url.Parse(p.header.Get("Location")); err == nil {
		s.secret("flow", loc.Query().Get("flow"))
	}
	if p.name() == "complete" && p.byID("completion") != nil {
		var c completion
		p.script("completion", &c)
		s.secret("access_token", c.Credentials.AccessToken)
		s.secret("refresh_token", c.Credentials.RefreshToken)
	}
}

// errorPrefix is what the title of a page with an error begins with.
func errorPrefix(lang string) (prefix string, known bool) {
	bundle, err := messages()
	if err != nil {
		return "", false
	}
	l, known := bundle.Locale(lang)
	if !known {
		return "", false
	}
	const mark = "\x00" // what comes before the title may have a mark of direction in it
	prefix, _, _ = strings.Cut(l.Print(i18n.Message{Key: "title.error", Args: i18n.Args{"title": mark}}), mark)
	return strings.ReplaceAll(prefix, "\u00a0", " "), true // as textOf has it
}

// check looks an answer over for what holds of all of them: cookies, redirects,
// headers and markup.
func (p *page) check() (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		for _, problem := range p.checkCookie(c) {
			bad("cookie %s: %s", c.Name, problem)
		}
	}
	if loc := p.header.Get("Location"); loc != "" {
		u, err := p.url.Parse(loc)
		sentBack := p.method == "GET" && strings.HasPrefix(loc, registered+"?error=") && p.header.Get("Referrer-Policy") == "no-referrer"
		if err != nil || !sentBack && (u.Scheme != p.url.Scheme || u.Host != p.url.Host || !strings.HasPrefix(u.Path, p.b.s.base+"/")) {
			bad("Location %q leads away from our pages", loc)
		}
		if p.status != http.StatusSeeOther {
			bad("a redirect with status %d, want 303", p.status)
		}
		if p.b.s.secretIn(loc, "password", "new_password", "verification_code", "csrf_token", "device_id", "phone", "email", "access_token", "refresh_token") {
			bad("Location %q holds a secret", loc)
		}
	}
	if p.doc == nil {
		return wrong
	}
	for _, problem := range p.checkHeaders() {
		bad("%s", problem)
	}
	for _, problem := range p.checkHTML() {
		bad("%s", problem)
	}
	if p.name() != "demo" && p.b.s.secretIn(p.body, "password", "new_password") {
		bad("the page holds a password")
	}
	body := p.body
	if p.name() == "complete" {
		if n := p.byID("completion"); n != nil && n.FirstChild != nil {
			body = strings.Replace(body, n.FirstChild.Data, "", 1)
		}
	}
	if p.b.s.secretIn(body, "access_token", "refresh_token") {
		bad("the page holds a token")
	}
	return wrong
}

var accessCookie = regexp.MustCompile(`^(__Secure-)?tcb_login_at_[0-9a-f]{12}_[0-3]$`)

var tripCookieName = regexp.MustCompile(`^(__Secure-)?tcb_login_go_[0-9a-f]{12}$`)

var notesCookie = regexp.MustCompile(`^(__Secure-)?tcb_login_notes_[0-9a-f]{12}$`)

func (p *page) checkCookie(c *http.Cookie) (wrong []string) {
	secure := p.url.Scheme == "https"
	session := "tcb_login"
	if secure {
		session = "__Host-tcb_login"
	}
	switch {
	case c.Name == session:
		if c.Path != "/" {
			wrong = append(wrong, "Path is "+c.Path+", want /")
		}
		if c.MaxAge != 0 || !c.Expires.IsZero() {
			wrong = append(wrong, "it outlives the browser")
		}
	case (accessCookie.MatchString(c.Name) || tripCookieName.MatchString(c.Name)) && strings.HasPrefix(c.Name, "__Secure-") == secure:
		if c.Path != p.b.s.base {
			wrong = append(wrong, "Path is "+c.Path+", want "+p.b.s.base)
		}
	case notesCookie.MatchString(c.Name) && strings.HasPrefix(c.Name, "__Secure-") == secure:
		if c.Path != p.b.s.base || c.MaxAge != 400*24*60*60 {
			wrong = append(wrong, fmt.Sprintf("Path is %s for %d s, want %s for 400 days", c.Path, c.MaxAge, p.b.s.base))
		}
	default:
		wrong = append(wrong, "no cookie of ours has this name")
	}
	if !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
		wrong = append(wrong, "attributes "+c.Raw[len(c.Name)+1+len(c.Value):])
	}
	if len(c.Raw) > 4096 {
		wrong = append(wrong, fmt.Sprintf("%d bytes, browsers keep 4096", len(c.Raw)))
	}
	return wrong
}

// noOriginCSP is what an answer has that is made before its host is known.
const noOriginCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func (p *page) checkHeaders() (wrong []string) {
	want := map[string]string{
		"Content-Security-Policy":      p.b.s.csp[p.url.Scheme+"://"+p.url.Host],
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
		"X-Robots-Tag":                 "noindex",
		"Content-Type":                 "text/html; charset=utf-8",
		"Content-Encoding":             "",
		"Server":                       "",
		"Etag":                         "",
	}
	switch p.name() {
	case "complete", "interstitial", "error", "captcha-return", "captcha-failed":
		want["Referrer-Policy"] = "no-referrer"
	}
	query := p.url.Query()
	switch { // the address holds what somebody else's site sent
	case p.method == http.MethodGet && strings.HasSuffix(p.url.Path, "/callback"):
		want["Referrer-Policy"] = "no-referrer"
	case p.method == http.MethodGet && p.url.Path == p.b.s.base+"/" && (query.Has("state") || query.Has("error")):
		delete(want, "Referrer-Policy") // it may be the app's own: see TestCallbackAtEntry
	}
	switch p.status {
	case http.StatusMisdirectedRequest, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		want["Content-Security-Policy"] = noOriginCSP
	}
	if p.has("error.page.malformed") {
		want["Content-Security-Policy"] = noOriginCSP // no HTTP to speak of: refused before anything is read of it
	}
	for name, value := range want {
		if got := strings.Join(p.header.Values(name), " | "); got != value {
			wrong = append(wrong, fmt.Sprintf("header %s is %q, want %q", name, got, value))
		}
	}
	policy := p.header.Get("Permissions-Policy")
	for feature := range strings.SplitSeq(policy, ", ") {
		if name, allowed, _ := strings.Cut(feature, "="); allowed != "()" && feature != "otp-credentials=(self)" {
			wrong = append(wrong, "Permissions-Policy leaves "+name+" on")
		}
	}
	for _, off := range []string{"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()", "otp-credentials=(self)"} {
		if !strings.Contains(policy, off) {
			wrong = append(wrong, "Permissions-Policy lacks "+off)
		}
	}
	return wrong
}

// checkHTML is what the markup of every page must be like.
func (p *page) checkHTML() (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, tag := range []string{"h1", "main", "title"} {
		if n := len(p.all(byTag(tag))); n != 1 {
			bad("%d <%s>, want 1", n, tag)
		}
	}
	if first := p.find(func(n *html.Node) bool {
		return len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6'
	}); first != nil && first.Data != "h1" {
		bad("<%s> stands before the <h1>", first.Data)
	}
	prefix, ok := errorPrefix(p.lang())
	if !ok {
		bad("lang is %q", p.lang())
	}
	if p.name() == "" {
		bad("body has no data-page")
	}
	summary, fields := p.byID("error-summary"), p.wrongFields()
	failed := summary != nil || len(fields) > 0 || p.name() == "error"
	if title := p.find(byTag("title")); title != nil && strings.HasPrefix(textOf(title), prefix) != failed {
		bad("title %q, failed %v", textOf(title), failed)
	}
	if p.status >= 400 && p.status != http.StatusUnprocessableEntity && !failed {
		bad("status %d without an error on the page", p.status)
	}
	wrong = append(wrong, p.checkErrors(summary, fields)...)
	if switches := p.find(func(n *html.Node) bool { return attr(n, "class") == "lang" }) != nil; !switches && !slices.Contains(withoutLanguages, p.name()) {
		bad("no language switch")
	}
	ids := map[string]bool{}
	labels := map[string]bool{}
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				bad("id %q is there twice", id)
			}
			ids[id] = true
		}
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
	}
	forms := 0
	for _, n := range p.all(func(*html.Node) bool { return true }) {
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style":
				bad("attribute %s on <%s>", a.Key, n.Data)
			case a.Key == "aria-describedby":
				for id := range strings.FieldsSeq(a.Val) {
					if !ids[id] {
						bad("<%s id=%s> is described by %q, which is not there", n.Data, attr(n, "id"), id)
					}
				}
			case slices.Contains([]string{"href", "src", "action", "formaction", "content"}, a.Key):
				if problem := p.checkAddress(n, a); problem != "" {
					bad("%s", problem)
				}
			}
		}
		switch n.Data {
		case "style", "iframe", "object", "embed", "base":
			bad("<%s> on the page", n.Data)
		case "script":
			if attr(n, "src") == "" && attr(n, "type") != "application/json" {
				bad("a script inside of the page")
			}
		case "form":
			forms++
			if attr(n, "id") != "form" || attr(n, "method") != "post" {
				bad("form %q with method %q", attr(n, "id"), attr(n, "method"))
			}
		case "input", "select":
			if attr(n, "type") != "hidden" && !labels[attr(n, "id")] && attr(n, "aria-label") == "" {
				bad("field %q has no label", attr(n, "name"))
			}
			if attr(n, "type") == "password" {
				if _, filled := attribute(n, "value"); filled {
					bad("password field %q has a value", attr(n, "name"))
				}
				if _, limited := attribute(n, "maxlength"); limited {
					bad("password field %q has a maxlength", attr(n, "name"))
				}
			}
		}
	}
	if forms > 1 {
		bad("%d forms", forms)
	}
	// Of two a password manager would keep either.
	if n := len(p.all(func(n *html.Node) bool { return strings.HasPrefix(attr(n, "autocomplete"), "username") })); n > 1 {
		bad("%d usernames for password managers", n)
	}
	return append(wrong, p.checkButtons()...)
}

// withoutLanguages are pages that lead on at once.
var withoutLanguages = []string{"complete", "interstitial"}

// wrongFields are those with a message of their own.
func (p *page) wrongFields() (fields []string) {
	for _, n := range p.all(func(n *html.Node) bool { return strings.HasSuffix(attr(n, "id"), "-error") }) {
		fields = append(fields, strings.TrimSuffix(attr(n, "id"), "-error"))
	}
	return fields
}

// checkErrors wants what is wrong said once: one field says it itself and has the focus, several are
// listed before the form too.
func (p *page) checkErrors(summary *html.Node, fields []string) (wrong []string) {
	listed := p.all(func(n *html.Node) bool {
		return summary != nil && n.Data == "a" && slices.Contains(fields, strings.TrimPrefix(attr(n, "href"), "#"))
	})
	if len(fields) == 1 && len(listed) > 0 {
		wrong = append(wrong, "what is wrong with "+fields[0]+" is said twice")
	}
	if len(fields) > 1 && len(listed) < len(fields) {
		wrong = append(wrong, fmt.Sprintf("%q are wrong, and %d are listed", fields, len(listed)))
	}
	if len(fields) == 1 && summary == nil {
		n := p.byID(fields[0])
		if n == nil {
			wrong = append(wrong, "there is no field "+fields[0])
		} else if _, focused := attribute(n, "autofocus"); !focused {
			wrong = append(wrong, fields[0]+" is wrong and has not the focus")
		}
	}
	return wrong
}

// checkButtons wants Enter to press the primary button: it comes first, or what stands for it does.
func (p *page) checkButtons() (wrong []string) {
	form := p.form()
	if form == nil {
		return nil
	}
	for _, n := range p.all(byTag("button")) {
		if attr(n, "type") == "button" {
			continue
		}
		// Where there is nothing to type, Enter presses nothing: a button per row will do, or one
		// per way.
		rows := strings.HasPrefix(p.name(), "account-") && p.find(func(n *html.Node) bool { return n.Data == "input" && attr(n, "type") != "hidden" }) == nil
		primary := p.find(func(n *html.Node) bool {
			_, hidden := attribute(n, "hidden")
			return n.Data == "button" && attr(n, "class") == "primary" && !hidden
		})
		_, acts := attribute(n, "name")
		_, elsewhere := attribute(n, "formaction")
		// A captcha knows which button it stood in the way of, but not where that leads.
		same := primary == nil || (attr(primary, "name") == "" || p.byID("captcha_key") != nil) &&
			(attr(primary, "formaction") == "" || attr(primary, "formaction") == attr(form, "action"))
		standsFor := attr(n, "aria-hidden") == "true" && !acts && !elsewhere && same
		if attr(n, "class") != "primary" && !standsFor && !rows && p.name() != "choose" {
			wrong = append(wrong, "the first submit button is "+attr(n, "name")+"="+attr(n, "value"))
		}
		break
	}
	for _, name := range []string{"csrf_token", "form", "device_id"} {
		if p.value(name) == "" {
			wrong = append(wrong, "the form lacks "+name)
		}
	}
	hidden := func(n *html.Node) bool { // until script has seen whose the page is
		_, ok := attribute(n, "data-guard")
		return ok
	}
	if p.find(hidden) != nil {
		var guard struct{ Sub string }
		if p.script("guard", &guard); p.value("sub") != guard.Sub {
			wrong = append(wrong, "the form is of "+p.value("sub")+", the page of "+guard.Sub)
		}
	}
	return wrong
}

// checkAddress wants every address on a page to be ours, or the judged target.
func (p *page) checkAddress(n *html.Node, a html.Attribute) string {
	value := a.Val
	switch {
	case a.Key == "content":
		if attr(n, "http-equiv") != "refresh" {
			return ""
		}
		_, value, _ = strings.Cut(value, "url=")
	case strings.HasPrefix(value, "#") && a.Key == "href":
		if p.byID(value[1:]) == nil {
			return "a link to " + value + ", which is not there"
		}
		return ""
	case n.Data == "link" && value == "data:,":
		return ""
	case n.Data == "img" && strings.HasPrefix(value, "data:image/"):
		return ""
	}
	u, err := p.url.Parse(value)
	if err == nil && u.Scheme == p.url.Scheme && u.Host == p.url.Host && strings.HasPrefix(value, p.b.s.base+"/") {
		return ""
	}
	target := p.url.Query().Get("redirect_uri")
	switch {
	case attr(n, "data-to") == "app": // the way back, to the target as it was judged, or to the app's first page
		if value == target || value == "/" {
			return ""
		}
	case strings.HasPrefix(p.name(), "sign-in"):
		if value == target && attr(n, "data-to") == "skip" {
			return ""
		}
	case p.name() == "interstitial":
		if target, _, _ = strings.Cut(target, "#"); strings.HasPrefix(value, target) || strings.HasPrefix(value, p.b.s.backend.srv.URL+"/demo-idp/") ||
			strings.HasPrefix(value, p.b.s.backend.srv.URL+"/captcha/") || value == "https://captcha.example/x?y=z" {
			return ""
		}
	}
	if attr(n, "class") == "face" && strings.Contains(p.header.Get("Content-Security-Policy"), u.Scheme+"://"+u.Host) {
		return "" // somebody's picture, from where the operator lets pages load some
	}
	if p.name() == "demo" || n.Parent.Data == "footer" && attr(n, "rel") == "noopener" && strings.HasPrefix(value, "https://") {
		return "" // the operator's own links
	}
	return fmt.Sprintf("<%s %s=%q> leads away from our pages", n.Data, a.Key, value)
}
