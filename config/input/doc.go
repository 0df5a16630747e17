// Package input is what the readers of operators' files share: problems with their place in a file,
// how a value is shown in a message, what a URL and an id of TCB must be, and reading no more than
// a bound.
//
// Packages settings and loginpage, which know nothing of each other, read by it.
package input
