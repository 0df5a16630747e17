// Package proxyheaders looks at our pages as browsers get them, and tells which headers that somebody
// between us and them has added, as a proxy's add_header, keep the pages from working. A browser obeys
// all Content-Security-Policy headers of an answer, so that another's forbids what ours allows.
package proxyheaders

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	wait  = 5 * time.Second // for an answer
	every = 5 * time.Minute // a look
	soon  = time.Second     // after a start, and while nobody answers yet
)

// A Watcher looks at public origins now and then. What it cannot reach, as where a machine does not
// reach its own public address, it says nothing about.
type Watcher struct {
	base    string
	origins []string
	client  *http.Client
	log     *slog.Logger

	mu    sync.Mutex
	found map[string][]string // by origin
}

// New is for the pages below base on some origins.
func New(origins []string, base string, log *slog.Logger) *Watcher {
	return &Watcher{
		base: base, origins: origins, log: log, found: map[string][]string{},
		client: &http.Client{
			Timeout:       wait,
			Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true, ResponseHeaderTimeout: wait},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Run looks until ctx ends. It is in nobody's way: readiness asks for what was found before.
func (w *Watcher) Run(ctx context.Context) {
	if len(w.origins) == 0 {
		return
	}
	next := soon
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		}
		seen := true
		for _, origin := range w.origins {
			seen = w.look(ctx, origin) && seen
		}
		if next = every; !seen {
			next = min(2*max(next, soon), every)
		}
	}
}

// Problems are what was found at the last looks.
func (w *Watcher) Problems() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, origin := range w.origins {
		for _, problem := range w.found[origin] {
			all = append(all, origin+": "+problem)
		}
	}
	return all
}

// look reports whether the answer was one of our pages.
func (w *Watcher) look(ctx context.Context, origin string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, origin+w.base+"/", nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", "tcb-login (a look at our own headers)")
	resp, err := w.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 8<<10))
	if !bytes.Contains(start, []byte("data-page=")) {
		return false
	}
	problems := Judge(resp.Header, origin, w.base)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(problems, w.found[origin]) {
		for _, problem := range problems {
			w.log.Warn("a header that is not ours", "origin", origin, "problem", problem)
		}
		w.found[origin] = problems
	}
	return true
}

// Judge says which headers of an answer of ours keep pages from working.
func Judge(h http.Header, origin, base string) (problems []string) {
	own := "default-src 'none'; script-src " + origin + base + "/static/"
	ours := false
	for _, line := range h.Values("Content-Security-Policy") {
		for policy := range strings.SplitSeq(line, ",") {
			if policy = strings.TrimSpace(policy); strings.HasPrefix(policy, own) {
				ours = true
			} else if policy != "" {
				problems = append(problems, judgePolicy(policy, origin)...)
			}
		}
	}
	if !ours {
		problems = append(problems, "Content-Security-Policy: ours is missing, so that a script that gets into a page would run")
	}
	for _, value := range h.Values("Clear-Site-Data") {
		if strings.Contains(value, "storage") || strings.Contains(value, "cookies") || strings.Contains(value, "*") {
			problems = append(problems, fmt.Sprintf("Clear-Site-Data %s: takes the sign-in away from the browser", short(value)))
		}
	}
	if cache := strings.Join(h.Values("Cache-Control"), ", "); !strings.Contains(cache, "no-store") {
		problems = append(problems, fmt.Sprintf("Cache-Control %s: pages of one person may be kept for another; it must be no-store", short(cache)))
	}
	return problems
}

// needs are what our pages do that another policy may forbid.
var needs = []struct {
	directive string
	fallback  bool   // to default-src
	scheme    string // besides our own origin
	what      string
}{
	{"script-src", true, "", "the pages' scripts from running: a sign-in cannot be handed to the app"},
	{"style-src", true, "", "the pages' stylesheet from loading"},
	{"connect-src", true, "", "the portal from taking over the app's sign-in"},
	{"img-src", true, "data:", "captcha pictures, which are data:, from showing"},
	{"form-action", false, "", "forms from being sent"},
}

// judgePolicy says what a policy of somebody else's forbids us.
func judgePolicy(policy, origin string) (problems []string) {
	directives := map[string][]string{}
	for part := range strings.SplitSeq(policy, ";") {
		if words := strings.Fields(part); len(words) > 0 {
			name := strings.ToLower(words[0])
			if _, twice := directives[name]; !twice { // the first counts
				directives[name] = words[1:]
			}
		}
	}
	for _, need := range needs {
		sources, said := directives[need.directive]
		if !said && need.fallback {
			sources, said = directives["default-src"]
		}
		if said && !(allows(sources, origin) && (need.scheme == "" || slices.Contains(sources, need.scheme))) {
			problems = append(problems, fmt.Sprintf("Content-Security-Policy %s: keeps %s", short(policy), need.what))
		}
	}
	if tokens, said := directives["sandbox"]; said {
		for _, token := range []string{"allow-scripts", "allow-forms", "allow-same-origin"} {
			if !slices.Contains(tokens, token) {
				problems = append(problems, fmt.Sprintf("Content-Security-Policy %s: sandbox lacks %s", short(policy), token))
			}
		}
	}
	return problems
}

// allows reports that sources of a directive let files of our own origin through.
func allows(sources []string, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || slices.Contains(sources, "'strict-dynamic'") { // which looks at no host
		return false
	}
	for _, source := range sources {
		source = strings.ToLower(source)
		rest, isHost := strings.CutPrefix(source, "*.")
		switch {
		case source == "*", source == "'self'", source == u.Scheme+":", source == origin, source == u.Host, source == origin+"/":
			return true
		case isHost && strings.HasSuffix(u.Host, "."+rest):
			return true
		}
	}
	return false
}

// short is a header's value for one line of a log.
func short(s string) string {
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return fmt.Sprintf("%q", s)
}
