package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tcb-login/i18n"
	"tcb-login/identifier"
)

// browser is a small client of a site: it keeps cookies, fills forms in as a
// person does, and looks over every answer for what no answer may have.
type browser struct {
	t      testing.TB
	s      *site
	origin string
	client *http.Client
	header http.Header // sent with every request
	fetch  fetchMode
	strict bool // whether pages are looked over; off for pages that are broken on purpose
	target string
}

// fetchMode is what a browser tells of where a POST comes from.
type fetchMode int

const (
	fetchMetadata fetchMode = iota // Sec-Fetch-Site and Origin, as all of today's do
	fetchOrigin                    // Origin alone, as those of a few years ago
	fetchNothing                   // neither, as in-app browsers and privacy tools may
)

// via leads requests for any host to the site's port.
type via struct {
	transport *http.Transport
}

func (v via) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Scheme = "http"
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	return v.transport.RoundTrip(out)
}

func (s *site) transport() *http.Transport {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}
	s.t.Cleanup(t.CloseIdleConnections)
	return t
}

// browser is a new one, without cookies, at the site's first origin.
func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{
		t: s.t, s: s, origin: s.origins[0], strict: true, target: appPage,
		header: http.Header{"Accept-Language": {"en"}},
		client: &http.Client{
			Jar:           jar,
			Transport:     via{s.transport()},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// on is the same browser, for another test or another site that shares its sessions.
func (b *browser) on(t testing.TB, s *site) *browser {
	other := *b
	other.t, other.s = t, s
	client := *b.client
	client.Transport = via{s.transport()}
	other.client = &client
	return &other
}

// at makes the browser's requests come from an address.
func (b *browser) at(address string) *browser {
	other := *b
	other.header = b.header.Clone()
	other.header.Set("X-Forwarded-For", address)
	return &other
}

func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.origin + b.s.base + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	return b.client.Jar.Cookies(u)
}

// forget drops the browser's cookies.
func (b *browser) forget() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar = jar
}

// copy is a browser with the same cookies as they are now, as a thief has them.
func (b *browser) copy() *browser {
	other := *b
	client := *b.client
	other.client = &client
	other.forget()
	u, err := url.Parse(b.origin + b.s.base + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	var cookies []*http.Cookie
	for _, c := range b.cookies() {
		cookies = append(cookies, &http.Cookie{Name: c.Name, Value: c.Value, Path: "/", Secure: u.Scheme == "https"})
	}
	other.client.Jar.SetCookies(u, cookies)
	return &other
}

// page is an answer.
type page struct {
	t      testing.TB
	b      *browser
	url    *url.URL
	method string
	status int
	header http.Header
	body   string
	doc    *html.Node // nil when it is no HTML
}

// do makes one request, follows nothing, and looks over the answer.
func (b *browser) do(method, target string, form url.Values, header http.Header) *page {
	b.t.Helper()
	p, err := b.try(method, target, form, header)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, target, err)
	}
	return p
}

