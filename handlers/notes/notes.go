// Package notes is what a browser's own cookie says of before: what somebody who signed in here has
// agreed to, up to when they have seen what changed about how they sign in, and which devices they
// have signed out. Nothing is let through by it; without it a thing is asked once more, or not told. The cookie is package session's,
// and package web reads and writes it.
package notes

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"tcb-login/config/loginpage"
)

// Notes are those of a browser, for an environment and client.
type Notes struct {
	// Agreed is what was agreed to here by whoever signs in next: the hash of the texts, by login
	// page.
	Agreed map[string]string `json:"a,omitempty"`
	// Reset says that whoever signs in next has reset their password here.
	Reset bool `json:"r,omitempty"`
	// People are those who have signed in here, by a hash of who they are.
	People map[string]*Person `json:"p,omitempty"`

	now     func() time.Time
	changed bool
}

// Person is what is noted about one of them.
type Person struct {
	At     int64             `json:"t"`           // of the last note, Unix seconds
	Agreed map[string]string `json:"a,omitempty"` // as of Notes
	// Seen is up to when the person has seen the changes of their sign-in methods, and Asked when TCB
	// was last asked for some (Unix seconds). News says that there were.
	Seen  int64 `json:"s,omitempty"`
	Asked int64 `json:"q,omitempty"`
	News  bool  `json:"n,omitempty"`
	// Own is when they have last changed one themselves in this browser, and OwnFrom when they began to
	// (Unix seconds): TCB may have been slow.
	Own     int64 `json:"o,omitempty"`
	OwnFrom int64 `json:"of,omitempty"`
	// Review says that a password was reset, and how far the person is with looking over what else
	// the account can be entered by.
	Review Review `json:"r,omitempty"`
	// Ended are devices whose logins they have ended in this browser, by a hash, and when (Unix
	// seconds).
	Ended map[string]int64 `json:"e,omitempty"`
	// Others is when they have ended those of all devices but one (Unix seconds), and But that one, by
	// a hash.
	Others int64  `json:"eo,omitempty"`
	But    string `json:"eb,omitempty"`
}

// IsOwn reports that a change at a time is what they have changed themselves, by a clock that differs
// from ours by so much at most.
func (p Person) IsOwn(at time.Time, clocks time.Duration) bool {
	from, to := time.Unix(cmp.Or(p.OwnFrom, p.Own), 0), time.Unix(p.Own, 0)
	return !at.Before(from.Add(-clocks)) && !at.After(to.Add(clocks))
}

// End notes that the logins of a device have ended. The oldest make room.
func (p *Person) End(deviceID string, at time.Time) {
	ended := map[string]int64{deviceName(deviceID): at.Unix()}
	for name, at := range p.Ended {
		if _, again := ended[name]; !again {
			ended[name] = at
		}
	}
	for len(ended) > maxEnded {
		oldest := ""
		for name, at := range ended {
			if oldest == "" || at < ended[oldest] {
				oldest = name
			}
		}
		delete(ended, oldest)
	}
	p.Ended = ended
}

// EndOthers notes that the logins of all devices have ended, but those of one.
func (p *Person) EndOthers(deviceID string, at time.Time) {
	p.Ended, p.Others, p.But = nil, at.Unix(), deviceName(deviceID)
}

// HasEnded reports that the login of a device that began at a time (RFC 3339) has ended since. One that
// has said no device_id cannot be ended by it.
func (p Person) HasEnded(deviceID, began string) bool {
	if deviceID == "" {
		return false
	}
	name := deviceName(deviceID)
	at := p.Ended[name]
	if name != p.But {
		at = max(at, p.Others)
	}
	t, err := time.Parse(time.RFC3339, began)
	return err == nil && t.Unix() <= at
}

// deviceName is what a device is called in the cookie: its device_id is a secret.
func deviceName(deviceID string) string { return nameOf(deviceID)[:8] }

// A Review is how far it is.
type Review int

