package input

import "regexp"

var id = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$`)

// IsID reports whether a text is made of what TCB's ids and config versions are made of. They end
// up in file names, so a path is none.
func IsID(s string) bool { return id.MatchString(s) }
