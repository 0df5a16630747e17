// Package browser is what pages may do with the session that a browser's cookies hold: seal values in
// it, begin and end its login, keep notes. It writes no cookie. What the answer owes is asked for once,
// as that is written (../web): so nothing depends on the order in which a handler changes it.
//
// What the cookies are is in ../../session.
package browser

import (
	"context"
	"errors"
	"time"

	"tcb-login/handlers/notes"
	"tcb-login/limit"
	"tcb-login/session"
)

// A Session is the browser's session in one request. What pages seal is for the environment and client
// at hand.
type Session struct {
	s     *session.Session
	scope session.Scope
	now   func() time.Time

	ctx     context.Context
	forget  func(ctx context.Context, groups ...string) // of repeated requests
	network string                                      // the widest block that the caller's network may be of

	access *session.Access // to be kept, from this answer on
	drop   bool            // the login is to be forgotten
	owed   []string        // other Set-Cookie values

	noted *notes.Notes // as the answer will leave them; nil: not read yet
}

// Config is what a Session is made of.
type Config struct {
	Loaded  *session.Session
	Now     func() time.Time
	Context context.Context                             // the request's
	Network string                                      // the widest block that the caller's network may be of
	Forget  func(ctx context.Context, groups ...string) // what requests came to under an id, for who repeats them; may be nil
}

// New makes a session in which nobody is signed in yet: see Enter.
func New(cfg Config) *Session {
	return &Session{s: cfg.Loaded, now: cfg.Now, ctx: cfg.Context, network: cfg.Network, forget: cfg.Forget}
}

// Enter says which environment and client the request is for, once that is known.
func (s *Session) Enter(scope session.Scope) { s.scope = scope }

// Seal encrypts v so that only this session can open it, for the same purpose, until ttl is over.
func (s *Session) Seal(purpose string, v any, ttl time.Duration) (string, error) {
	return s.s.Seal(s.scope, purpose, v, ttl)
}

// Open reads what Seal made; it reports false for anything else.
func (s *Session) Open(purpose, sealed string, v any) bool {
	return s.s.Open(s.scope, purpose, sealed, v)
}

// OpenProof is Open for what proves who sits there: it ends with the next sign-in or step-up.
func (s *Session) OpenProof(purpose, sealed string, v any) bool {
	return s.s.OpenProof(s.scope, purpose, sealed, v)
}

// OpenPersonal is Open for what somebody has left half done that their secrets went into: it ends
// when anybody else signs in.
func (s *Session) OpenPersonal(purpose, sealed string, v any) bool {
	return s.s.OpenPersonal(s.scope, purpose, sealed, v)
}

// OpenOwn is Open for what ends when another signs in than who was signed in.
func (s *Session) OpenOwn(purpose, sealed string, v any) bool {
	return s.s.OpenOwn(s.scope, purpose, sealed, v)
}

// OpenStepUp is OpenProof for what spares its bearer a step-up.
func (s *Session) OpenStepUp(purpose, sealed string, v any) bool {
	return s.s.OpenStepUp(s.scope, purpose, sealed, v)
}

// BeginLogin makes a the browser's login on our pages, as somebody signs in or steps up, and gives
// the session a new id. What was sealed under the old one opens once more. Accounts are for free
// where nobody registers, so those of a network share what an account may have of the places on the
// deny list.
func (s *Session) BeginLogin(ctx context.Context, a session.Access) error {
	account := limit.Key(s.scope.Env, a.Sub)
	if a.Anonymous {
		account = limit.Key(s.scope.Env, "anonymous", s.network)
	}
	if err := s.rotate(ctx, account); err != nil {
		return err
	}
	s.KeepAccess(a)
	return nil
}

// EndLogin gives the session a new id as a login ends. What was sealed before is void.
func (s *Session) EndLogin(ctx context.Context) error { return s.rotate(ctx, "") }

// rotate gives the session a new id. What requests came to before is not given again: its cookies
// are of an id that is denied now.
func (s *Session) rotate(ctx context.Context, account string) error {
	before := s.s.RepeatGroups()
	if err := s.s.Rotate(ctx, account); err != nil {
		return err
	}
	if s.forget != nil {
		s.forget(ctx, before...)
	}
	return nil
}

// CSRFToken is for a page of this session.
func (s *Session) CSRFToken() string { return s.s.CSRFToken() }

// CSRFValid reports whether a token came from a page of this session.
func (s *Session) CSRFValid(token string) bool { return s.s.CSRFValid(token) }

// Repeats names a request by all that it holds, as session.Session.Repeats does.
func (s *Session) Repeats(token string, request []byte) (session.Repeat, bool) {
	return s.s.Repeats(token, request)
}

