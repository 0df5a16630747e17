// Package config reads what operators write: the settings of the program (settings.go) and the look
// and methods of the login page (login.go).
//
// Both are read whole before anything is said, and everything that is wrong with them comes back at
// once as [Problems], each with its file, line and column. What parses without an error is complete:
// defaults filled in, secrets resolved, every value checked, so that nobody behind this package
// checks again.
//
// The package reads files and, through a function it is given, environment variables. It opens no
// connection and knows nothing of HTTP; what a setting does is written where it is used.
package config
