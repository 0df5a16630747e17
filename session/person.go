package session

// Who sits before a browser may change while its session goes on: somebody signs in for one client,
// and the login for another is still that of whoever was there before. Then nothing that person has
// proven, or typed in secret, may serve the one who came. A sign-in of the same person takes nothing
// from them but a step-up.

// personValue says whether who signed in last is who the session was of before. It is empty where
// that was nobody.
const (
	personValue   = "person"
	personSame    = "same"
	personAnother = "another"
)

// noteSignIn notes who signs in, and whose the session was before; either may be empty.
func (s *Session) noteSignIn(account, had string) {
	person := ""
	switch {
	case account == "" || had == "":
	case account == had:
		person = personSame
	default:
		person = personAnother
	}
	s.raw.Values[personValue] = person
}

func (s *Session) samePerson() bool    { return s.raw.Values[personValue] == personSame }
func (s *Session) anotherPerson() bool { return s.raw.Values[personValue] == personAnother }

// OpenPersonal is Open for what somebody has left half done that their secrets went into, as a right
// code or a typed password. It ends when anybody else signs in, and where nobody was signed in when
// anybody does.
func (s *Session) OpenPersonal(scope Scope, purpose, sealed string, v any) bool {
	return s.OpenProof(scope, purpose, sealed, v) || s.samePerson() && s.Open(scope, purpose, sealed, v)
}

// OpenOwn is Open for what saves somebody trouble, as a captcha that was solved. It ends when another
// signs in than who was signed in.
func (s *Session) OpenOwn(scope Scope, purpose, sealed string, v any) bool {
	return s.OpenProof(scope, purpose, sealed, v) || !s.anotherPerson() && s.Open(scope, purpose, sealed, v)
}
