package session

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestNotes: they outlive the session, are of one environment and client, and of our making.
func TestNotes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	type notes struct{ Last string }
	want := notes{"yesterday"}
	set, err := b.load("").NotesCookie(scope, want)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(set, "__Secure-tcb_login_notes_") || !strings.HasSuffix(set, "; Path=/__auth; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax") || strings.Contains(set, "yesterday") {
		t.Errorf("the cookie is %s", set)
	}
	jar := browser(t, []string{set})
	var got notes
	if !b.load(jar).Notes(scope, &got) || got != want {
		t.Errorf("another session reads %+v", got)
	}
	for _, other := range []Scope{{"demo", "second"}, {"other", "demo"}, {"", ""}} {
		if b.load(jar).Notes(other, &got) {
			t.Errorf("%+v reads them", other)
		}
	}
	if b.load("").Notes(scope, &got) {
		t.Error("there are notes without a cookie")
	}
	name, value, _ := strings.Cut(jar, "=")
	for _, bad := range []string{"", "x", value[1:], value + "A", strings.ToLower(value)} {
		if b.load(name+"="+bad).Notes(scope, &got) {
			t.Errorf("%.20s… opens", bad)
		}
	}
	// What was sealed for something else is no note.
	s := b.load("")
	sealed, err := s.Seal(scope, notesPurpose, want, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if b.load(name+"="+sealed).Notes(scope, &got) {
		t.Error("a sealed value opens as notes")
	}
	if _, err := s.NotesCookie(scope, notes{strings.Repeat("x", chunkSize)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("notes that are too large: %v", err)
	}
	b.now = b.now.Add(NotesLife)
	if b.load(jar).Notes(scope, &got) {
		t.Error("they open for ever")
	}
}
