package handlers

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
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
	// nameless sends forms of the portal without sub, which says whose they are: so a test reaches what
	// protects an account behind that.
	nameless bool
	target   string
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
	return b.get(b.s.base + path + "?" + entryQuery(b.target, more...))
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

// solve types what the newest picture shows.
func (b *browser) solve(p *page) *page {
	b.t.Helper()
	return b.submit(p, fields{"captcha_key": b.s.backend.key()})
}
