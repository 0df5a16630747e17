package session

// ID is the session's id: a secret of its browser's, for hashes alone.
func (s *Session) ID() string { return s.id }
