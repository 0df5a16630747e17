package provider

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/views"
)

// Browsers inside of apps, WeChat's among them, lose cookies between windows. Who comes back to one
// that has lost them begins again at the page that they left, with the target they had: by the hash
// of a state its login request can be found, and nothing else. A code that comes without this
// browser's cookie is thrown away, since it may be somebody else's.

// maxLost is how many bytes of login requests wait at most.
const maxLost = 8 << 20

// waiting are the login requests of authorizations under way, by the hash of their state.
type waiting struct {
	now func() time.Time

	mu    sync.Mutex
	by    map[string]lostRequest
	order []string // oldest first
	size  int
}

type lostRequest struct {
	query string
	of    string // the purpose
	until time.Time
}

func newWaiting(now func() time.Time) *waiting {
	return &waiting{now: now, by: map[string]lostRequest{}}
}

// keep remembers where an authorization began, the oldest ones forgotten where they get too many.
func (w *waiting) keep(state string, a Authorization) {
	a.Link = "" // an identity
	key, l := web.HashOf(state), lostRequest{a.entryQuery(), a.For, w.now().Add(life)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.by[key] = l
	w.order = append(w.order, key)
	w.size += len(key) + len(l.query)
	for len(w.order) > 0 {
		oldest := w.by[w.order[0]]
		if w.size <= maxLost && w.now().Before(oldest.until) {
			break
		}
		w.size -= len(w.order[0]) + len(oldest.query)
		delete(w.by, w.order[0])
		w.order = w.order[1:]
	}
}

// forget is for an authorization that has come to something.
func (w *waiting) forget(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := web.HashOf(state)
	if l, ok := w.by[key]; ok {
		l.until = time.Time{}
		w.by[key] = l
	}
}

func (w *waiting) find(state string) (lostRequest, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, ok := w.by[web.HashOf(state)]
	return l, ok && w.now().Before(l.until)
}

// entryQuery is the query string of the page that an authorization began on.
func (a Authorization) entryQuery() string {
	query := a.Query
	for _, step := range []struct{ name, value string }{{"next", a.Next}, {"link", a.Link}} {
		if step.value != "" {
			query += "&" + step.name + "=" + step.value
		}
	}
	return query
}

// beginAgain answers who comes back without the cookie of their state.
func (p *Providers) beginAgain(r *web.Request, state string) (web.Reply, error) {
	l, ok := p.lost.find(state)
	if !ok || p.purposes[l.of] == nil {
		return web.Reply{}, ErrLost
	}
	r, err := p.Recall(r, l.query)
	if err != nil {
		return web.Reply{}, err
	}
	r.Trace.Code = "provider_lost"
	reply, err := p.backAt(r, Authorization{For: l.of}, views.Alert{Kind: views.AlertError, Message: i18n.Msg("provider.again")})
	if errors.Is(err, ErrLost) { // a page of the portal, for somebody who has to be signed in first
		return web.SeeOther(p.purposes[l.of].Back(r).URL)
	}
	return reply, err
}

// ourState is the shape of a state of ours.
var ourState = regexp.MustCompile(`^[0-9a-f]{32}$`)

// AtEntry answers a provider's redirect to the entry, where some are told to send browsers. A code
// and a state there are a provider's only if this browser has the state's cookie. What else has a
// state of ours is over, and loses both; any other state is the app's own. So is that of an app which
// asks for a code itself, whatever its shape: no provider sends response_type back.
func (p *Providers) AtEntry(r *web.Request) (web.Reply, bool, error) {
	if r.Arg("response_type") != "" {
		return web.Reply{}, false, nil
	}
	state := r.Arg("state")
	var a Authorization
	switch {
	case state != "" && r.Session.FlowValue(cookie, state, &a):
	case state == "" && r.Arg("error") != "" && r.Session.OnlyFlow(cookie, &a, func() bool { return a.Entry && !a.Ended }):
	case !ourState.MatchString(state):
		return web.Reply{}, false, nil
	default:
		if _, ok := p.lost.find(state); !ok {
			rest := without(r.RawQuery(), "code", "state")
			if _, err := p.Recall(r, rest); err != nil { // it would lead nowhere
				return web.Reply{}, true, ErrLost
			}
			reply, err := web.SeeOther(entry.Join(p.Base(), entry.PathEntry, rest))
			return reply, true, err
		}
	}
	reply, err := p.getCallback(r)
	return reply, true, err
}

// without is a query string but for some parameters.
func without(query string, names ...string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		drop := part == ""
		for _, n := range names {
			drop = drop || entry.Unescape(name) == n
		}
		if !drop {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}