// RepeatGroups are what Repeats names requests under: the session's id of now, and the one before it.
func (s *Session) RepeatGroups() []string { return s.s.RepeatGroups() }

// Denied reports that the cookie's id was denied, and that another stands in for it.
func (s *Session) Denied() bool { return s.s.Denied() }

// SetLocale remembers a choice of language.
func (s *Session) SetLocale(locale string) { s.s.SetLocale(locale) }

// Access is this browser's login on our pages, if there is one: as the answer will leave it.
func (s *Session) Access() (session.Access, bool) {
	switch {
	case s.scope == (session.Scope{}), s.drop:
		return session.Access{}, false
	case s.access != nil:
		return *s.access, true
	}
	return s.s.Access(s.scope)
}

// AccessToEnd is Access for who ends the login: the one that the browser has, even where nobody
// knows whether it has ended before.
func (s *Session) AccessToEnd() (session.Access, bool) {
	if s.scope == (session.Scope{}) {
		return session.Access{}, false
	}
	return s.s.AccessToEnd(s.scope)
}

// KeepAccess makes a the browser's login on our pages, bound to the session as it leaves.
func (s *Session) KeepAccess(a session.Access) { s.access, s.drop = &a, false }

// DropAccess forgets the browser's login on our pages.
func (s *Session) DropAccess() {
	s.access, s.drop = nil, true
	if s.forget != nil { // what would bring it back
		s.forget(s.ctx, s.s.RepeatGroups()...)
	}
}

// A FlowCookie waits for the browser to come back from another site.
type FlowCookie struct{ cookies []string }

// Crowds reports that it takes the place of others, which the answer removes.
func (c FlowCookie) Crowds() bool { return len(c.cookies) > 1 }

// SealFlow makes the cookie of a state, which SendFlow adds to the answer. It returns
// session.ErrTooLarge for a value that does not fit.
func (s *Session) SealFlow(purpose, state string, v any, ttl time.Duration) (FlowCookie, error) {
	cookies, err := s.s.FlowCookies(purpose, state, v, ttl)
	return FlowCookie{cookies}, err
}

// SendFlow adds the cookie to the answer.
func (s *Session) SendFlow(c FlowCookie) { s.owed = append(s.owed, c.cookies...) }

// FlowValue reads the cookie of a state, if this browser has it.
func (s *Session) FlowValue(purpose, state string, v any) bool {
	return s.s.FlowValue(purpose, state, v)
}

// FlowPersonal is FlowValue for what ends when anybody else signs in.
func (s *Session) FlowPersonal(purpose, state string, v any) bool {
	return s.s.FlowPersonal(purpose, state, v)
}

// FlowOwn is FlowValue for what ends when another signs in than who was signed in.
func (s *Session) FlowOwn(purpose, state string, v any) bool {
	return s.s.FlowOwn(purpose, state, v)
}

// OnlyFlow reads the cookie of a purpose, where this browser has one alone that keep wants.
func (s *Session) OnlyFlow(purpose string, v any, keep func() bool) bool {
	return s.s.OnlyFlow(purpose, v, keep)
}

// ForgetFlow removes the cookie of a state.
func (s *Session) ForgetFlow(state string) { s.owed = append(s.owed, s.s.ForgetFlow(state)) }

// leastLife is how long an access cookie lives at least, so that a page that is being loaded has
// it.
const leastLife = time.Minute

// LoginCookies are the Set-Cookie values of what changed in the login.
func (s *Session) LoginCookies() ([]string, error) {
	switch {
	case s.access != nil:
		life := time.Unix(s.access.ExpiresAt, 0).Sub(s.now())
		cookies, err := s.s.AccessCookies(s.scope, *s.access, max(life, leastLife))
		return append(s.owed, cookies...), err
	case s.drop:
		return append(s.owed, s.s.ClearAccess(s.scope)...), nil
	}
	return s.owed, nil
}

// Cookies are all Set-Cookie values that the answer owes.
func (s *Session) Cookies() ([]string, error) {
	login, err := s.LoginCookies()
	if err != nil {
		return nil, err
	}
	own, err := s.s.Cookies()
	if s.noted != nil && s.noted.Changed() && s.scope != (session.Scope{}) {
		switch noted, err := s.s.NotesCookie(s.scope, s.noted); {
		case errors.Is(err, session.ErrTooLarge): // what is not noted is asked once more, or not told
		case err != nil:
			return nil, err
		default:
			own = append(own, noted)
		}
	}
	return append(login, own...), err
}

// Notes are the browser's, as the answer will leave them.
func (s *Session) Notes() *notes.Notes {
	if s.noted == nil {
		s.noted = notes.New(s.now, func(n *notes.Notes) bool { return s.scope != (session.Scope{}) && s.s.Notes(s.scope, n) })
	}
	return s.noted
}
