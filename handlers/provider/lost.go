package provider

import (
	"encoding/json"
	"errors"
	"strings"

	"tcb-login/handlers/entry"
	"tcb-login/handlers/web"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/pattern"
	"tcb-login/views"
)

// Browsers inside of apps, WeChat's among them, lose cookies between windows. Who comes back to one
// that has lost them begins again at the page that they left, with the target they had: by the hash
// of a state its login request can be found, and nothing else. A code that comes without this
// browser's cookie is thrown away, since it may be somebody else's.

// A lostRequest is what is found again.
type lostRequest struct {
	Query string `json:"q"` // of the page that the authorization began on, but for an identity
	Of    string `json:"f"` // the purpose
}

// lostKey names a state and gives it to nobody.
func lostKey(state string) string { return limit.Key("provider login request", web.HashOf(state)) }

// keepLost remembers where an authorization began.
func (p *Providers) keepLost(r *web.Request, state string, a Authorization) {
	a.Link = ""
	kept, _ := json.Marshal(lostRequest{a.entryQuery(), a.For}) // of strings alone
	p.Values.Put(r.Context(), lostKey(state), kept, life)
}

func (p *Providers) findLost(r *web.Request, state string) (l lostRequest, ok bool) {
	if !ourState.MatchString(state) {
		return l, false
	}
	kept, ok := p.Values.Get(r.Context(), lostKey(state))
	return l, ok && json.Unmarshal(kept, &l) == nil
}

// recallQuery gives an authorization the query that its cookie had no room for.
func (p *Providers) recallQuery(r *web.Request, a *Authorization) bool {
	l, ok := p.findLost(r, a.Long)
	a.Query, a.Next = l.Query, "" // which is in it
	return ok && l.Of == a.For
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
	l, ok := p.findLost(r, state)
	if !ok || p.purposes[l.Of] == nil {
		return p.finished(r, state)
	}
	r, err := p.Recall(r, l.Query)
	if err != nil {
		return web.Reply{}, err
	}
	r.Trace.Code = "provider_lost"
	reply, err := p.backAt(r, Authorization{For: l.Of}, views.Alert{Kind: views.AlertError, Message: i18n.Msg("provider.again")})
	if errors.Is(err, ErrLost) { // a page of the portal, for somebody who has to be signed in first
		return web.SeeOther(p.purposes[l.Of].Back(r).URL)
	}
	return reply, err
}

// finished leads on who loads the redirect again, from the history say, after all that was known of the
// way is gone but that it was gone to its end: who is signed in has lost nothing. Where it led is
// forgotten, so the portal is where they are led.
func (p *Providers) finished(r *web.Request, state string) (web.Reply, error) {
	if !ourState.MatchString(state) {
		return web.Reply{}, ErrLost
	}
	used, err := p.Counter.Peek(r.Context(), ruleState, web.HashOf(state))
	if err != nil || used.OK {
		return web.Reply{}, ErrLost
	}
	query, ok := p.SignedInTo(r)
	if !ok {
		return web.Reply{}, ErrLost
	}
	return web.SeeOther(entry.Join(p.Base(), entry.PathAccount, query))
}

// ourState is the shape of a state of ours.
var ourState = pattern.New(`^[0-9a-f]{32}$`)

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
		if _, ok := p.findLost(r, state); !ok {
			rest := without(r.RawQuery(), "code", "state")
			if _, err := p.Recall(r, rest); err != nil { // it would lead nowhere
				reply, err := p.finished(r, state)
				return reply, true, err
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