// The steps of a review.
const (
	ReviewNone   Review = iota
	ReviewDue           // the next page of the portal is to be the list
	ReviewListed        // they have seen the list, and not said yet that all of it is theirs
)

// Bounds of what is noted: the cookie has to fit.
const (
	maxPeople = 4
	maxPages  = 8
	maxEnded  = 5
)

// New are the notes that read fills in, empty ones where it reports false.
func New(now func() time.Time, read func(*Notes) bool) *Notes {
	n := &Notes{}
	if !read(n) {
		n = &Notes{}
	}
	for name, p := range n.People {
		if p == nil {
			delete(n.People, name)
		}
	}
	n.now = now
	return n
}

// Changed reports that they are others than those that were read.
func (n *Notes) Changed() bool { return n.changed }

// Of are the notes about somebody, by their sub; empty where there are none.
func (n *Notes) Of(sub string) Person {
	if len(n.People) == 0 { // as of most who come: nothing needs hashing
		return Person{}
	}
	if p := n.People[nameOf(sub)]; p != nil {
		return *p
	}
	return Person{}
}

// Change changes what is noted about somebody. The oldest notes make room.
func (n *Notes) Change(sub string, change func(*Person)) {
	name := nameOf(sub)
	if n.People == nil {
		n.People = map[string]*Person{}
	}
	p := n.People[name]
	if p == nil {
		p = &Person{}
		n.People[name] = p
	}
	change(p)
	p.At, n.changed = n.now().Unix(), true
	for len(n.People) > maxPeople {
		oldest := ""
		for other, q := range n.People {
			if other != name && (oldest == "" || q.At < n.People[oldest].At) {
				oldest = other
			}
		}
		delete(n.People, oldest)
	}
}

// Agree notes that whoever signs in here next has agreed to the texts of a login page.
func (n *Notes) Agree(l *loginpage.Page) {
	if page, texts := pageOf(l), l.Agreed(); n.Agreed[page] != texts {
		n.Agreed, n.changed = with(n.Agreed, page, texts), true
	}
}

// ResetPassword notes that a password was reset here, by whoever signs in next.
func (n *Notes) ResetPassword() { n.Reset, n.changed = true, true }

// SignIn makes what was noted here about who signs in next that of who has just done so. It returns
// the hash of the texts of the login page if they have agreed to them just now.
func (n *Notes) SignIn(sub string, l *loginpage.Page) (agreed string) {
	page, reset := pageOf(l), n.Reset
	if texts := l.Agreed(); n.Agreed[page] == texts {
		agreed = texts
	}
	if !reset && agreed == "" {
		return ""
	}
	n.Change(sub, func(p *Person) {
		if agreed != "" {
			p.Agreed = with(p.Agreed, page, agreed)
		}
		if reset {
			p.Review = ReviewDue
		}
	})
	delete(n.Agreed, page)
	n.Reset = false
	return agreed
}

// AgreedTo is the hash of the texts of a login page that somebody has agreed to; empty where they
// have not.
func (n *Notes) AgreedTo(sub string, l *loginpage.Page) string { return n.Of(sub).Agreed[pageOf(l)] }

// with adds a note, in the place of any other where there are too many.
func with(all map[string]string, name, value string) map[string]string {
	if all == nil {
		all = map[string]string{}
	}
	all[name] = value
	for other := range all {
		if len(all) > maxPages && other != name {
			delete(all, other)
		}
	}
	return all
}

func nameOf(sub string) string { return short(12, "person ", sub) }

func pageOf(l *loginpage.Page) string { return short(8, "page ", l.Key.App, "/", l.Key.Version) }

// short is the beginning of a hash of some parts, one after the other.
func short(n int, parts ...string) string {
	all := make([]byte, 0, 128) // on the stack for all but odd names
	for _, part := range parts {
		all = append(all, part...)
	}
	sum := sha256.Sum256(all)
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], sum[:])
	return string(text[:n])
}
