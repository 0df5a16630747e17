package session

import (
	"context"
	"fmt"
	"time"
)

// DenyList remembers for a time what must not be accepted any more.
type DenyList interface {
	// Deny has an id denied for ttl. ended says that its login has ended, and not that another id
	// took its place.
	Deny(ctx context.Context, id string, ended bool, ttl time.Duration) error
	// Denied reports whether an id that was made then is denied. sure is false where the list may
	// have lost what it was told, or cannot be asked.
	Denied(ctx context.Context, id string, made time.Time) (denied, sure bool)
}

// Quota reports whether an account may have another id denied, and counts it. Who
// begins and ends logins without end gets no more ids denied than that: they
// stay good until their cookies run out, and nobody else's are forgotten.
type Quota func(ctx context.Context, account string) bool

// startAnew gives the session an id that has nothing of what it had.
func (s *Session) startAnew() {
	locale := s.Locale() // a preference, and the one thing that outlives a session
	clear(s.raw.Values)
	s.prev, s.before = "", nil
	s.renew()
	s.SetLocale(locale)
	s.fresh, s.asked = true, true
}

// Settle asks the deny list before a request changes anything. A session whose id
// is denied starts anew, with a cookie, so that a browser that never got the
// answer that replaced the id goes on.
func (s *Session) Settle() {
	if s.ask(); s.denied {
		s.dirty = true
	}
}

// ask asks the deny list, once. A session that stands in for one whose id is
// denied has no cookie of its own, unless Settle wants it: the answer that
// replaced the id may be on its way to another tab, with a cookie that ours would
// replace in turn, and with it the login that belongs to it.
func (s *Session) ask() {
	if s.asked {
		return
	}
	s.asked = true
	denied, sure := s.m.deny.Denied(s.ctx, denyKey(s.id), s.born)
	if s.doubt = !sure; !denied {
		return
	}
	s.denied, s.doubt = true, false
	s.was.id, s.was.csrf = s.id, s.csrf
	dirty := s.dirty
	s.startAnew()
	s.dirty = dirty
}

func wrapDeny(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("session: deny list: %w", err)
}

func denyKey(id string) string { return "session " + id }
