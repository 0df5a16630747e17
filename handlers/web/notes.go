package web

import (
	"tcb-login/handlers/entry"
	"tcb-login/session"
)

// Notes are what a browser's own cookie says of before: what somebody who signed in here has agreed
// to, and up to when they have seen what changed about how they sign in. Nothing is let through by
// them; without them a thing is asked once more, or not told.
type Notes struct {
	// Agreed is what was agreed to here by whoever signs in next: the hash of the texts, by login
	// page.
	Agreed map[string]string `json:"a,omitempty"`
	// Reset says that whoever signs in next has reset their password here.
	Reset bool `json:"r,omitempty"`
	// People are those who have signed in here, by a hash of who they are.
	People map[string]*PersonNotes `json:"p,omitempty"`
}

// PersonNotes are those about one of them.
type PersonNotes struct {
	At     int64             `json:"t"`           // of the last note, Unix seconds
	Agreed map[string]string `json:"a,omitempty"` // as Notes.Agreed
	// Seen is up to when the person has seen the changes of their sign-in methods, and Asked when TCB
	// was last asked for some (Unix seconds). News says that there were.
	Seen  int64 `json:"s,omitempty"`
	Asked int64 `json:"q,omitempty"`
	News  bool  `json:"n,omitempty"`
	// Review says that a password was reset, and how far the person is with looking over what else
	// the account can be entered by.
	Review Review `json:"r,omitempty"`
}

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
	maxNotedPeople = 4
	maxNotedPages  = 8
)

// notes are those of the browser as the answer will leave them.
func (s *Session) notes() *Notes {
	if s.noted == nil {
		s.noted = &Notes{}
		if s.scope == (session.Scope{}) || !s.s.Notes(s.scope, s.noted) {
			s.noted = &Notes{}
		}
	}
	return s.noted
}

// NotesOf are the notes about somebody, by their sub; empty where there are none.
func (s *Session) NotesOf(sub string) PersonNotes {
	if p := s.notes().People[noteName(sub)]; p != nil {
		return *p
	}
	return PersonNotes{}
}

// Note changes what is noted about somebody. The oldest notes make room.
func (s *Session) Note(sub string, change func(*PersonNotes)) {
	n, name := s.notes(), noteName(sub)
	if n.People == nil {
		n.People = map[string]*PersonNotes{}
	}
	p := n.People[name]
	if p == nil {
		p = &PersonNotes{}
	}
	change(p)
	p.At = s.now().Unix()
	n.People[name] = p
	for len(n.People) > maxNotedPeople {
		oldest := name
		for other, q := range n.People {
			if q.At < n.People[oldest].At || q.At == n.People[oldest].At && oldest == name {
				oldest = other
			}
		}
		delete(n.People, oldest)
	}
	s.notesChanged = true
}

// NoteAgreed notes that whoever signs in here next has agreed to texts of a login page.
func (s *Session) NoteAgreed(page, texts string) {
	n := s.notes()
	if n.Agreed[page] == texts {
		return
	}
	n.Agreed = withNote(n.Agreed, page, texts)
	s.notesChanged = true
}

// NoteReset notes that a password was reset here, by whoever signs in next.
func (s *Session) NoteReset() { s.notes().Reset, s.notesChanged = true, true }

// NoteSignedIn makes what was noted here about who signs in next that of who has just done so. It
// reports whether they have agreed to the texts of the login page just now.
func (s *Session) NoteSignedIn(sub, page, texts string) (agreed bool) {
	n := s.notes()
	reset := n.Reset
	agreed = texts != "" && n.Agreed[page] == texts
	if !reset && !agreed {
		return false
	}
	s.Note(sub, func(p *PersonNotes) {
		if agreed {
			p.Agreed = withNote(p.Agreed, page, texts)
		}
		if reset {
			p.Review = ReviewDue
		}
	})
	delete(n.Agreed, page)
	n.Reset = false
	return agreed
}

// withNote adds a note, in the place of any other where there are too many.
func withNote(notes map[string]string, name, value string) map[string]string {
	if notes == nil {
		notes = map[string]string{}
	}
	notes[name] = value
	for other := range notes {
		if len(notes) > maxNotedPages && other != name {
			delete(notes, other)
		}
	}
	return notes
}

func noteName(sub string) string { return HashOf("note " + sub)[:12] }

// PageNote names the login page at hand in notes.
func PageNote(r *entry.LoginRequest) string {
	return HashOf("page " + r.LoginPage.Key.App + "/" + r.LoginPage.Key.Version)[:8]
}

// notesCookies is the Set-Cookie value of notes that changed. Those that do not fit are not kept.
func (s *Session) notesCookies() []string {
	if !s.notesChanged || s.scope == (session.Scope{}) {
		return nil
	}
	cookie, err := s.s.NotesCookie(s.scope, s.notes())
	if err != nil {
		return nil
	}
	return []string{cookie}
}
