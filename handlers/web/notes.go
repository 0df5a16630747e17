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
	// Review says that a password was reset, and that the person has yet to look over what else the
	// account can be entered by.
	Review bool `json:"r,omitempty"`
}

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

// NotesOf are the notes about somebody, by their sub; nil where there are none.
func (s *Session) NotesOf(sub string) *PersonNotes {
	p := s.notes().People[noteName(sub)]
	if p == nil {
		return nil
	}
	read := *p
	return &read
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

// NoteSignedIn makes what was agreed to here that of who has just signed in. It reports whether they
// have agreed to the texts.
func (s *Session) NoteSignedIn(sub, page, texts string) bool {
	n := s.notes()
	if n.Agreed[page] != texts {
		return false
	}
	delete(n.Agreed, page)
	s.Note(sub, func(p *PersonNotes) { p.Agreed = withNote(p.Agreed, page, texts) })
	return true
}

// HasAgreed reports that somebody has agreed to the texts of a login page here.
func (s *Session) HasAgreed(sub, page, texts string) bool {
	p := s.NotesOf(sub)
	return p != nil && p.Agreed[page] == texts
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
