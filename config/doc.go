// Package config reads what operators write: the settings of the program (settings.go) and the look
// and methods of the login pages, which TCB keeps in files called login.config.json (login.go).
//
// Of those, tree.go knows where the files are, logins.go reads them again when they change, json.go
// reads JSON with positions, login_parse.go TCB's own fields, tcblogin.go those of ours, media.go the
// pictures, richtext.go the agreements, and palette.go makes the colours that nobody named.
//
// Both are read whole before anything is said, and everything that is wrong with them comes back at
// once as [Problems], each with its file, line and column. What parses without an error is complete:
// defaults filled in, secrets resolved, every value checked, so that nobody behind this package
// checks again.
//
// The package reads files and, through a function it is given, environment variables. It opens no
// connection and knows nothing of HTTP; what a setting does is written where it is used.
package config