func (b *browser) try(method, target string, form url.Values, header http.Header) (*page, error) {
	if strings.HasPrefix(target, "/") {
		target = b.origin + target
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, target, body)
	if err != nil {
		return nil, err
	}
	for k, v := range b.header {
		req.Header[k] = slices.Clone(v)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if b.fetch != fetchNothing {
			req.Header.Set("Origin", b.origin)
		}
		if b.fetch == fetchMetadata {
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
	}
	for k, v := range header {
		if len(v) == 0 {
			req.Header.Del(k)
		} else {
			req.Header[k] = v
		}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	p := &page{t: b.t, b: b, url: req.URL, method: method, status: resp.StatusCode, header: resp.Header, body: string(data)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") && len(data) > 0 {
		if p.doc, err = html.Parse(strings.NewReader(p.body)); err != nil {
			return nil, err
		}
	}
	p.collectSecrets()
	if b.strict {
		for _, wrong := range p.check() {
			b.t.Errorf("%s %s: %d: %s", method, shorten(req.URL.String()), p.status, wrong)
		}
	}
	return p, nil
}

func shorten(s string) string {
	if len(s) > 160 {
		return s[:160] + "…"
	}
	return s
}

// get asks for a page and follows redirects of ours.
func (b *browser) get(target string) *page {
	b.t.Helper()
	return b.follow(b.do(http.MethodGet, target, nil, nil))
}

// open asks for a page below the base path with the usual login request.
func (b *browser) open(path string, more ...string) *page {
	b.t.Helper()
	return b.get(b.s.base + path + "?" + entry(b.target, more...))
}

func (b *browser) follow(p *page) *page {
	b.t.Helper()
	for range 3 {
		if p.status != http.StatusSeeOther {
			return p
		}
		p = b.do(http.MethodGet, p.location(), nil, nil)
	}
	b.t.Fatalf("redirects without end, the last to %s", p.header.Get("Location"))
	return nil
}

// location is where a redirect of ours leads.
func (p *page) location() string {
	p.t.Helper()
	loc, err := p.url.Parse(p.header.Get("Location"))
	if err != nil {
		p.t.Fatalf("Location %q: %v", p.header.Get("Location"), err)
	}
	return loc.String()
}

// fields are what somebody types, by the fields' names.
type fields map[string]string

// filled is the form as it would be sent: what stands in it, and what is typed.
func (p *page) filled(typed fields) url.Values {
	p.t.Helper()
	form := p.form()
	values := url.Values{}
	for name, value := range p.controls() {
		values.Set(name, value)
	}
	for name, value := range typed {
		if box := p.byID(name); !values.Has(name) && (box == nil || attr(box, "type") != "checkbox") {
			p.t.Fatalf("page %q has no field %q\n%s", p.name(), name, p.text())
		}
		values.Set(name, value)
	}
	if form == nil {
		p.t.Fatalf("page %q (status %d) has no form\n%s", p.name(), p.status, p.text())
	}
	p.noteTyped(values)
	return values
}

// noteTyped remembers what of a form is secret.
func (p *page) noteTyped(values url.Values) {
	for _, name := range []string{"password", "new_password", "verification_code", "csrf_token", "device_id", "captcha", "kept"} {
		p.b.s.secret(name, values.Get(name))
	}
	if number := values.Get("phone_number"); number != "" {
		p.b.s.secret("phone", strings.TrimSpace(number))
		if phone, err := identifier.ParsePhone(number, values.Get("phone_country")); err == nil {
			p.b.s.secret("phone", phone)
			p.b.s.secret("phone", strings.ReplaceAll(phone, " ", ""))
			_, national, _ := strings.Cut(phone, " ")
			p.b.s.secret("phone", national)
		}
	}
	for _, name := range []string{"email", "username"} {
		if strings.ContainsAny(values.Get(name), "@+") {
			p.b.s.secret(name, values.Get(name))
		}
	}
}

// submit presses the primary button and follows redirects.
func (b *browser) submit(p *page, typed fields) *page {
	b.t.Helper()
	return b.follow(b.post(p, typed))
}

// post presses the primary button and does not follow.
func (b *browser) post(p *page, typed fields) *page {
	b.t.Helper()
	values := p.filled(typed)
	return b.do(http.MethodPost, p.action(), values, nil)
}

// press presses another button of the form, by "name=value", and follows redirects.
func (b *browser) press(p *page, button string, typed fields) *page {
	b.t.Helper()
	return b.follow(b.pressOnly(p, button, typed))
}

func (b *browser) pressOnly(p *page, button string, typed fields) *page {
	b.t.Helper()
	name, value, _ := strings.Cut(button, "=")
	node := p.find(func(n *html.Node) bool {
		return n.Data == "button" && attr(n, "name") == name && attr(n, "value") == value
	})
	if node == nil {
		b.t.Fatalf("page %q has no button %s", p.name(), button)
	}
	values := p.filled(typed)
	values.Set(name, value)
	target := p.action()
	if to := attr(node, "formaction"); to != "" {
		target = p.resolve(to)
	}
	return b.do(http.MethodPost, target, values, nil)
}

// click follows the link that leads to a page, by its data-to.
func (b *browser) click(p *page, to string) *page {
	b.t.Helper()
	link := p.link(to)
	if link == "" {
		b.t.Fatalf("page %q has no link to %s", p.name(), to)
	}
	return b.get(link)
}

// Looking at a page.

func attr(n *html.Node, name string) string {
	v, _ := attribute(n, name)
	return v
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// all are the elements that match, in the document's order.
func (p *page) all(match func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	if p.doc == nil {
		return nil
	}
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
	}
	return found
}

func (p *page) find(match func(*html.Node) bool) *html.Node {
	if found := p.all(match); len(found) > 0 {
		return found[0]
	}
	return nil
}

func byTag(names ...string) func(*html.Node) bool {
	return func(n *html.Node) bool { return slices.Contains(names, n.Data) }
}

func (p *page) byID(id string) *html.Node {
	return p.find(func(n *html.Node) bool { return attr(n, "id") == id })
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && (d.Parent == nil || d.Parent.Data != "option") {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// text is the body's text, for messages of failed tests.
func (p *page) text() string {
	if body := p.find(byTag("main")); body != nil {
		return textOf(body)
	}
	return shorten(p.body)
}

// name is body's data-page.
func (p *page) name() string {
	if body := p.find(byTag("body")); body != nil {
		return attr(body, "data-page")
	}
	return ""
}

func (p *page) lang() string {
	if root := p.find(byTag("html")); root != nil {
		return attr(root, "lang")
	}
	return ""
}

// keys are the messages on the page, by their keys.
func (p *page) keys() []string {
	var keys []string
	for _, n := range p.all(func(n *html.Node) bool { return attr(n, "data-key") != "" }) {
		keys = append(keys, attr(n, "data-key"))
	}
	return keys
}

func (p *page) has(key string) bool { return slices.Contains(p.keys(), key) }

// fieldKey is the message of a field.
func (p *page) fieldKey(name string) string {
	if n := p.byID(name + "-error"); n != nil {
		return attr(n, "data-key")
	}
	return ""
}

func (p *page) form() *html.Node {
	return p.find(func(n *html.Node) bool { return n.Data == "form" })
}

// action is where the form posts to.
func (p *page) action() string {
	p.t.Helper()
	form := p.form()
	if form == nil {
		p.t.Fatalf("page %q (status %d) has no form\n%s", p.name(), p.status, p.text())
	}
	return p.resolve(attr(form, "action"))
}

func (p *page) resolve(ref string) string {
	u, err := p.url.Parse(ref)
	if err != nil {
		p.t.Fatalf("address %q: %v", ref, err)
	}
	return u.String()
}

// controls are the form's fields with what stands in them.
func (p *page) controls() map[string]string {
	controls := map[string]string{}
	form := p.form()
	if form == nil {
		return controls
	}
	for n := range form.Descendants() {
		if n.Type != html.ElementNode || attr(n, "name") == "" {
			continue
		}
		switch n.Data {
		case "input":
			if _, checked := attribute(n, "checked"); checked || attr(n, "type") != "checkbox" {
				controls[attr(n, "name")] = attr(n, "value")
			}
		case "select":
			controls[attr(n, "name")] = selected(n)
		}
	}
	return controls
}

func selected(n *html.Node) string {
	value, first := "", true
	for o := range n.Descendants() {
		if o.Type != html.ElementNode || o.Data != "option" {
			continue
		}
		if _, is := attribute(o, "selected"); is || first {
			value, first = attr(o, "value"), false
		}
	}
	return value
}

// value is what stands in a field.
func (p *page) value(name string) string { return p.controls()[name] }

// link is the address of the link to a page, by its data-to; empty when there is none.
func (p *page) link(to string) string {
	n := p.find(func(n *html.Node) bool { return n.Data == "a" && attr(n, "data-to") == to })
	if n == nil {
		return ""
	}
	return p.resolve(attr(n, "href"))
}

// picture is the captcha's, as a data URL.
func (p *page) picture() string {
	if n := p.find(func(n *html.Node) bool { return n.Data == "img" && attr(n, "class") == "captcha" }); n != nil {
		return attr(n, "src")
	}
	return ""
}

// script is the JSON of an inert script element.
func (p *page) script(id string, into any) {
	p.t.Helper()
	n := p.byID(id)
	if n == nil || n.Data != "script" || attr(n, "type") != "application/json" || n.FirstChild == nil {
		p.t.Fatalf("page %q has no JSON script %q\n%s", p.name(), id, p.text())
	}
	if err := json.Unmarshal([]byte(n.FirstChild.Data), into); err != nil {
		p.t.Fatalf("script %q: %v", id, err)
	}
}

// completion is what the completion page hands to the browser.
type completion struct {
	EnvID       string `json:"env_id"`
	ClientID    string `json:"client_id"`
	Credentials struct {
		TokenType    string `json:"token_type"`
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int    `json:"expires_in"`
		Scope        string `json:"scope"`
		Sub          string `json:"sub"`
	} `json:"credentials"`
	UserInfo struct {
		Sub, Username, Name, Email string
		Phone                      string `json:"phone_number"`
	} `json:"user_info"`
	RedirectURI string `json:"redirect_uri"`
	Back        string `json:"back"`
}

// completed wants the completion page and reads it.
func (p *page) completed() (c completion) {
	p.t.Helper()
	p.want(http.StatusOK, "complete")
	p.script("completion", &c)
	return c
}

// want checks status, page and messages: each key must be on the page.
func (p *page) want(status int, name string, keys ...string) *page {
	p.t.Helper()
	if p.status != status || p.name() != name {
		p.t.Fatalf("%s: got page %q with status %d, want %q with %d; messages %q\n%s",
			p.method, p.name(), p.status, name, status, p.keys(), p.text())
	}
	for _, key := range keys {
		if !p.has(key) {
			p.t.Fatalf("page %q has messages %q, want %q\n%s", p.name(), p.keys(), key, p.text())
		}
	}
	return p
}

// wantValue checks what stands in fields.
func (p *page) wantValue(want fields) *page {
	p.t.Helper()
	got := p.controls()
	for name, value := range want {
		if has, ok := got[name]; !ok || has != value {
			p.t.Errorf("page %q: field %q holds %q, want %q", p.name(), name, has, value)
		}
	}
	return p
}

// wantRetryAfter checks the header, in seconds.
func (p *page) wantRetryAfter(seconds string) *page {
	p.t.Helper()
	if got := p.header.Get("Retry-After"); got != seconds {
		p.t.Errorf("page %q with status %d: Retry-After %q, want %q", p.name(), p.status, got, seconds)
	}
	return p
}

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
	return strings.TrimSpace(l.Print(i18n.Message{Key: "title.error"})), true
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
		if err != nil || u.Scheme != p.url.Scheme || u.Host != p.url.Host || !strings.HasPrefix(u.Path, p.b.s.base+"/") {
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
	case "complete", "leaving", "error":
		want["Referrer-Policy"] = "no-referrer"
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
	prefix, ok := errorPrefix(p.lang())
	if !ok {
		bad("lang is %q", p.lang())
	}
	if p.name() == "" {
		bad("body has no data-page")
	}
	failed := p.byID("error-summary") != nil || p.name() == "error"
	if title := p.find(byTag("title")); title != nil && strings.HasPrefix(textOf(title), prefix) != failed {
		bad("title %q, failed %v", textOf(title), failed)
	}
	if p.status >= 400 && p.status != http.StatusUnprocessableEntity && !failed {
		bad("status %d without an error on the page", p.status)
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
	return append(wrong, p.checkButtons()...)
}

// checkButtons wants Enter to press the primary button: it comes first.
func (p *page) checkButtons() (wrong []string) {
	form := p.form()
	if form == nil {
		return nil
	}
	for _, n := range p.all(byTag("button")) {
		if attr(n, "type") == "button" {
			continue
		}
		// Where there is nothing to type, Enter presses nothing: a button per row will do, or one per way.
		rows := strings.HasPrefix(p.name(), "account-") && p.find(func(n *html.Node) bool { return n.Data == "input" && attr(n, "type") != "hidden" }) == nil
		if attr(n, "class") != "primary" && !rows && p.name() != "choose" {
			wrong = append(wrong, "the first submit button is "+attr(n, "name")+"="+attr(n, "value"))
		}
		break
	}
	for _, name := range []string{"csrf_token", "form", "device_id"} {
		if p.value(name) == "" {
			wrong = append(wrong, "the form lacks "+name)
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
	case p.name() == "leaving":
		if target, _, _ = strings.Cut(target, "#"); strings.HasPrefix(value, target) || strings.HasPrefix(value, p.b.s.backend.srv.URL+"/demo-idp/") {
			return ""
		}
	}
	if p.name() == "demo" || n.Parent.Data == "footer" && attr(n, "rel") == "noopener" && strings.HasPrefix(value, "https://") {
		return "" // the operator's own links
	}
	return fmt.Sprintf("<%s %s=%q> leads away from our pages", n.Data, a.Key, value)
}

type htmlNode = html.Node

func decode(t testing.TB, from io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(from).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// solve types what the newest picture shows.
func (b *browser) solve(p *page) *page {
	b.t.Helper()
	return b.submit(p, fields{"captcha_key": b.s.backend.key()})
}
