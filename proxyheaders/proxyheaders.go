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
				problems = append(problems, judgePolicy(policy, origin, base)...)
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
	if policy := lastReferrerPolicy(h); policy == "unsafe-url" || policy == "no-referrer-when-downgrade" {
		problems = append(problems, fmt.Sprintf("Referrer-Policy %q: tells other sites the addresses of pages, which hold what a sign-in is about", policy))
	}
	if cache := strings.Join(h.Values("Cache-Control"), ", "); !strings.Contains(cache, "no-store") {
		problems = append(problems, fmt.Sprintf("Cache-Control %s: pages of one person may be kept for another; it must be no-store", short(cache)))
	}
	return problems
}

// lastReferrerPolicy is the one that browsers follow: the last that they know.
func lastReferrerPolicy(h http.Header) (last string) {
	known := []string{
		"no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin", "origin-when-cross-origin",
		"strict-origin-when-cross-origin", "unsafe-url",
	}
	for policy := range strings.SplitSeq(strings.Join(h.Values("Referrer-Policy"), ","), ",") {
		if policy = strings.ToLower(strings.TrimSpace(policy)); slices.Contains(known, policy) {
			last = policy
		}
	}
	return last
}

// needs are what our pages do that another policy may forbid.
var needs = []struct {
	directives []string // the first of them that a policy has decides
	path       string   // below the base path
	scheme     string   // besides our own origin
	what       string
}{
	{[]string{"script-src-elem", "script-src", "default-src"}, "/static/", "", "the pages' scripts from running: a sign-in cannot be handed to the app"},
	{[]string{"style-src-elem", "style-src", "default-src"}, "/static/", "", "the pages' stylesheet from loading"},
	{[]string{"connect-src", "default-src"}, "/", "", "the portal from taking over the app's sign-in"},
	{[]string{"img-src", "default-src"}, "/", "data:", "captcha pictures, which are data:, from showing"},
	{[]string{"form-action"}, "/", "", "forms from being sent"},
}

// judgePolicy says what a policy of somebody else's forbids us.
func judgePolicy(policy, origin, base string) (problems []string) {
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
		var sources []string
		said := false
		for _, directive := range need.directives {
			if sources, said = directives[directive]; said {
				break
			}
		}
		if said && !(allows(sources, origin, base+need.path) && (need.scheme == "" || slices.Contains(sources, need.scheme))) {
			problems = append(problems, fmt.Sprintf("Content-Security-Policy %s: keeps %s", short(policy), need.what))
		}
	}
	if slices.Contains(directives["require-trusted-types-for"], "'script'") {
		problems = append(problems, fmt.Sprintf("Content-Security-Policy %s: keeps the sign-in page from offering a sign-in that the browser has", short(policy)))
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

// allows reports that sources of a directive let files of our own origin below a path through.
func allows(sources []string, origin, path string) bool {
	u, err := url.Parse(origin)
	if err != nil || slices.Contains(sources, "'strict-dynamic'") { // which looks at no host
		return false
	}
	return slices.ContainsFunc(sources, func(source string) bool {
		lower := strings.ToLower(source)
		return lower == "*" || lower == "'self'" || lower == u.Scheme+":" || matches(source, u, path)
	})
}

// matches reports that a host source, as https://*.example.com:*/login/, holds a path of an origin
// (CSP 3, §6.7.2.8).
func matches(source string, u *url.URL, path string) bool {
	scheme, rest, ok := strings.Cut(source, "://")
	if !ok {
		scheme, rest = u.Scheme, source
	}
	host, below, has := strings.Cut(rest, "/")
	host, port, ported := strings.Cut(strings.ToLower(host), ":")
	ownPort := u.Port()
	if ownPort == "" {
		ownPort = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	switch domain, wild := strings.CutPrefix(host, "*."); {
	case !strings.EqualFold(scheme, u.Scheme):
	case wild && !strings.HasSuffix(u.Hostname(), "."+domain), !wild && host != u.Hostname():
	case ported && port != "*" && port != ownPort, !ported && u.Port() != "":
	case has && below != "" && !(strings.HasSuffix(below, "/") && strings.HasPrefix(path, "/"+below)):
	default:
		return true
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
