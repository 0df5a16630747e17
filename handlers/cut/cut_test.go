package cut

import (
	"html"
	"strconv"
	"strings"
	"testing"
)

var (
	query = NewMark("q=%s&r=%s", "5cb1d2")
	token = NewMark("%s-token", "5cb1d2")
)

// written is a page with values.
func written(t *testing.T, p *Page, values ...string) string {
	t.Helper()
	var out strings.Builder
	if err := p.Write(&out, values...); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestWrite: values stand where marks stood, escaped, and each but once: one that spells a mark is text
// like any other.
func TestWrite(t *testing.T) {
	t.Parallel()
	values := []struct{ query, token string }{
		{"", ""}, {"a=1&b=2", "t"}, {`"><script>'`, "\x00\xff"},
		{token.Text, query.Text}, {query.Text + token.Text, html.EscapeString(query.Text)},
	}
	for _, page := range []func(query, token string) string{
		func(string, string) string { return "" },
		func(string, string) string { return "no mark" },
		func(q, _ string) string { return q },
		func(q, k string) string { return q + k + q },
		func(q, k string) string { return `<a href="/?` + q + `"><b title="` + k + `">` + k + `</b></a>` },
	} {
		rendered := []byte(page(html.EscapeString(query.Text), html.EscapeString(token.Text)))
		p, ok := Make(rendered, query, token)
		if !ok {
			t.Errorf("%s cannot be cut", rendered)
			continue
		}
		clear(rendered) // whose it is may use it again
		for _, v := range values {
			want := page(html.EscapeString(v.query), html.EscapeString(v.token))
			if got := written(t, p, v.query, v.token); got != want {
				t.Errorf("with %q it is\n%q, want\n%q", v, got, want)
			}
		}
	}
}

// TestMakeRefuses: a page that has a mark as anything but escaped text would show one person's to all.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	whole := html.EscapeString(query.Text)
	for _, page := range []string{
		query.Text, // not escaped
		`{"q":"` + strings.ReplaceAll(query.Text, "&", `\u0026`) + `"}`, // as JSON
		strings.ReplaceAll(query.Text, "&", "%26"),                      // as a part of an address
		html.EscapeString(whole),                                        // escaped twice
		whole[:len(whole)-1],                                            // cut short, which leaves the first key
		"5cb1d2",
		whole + "5cb1d2", "5cb1d2" + whole, whole + " 5cb1d2 " + whole,
	} {
		if _, ok := Make([]byte(page), query, token); ok {
			t.Errorf("%s is cut", page)
		}
	}
}

// TestCacheBound: however many pages are asked for, no more are held than are allowed.
func TestCacheBound(t *testing.T) {
	t.Parallel()
	const size = 4
	c := NewCache[int](size)
	most := 0
	for i := range 20 * size {
		c.Put(i, &Page{})
		for key := range i {
			c.Get(key)
		}
		most = max(most, len(c.young)+len(c.old))
	}
	if most > 2*size || most < size {
		t.Errorf("%d pages are held at most, want from %d to %d", most, size, 2*size)
	}
}

// TestCacheKeeps: what is asked for stays, whatever else comes and goes; and what nobody asks for goes.
func TestCacheKeeps(t *testing.T) {
	t.Parallel()
	const size = 4
	c := NewCache[string](size)
	used, unused := &Page{}, &Page{pieces: [][]byte{nil}}
	c.Put("used", used)
	c.Put("unused", unused)
	if c.Get("used") != used || c.Get("unused") != unused || c.Get("another") != nil {
		t.Fatal("a page is not found by its key")
	}
	for i := range 20 * size {
		c.Put(strconv.Itoa(i), &Page{})
		if c.Get("used") != used {
			t.Fatalf("after %d others a page that is in use is gone", i+1)
		}
	}
	if c.Get("unused") != nil {
		t.Error("a page that nobody asks for is kept")
	}
}
