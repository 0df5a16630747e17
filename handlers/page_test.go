package handlers

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tcb-login/identifier"
)

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

// showsAgain are the buttons that show a form again, as they are posted.
var showsAgain = map[string]string{"lang": "zh-CN", "action": "captcha"}

// with is a form with one more value.
func with(form url.Values, name, value string) url.Values {
	form = maps.Clone(form)
	form.Set(name, value)
	return form
}

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
	if p.b.nameless {
		values.Del("sub")
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

// switched is where the page's link to a language leads.
func (p *page) switched(lang string) string {
	p.b.t.Helper()
	n := p.find(func(n *html.Node) bool { return n.Data == "a" && attr(n, "hreflang") == lang })
	if n == nil {
		p.b.t.Fatalf("page %q has no link to %s", p.name(), lang)
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
	data := []byte(n.FirstChild.Data)
	if id == "guard" {
		data = spelledOut(p.t, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		p.t.Fatalf("script %q: %v", id, err)
	}
}

// spelledOut is a guard with its addresses whole, as account.js reads them.
func spelledOut(t testing.TB, data []byte) []byte {
	t.Helper()
	guard := map[string]any{}
	if err := json.Unmarshal(data, &guard); err != nil {
		t.Fatalf("guard: %v", err)
	}
	for _, name := range []string{"session", "here", "sign_in"} {
		if address, ok := guard[name].(string); ok {
			query, _ := guard["query"].(string)
			guard[name] = strings.Replace(address, "^", query, 1)
		}
	}
	data, err := json.Marshal(guard)
	if err != nil {
		t.Fatal(err)
	}
	return data
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

type htmlNode = html.Node

func decode(t testing.TB, from io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(from).Decode(into); err != nil {
		t.Fatal(err)
	}
}
