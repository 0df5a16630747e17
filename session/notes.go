package session

import "time"

// What pages note about a browser is kept in a cookie of its own, per environment and client. It is
// bound to no session, since it is about what happened before this one: when somebody was last here,
// what they agreed to. So it says nothing that would let anybody in, and whoever copies it gets no
// more than a banner.

const (
	notesCookieName = "tcb_login_notes_"
	notesPurpose    = "notes of a browser"
	// NotesLife is how long notes are kept after the last one.
	NotesLife = 400 * 24 * time.Hour // the longest that browsers keep a cookie
)

// NotesCookie seals a browser's notes into a Set-Cookie value. It returns [ErrTooLarge] for notes
// that do not fit.
func (s *Session) NotesCookie(scope Scope, notes any) (string, error) {
	sealed, err := s.sealBytes(associated("", scope, notesPurpose), notes, NotesLife, 64)
	if err != nil {
		return "", err
	}
	if encoding.EncodedLen(len(sealed)) > chunkSize {
		return "", ErrTooLarge
	}
	return s.setSealed(s.notesName(scope), "", sealed, NotesLife), nil
}

// Notes reads what NotesCookie sealed; it reports false where this browser has none that opens.
func (s *Session) Notes(scope Scope, notes any) bool {
	sealed, ok := s.cookie(s.notesName(scope))
	return ok && s.open(associated("", scope, notesPurpose), sealed, notes)
}

func (s *Session) notesName(scope Scope) string {
	return s.hashedName(notesCookieName, scope.Env, "\x00", scope.Client)
}
