//go:build e2e

package e2e

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A sample is a page in one state, as the operator's preview shows it.
type sample struct{ page, state, address string }

func (s sample) String() string { return s.page + ", " + s.state }

// slug is the sample's name for a file.
func (s sample) slug() string {
	return strings.NewReplacer(" ", "-", "(", "", ")", "", ",", "").Replace(s.page + "-" + s.state)
}

// framed finds the title and address of a previewed page.
var framed = regexp.MustCompile(`<iframe title="([^"]*)" src="([^"]*)"`)

// samples are all pages of a login config in all their states, in a language. They come in the
// colour scheme that the browser prefers.
func (s *server) samples(t *testing.T, config, locale string) []sample {
	t.Helper()
	_, list := s.operator(t, fmt.Sprintf("/preview/?env=demo&%s&locale=%s&page=all&state=all", config, locale))
	var all []sample
	for _, f := range framed.FindAllStringSubmatch(list, -1) {
		title, src := html.UnescapeString(f[1]), html.UnescapeString(f[2])
		comma := strings.LastIndex(title, ", ")
		all = append(all, sample{
			page: title[:comma], state: title[comma+2:],
			address: s.listening(t, "admin").String() + strings.Replace(src, "scheme=light", "scheme=", 1),
		})
	}
	if len(all) < 1000 {
		t.Fatalf("the preview has only %d pages", len(all))
	}
	return all
}

// bad are the states in which a page has most to say, the worst first.
var bad = []string{"required", "invalid", "wrong", "captcha-wrong"}

// extremes are the samples of each page as it is at first, and at its worst: where it has none of
// the bad states, its last one.
func extremes(all []sample) (first, worst []sample) {
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(s sample) bool { return s.page != all[0].page })
		if n < 0 {
			n = len(all)
		}
		states := all[:n]
		all = all[n:]
		first = append(first, states[0])
		if n == 1 {
			continue
		}
		most := states[n-1]
		for _, name := range bad {
			if i := slices.IndexFunc(states, func(s sample) bool { return s.state == name }); i > 0 {
				most = states[i]
				break
			}
		}
		worst = append(worst, most)
	}
	return first, worst
}
