// Package entry reads what an address of ours asks for: who wants a login for which app, where it
// is to lead, in which language, and which step is under way. Parse, a pure function, makes the
// login request; nobody assigns to it later, and it makes the addresses of other pages (To, Into).
// The package knows neither Fiber nor pages.
package entry
