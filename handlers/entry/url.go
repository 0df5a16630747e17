package entry

import (
	"strings"

	"tcb-login/config/loginpage"
)

// address is a page's address in the making.
type address struct {
	query, next, link string
	extra             []string
}

// A Differ says what differs in an address from the request at hand.
type Differ func(*address)

// With replaces a parameter of the entry query string, or adds it.
func With(name, value string) Differ {
	return func(a *address) { a.query = WithParam(a.query, name, value) }
}

// Next leads on to a page of the portal, by its name.
func Next(name string) Differ { return func(a *address) { a.next = name } }

// Link carries an identity that waits to be bound; none where sealed is empty.
func Link(sealed string) Differ { return func(a *address) { a.link = sealed } }

// Add adds a parameter of our own, whose value needs no escaping; nothing where it is empty.
func Add(name, value string) Differ {
	return func(a *address) {
		if value != "" {
			a.extra = append(a.extra, name+"="+value)
		}
	}
}

// differing is the address of the request at hand with what differs.
func (r *LoginRequest) differing(next, link string, differs []Differ) address {
	if len(differs) == 0 { // as in most links of a page
		return address{query: r.Query, next: next, link: link}
	}
	a := &address{query: r.Query, next: next, link: link}
	for _, differ := range differs {
		differ(a)
	}
	return *a
}

// To is the address of a page on the way to a login, with the entry query string, where in the
// portal it leads, and the identity that waits.
func (r *LoginRequest) To(path string, differs ...Differ) string {
	a := r.differing(r.Next, r.Link, differs)
	params := append(make([]string, 0, 8), a.query) // on the stack
	if a.link != "" {
		params = append(params, "link="+a.link)
	}
	if a.next != "" {
		params = append(params, "next="+a.next)
	}
	return Join(r.Base, path, append(params, a.extra...)...)
}

// Into is the address of a page of the portal, which is where next= led, and of what needs neither.
func (r *LoginRequest) Into(path string, differs ...Differ) string {
	a := r.differing("", "", differs)
	params := append(append(make([]string, 0, 8), a.query), a.extra...)
	if a.link != "" {
		params = append(params, "link="+a.link)
	}
	return Join(r.Base, path, params...)
}

// shorten leaves out of the query string what is as good as not said: the portal's pages have many
// links, each with all of it, and a first visit a budget of bytes. The client stays: settings may
// change while such a page is open, and its form must not be for a login of the client that they then
// have.
func (r *LoginRequest) shorten() {
	version := r.ConfigVersion == "" || r.ConfigVersion == loginpage.EnvVersion && r.AppID == ""
	var kept []string
	for part := range strings.SplitSeq(r.Query, "&") {
		key, _, _ := strings.Cut(part, "=")
		switch key = Unescape(key); {
		case key == "app_id" && r.AppID == "", key == "client_id" && r.ClientID == "", key == "config_version" && version:
		default:
			kept = append(kept, part)
		}
	}
	r.Query = strings.Join(kept, "&")
	if version {
		r.ConfigVersion = ""
	}
}

// Join is the address of a path below base with a query string of params, the empty ones left out.
func Join(base, path string, params ...string) string {
	n := len(base) + len(path)
	for _, p := range params {
		n += len(p) + 1
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(base)
	b.WriteString(path)
	sep := byte('?')
	for _, p := range params {
		if p != "" {
			b.WriteByte(sep)
			b.WriteString(p)
			sep = '&'
		}
	}
	return b.String()
}

// HasParam reports that a query string has a parameter.
func HasParam(query, name string) bool {
	for part := range strings.SplitSeq(query, "&") {
		if key, _, _ := strings.Cut(part, "="); part != "" && Unescape(key) == name {
			return true
		}
	}
	return false
}

// WithParam is a query string with another value of one parameter, of which the first would count
// if both stood there.
func WithParam(query, name, value string) string {
	parts := without(make([]string, 0, 16), query, name) // on the stack
	return strings.Join(append(parts, name+"="+value), "&")
}

// WithoutParam is a query string without a parameter.
func WithoutParam(query, name string) string {
	return strings.Join(without(make([]string, 0, 16), query, name), "&")
}

// without adds the parameters of a query string to parts, but for those of a name.
func without(parts []string, query, name string) []string {
	for part := range strings.SplitSeq(query, "&") {
		if key, _, _ := strings.Cut(part, "="); part != "" && Unescape(key) != name {
			parts = append(parts, part)
		}
	}
	return parts
}
