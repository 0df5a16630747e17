// Package settings reads the operator's YAML: where the program listens, which environments and
// clients of TCB it serves, and within which limits.
//
// The file is read whole before anything is said, and everything that is wrong with it comes back
// at once, each problem with its line and column. What parses without an error is complete:
// defaults filled in, secrets resolved, every value checked, so that nobody behind this package
// checks again.
//
// It reads files and, through a function it is given, environment variables. It opens no
// connection; what a setting does is written where it is used. Login pages are package loginpage's.
package settings
