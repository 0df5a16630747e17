// Package cut keeps pages, and parts of pages, that many people get alike. Such a page is rendered once, by the same
// templates as every other, with marks in place of what is one request's own, and cut at the marks.
// After that an answer is the pieces with the request's own values between them.
//
// A mark is found where HTML escaped it as text or an attribute, and values are escaped the same way.
// A page that has a mark anywhere else, as in JSON, is not one to be cut: Make says so.
package cut

import (
	"bytes"
	"html"
	"io"
	"strings"
	"sync"
)

// A Mark stands for a value in a page that is to be cut. Its text holds a key that no page has by chance
// or by somebody's wish: one that nobody can guess, or where all that is rendered is ours, a character
// that we never write.
type Mark struct{ Text, key string }

// NewMark is a mark that is spelt with key, in which %s is where the key goes. Characters that HTML
// and JSON escape differently, as &, keep Make from taking one for the other.
func NewMark(pattern, key string) Mark {
	return Mark{Text: strings.ReplaceAll(pattern, "%s", key), key: key}
}

// A Page is what was rendered, in pieces. It is safe for concurrent use.
type Page struct {
	pieces [][]byte // one more than there are holes
	holes  []int    // which of the marks each is
}

// Make cuts what was rendered with marks. It reports false where one of them stands as anything but
// escaped text.
func Make(rendered []byte, marks ...Mark) (*Page, bool) {
	p := &Page{}
	rest := bytes.Clone(rendered)
	for {
		at, hole, length := len(rest), -1, 0
		for i, m := range marks {
			text := []byte(html.EscapeString(m.Text))
			if j := bytes.Index(rest[:at], text); j >= 0 {
				at, hole, length = j, i, len(text)
			}
		}
		p.pieces = append(p.pieces, rest[:at:at])
		if hole < 0 {
			break
		}
		p.holes = append(p.holes, hole)
		rest = rest[at+length:]
	}
	for _, piece := range p.pieces {
		for _, m := range marks {
			if bytes.Contains(piece, []byte(m.key)) {
				return nil, false
			}
		}
	}
	return p, true
}

// Write writes the page with values in place of the marks, in their order.
func (p *Page) Write(w io.Writer, values ...string) error {
	escaped := make([]string, 0, 32) // on the stack
	for _, v := range values {
		escaped = append(escaped, html.EscapeString(v))
	}
	for i, piece := range p.pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
		if i < len(p.holes) {
			if _, err := io.WriteString(w, escaped[p.holes[i]]); err != nil {
				return err
			}
		}
	}
	return nil
}

// A Cache holds pages by what they follow from. It holds at most twice as many as it is made for:
// when that many are new, those that nobody asked for since the last time go. It is safe for
// concurrent use.
type Cache[K comparable] struct {
	size int

	mu         sync.RWMutex
	young, old map[K]*Page
}

// NewCache is a cache for size pages.
func NewCache[K comparable](size int) *Cache[K] {
	return &Cache[K]{size: size, young: map[K]*Page{}}
}

// Get finds a page; nil where there is none.
func (c *Cache[K]) Get(key K) *Page {
	c.mu.RLock()
	p, old := c.young[key], (*Page)(nil)
	if p == nil {
		old = c.old[key]
	}
	c.mu.RUnlock()
	if old != nil {
		c.Put(key, old)
		return old
	}
	return p
}

// Put keeps a page.
func (c *Cache[K]) Put(key K, p *Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[K]*Page, c.size)
	}
	c.young[key] = p
}
