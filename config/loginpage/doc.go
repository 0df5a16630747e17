// Package loginpage reads the login pages of TCB's environments: what each offers and how it looks,
// from the files called login.config.json that TCB itself keeps in an environment's static hosting.
//
// page.go has what a page is and offers.go what can be done on one. tree.go knows where the files
// are, pages.go reads them again when they change and keeps the last good page, json.go reads JSON
// with positions, parse.go TCB's own fields, own.go and colors.go those of ours, media.go and
// svg.go the pictures, agreement.go and richtext.go the agreements. versions.go is for package publish.
//
// A config is read whole before anything is said, and everything that is wrong with it comes back
// at once, each problem with its line and column. What parses without an error is complete, so that
// nobody behind this package checks again. It knows nothing of the operator's settings (package
// settings), of HTTP, or of how a theme becomes a stylesheet (package theme).
package loginpage
