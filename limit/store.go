package limit

import (
	"context"
	"errors"
	"time"
)

// A Store is all that instances behind one address must have in common. Each of its methods decides
// in one step. [Memory] is one for a single instance; package shared has one in Redis.
type Store interface {
	Counter
	DenyList
	Outcomes
	Values
}

// A Counter counts events per rule and key.
//
// A caller for whom only failures count takes first and refunds on success: asking first and
// counting later would let any number of parallel tries through.
type Counter interface {
	// Take counts one when the rule allows it, in one step: of any number of parallel calls no more
	// than the rule allows are told OK. What is refused is not counted.
	Take(ctx context.Context, rule Rule, key string) (Decision, error)
	// Peek returns what Take would, and counts nothing.
	Peek(ctx context.Context, rule Rule, key string) (Decision, error)
	// Refund gives back the newest one taken. With nothing taken it does nothing.
	Refund(ctx context.Context, rule Rule, key string) error
}

// A DenyList remembers for a time what must not be accepted any more. What is added pushes out what
// is there where a list is full; so logins that have ended are on one of their own.
type DenyList interface {
	// Deny marks an id until ttl has passed. A mark that lasts longer already stays as it is; a ttl
	// of zero or less marks nothing. ended says that a login has ended, and not that another id took
	// its place.
	Deny(ctx context.Context, id string, ended bool, ttl time.Duration) error
	// Denied reports whether an id that is in use since then is marked. sure is false where a mark
	// may have been lost, or cannot be seen from here.
	Denied(ctx context.Context, id string, since time.Time) (denied, sure bool)
}

// Outcomes keep for a moment what a request came to, so that the same one, sent again by a double
// click or by going back, comes to the same. They read nothing of what they keep. Keys are in
// groups, those of a session: of a group the last outcome alone is kept, so that who saves one name,
// then another and then the first again has saved three times.
type Outcomes interface {
	// Look is what the request of a key came to. While the first one is under way it waits. ok is
	// false where there is nothing, or nothing any more.
	Look(ctx context.Context, group, key string) (value []byte, ok bool, err error)
	// Begin marks a key before its request does anything. first is false where another has it; then
	// Look again. end takes what it came to; nil where it came to nothing that may be given again.
	Begin(ctx context.Context, group, key string) (end func(value []byte), first bool)
	// Forget removes all that is kept of some groups.
	Forget(ctx context.Context, groups ...string)
}

const (
	// OutcomeLife is how long an outcome is kept: a double click, and going back and pressing again.
	OutcomeLife = 10 * time.Second
	// OutcomeReads is how often it is given: enough for an impatient hand, and not for a thief.
	OutcomeReads = 2
	// MaxWaiting is how many of the same wait for the first: nobody clicks more often.
	MaxWaiting = 8
)

// ErrBusy says that too many of the same request wait already.
var ErrBusy = errors.New("too many repeated requests wait")

// Values are small ones that are found again by a key.
type Values interface {
	// Put keeps a value until ttl has passed.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration)
	// Get finds it. Where there was no room for all of them, it may be gone.
	Get(ctx context.Context, key string) (value []byte, ok bool)
	// Remove forgets it.
	Remove(ctx context.Context, key string)
}
