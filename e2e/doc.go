// Package e2e drives the real binary in a real Chromium.
//
// Every test starts a binary of its own (its own ports, data folder and emulator), puts a small gateway
// in front of it that plays the app's own origin, and opens a browser context of its own. The app page that
// the gateway serves runs the official SDK, unmodified, in both majors: what that SDK says after the return is
// the judge of a sign-in.
//
// TestConformance is the exception: it needs no pages, and holds the official SDKs against an emulator in its own
// process, method by method (emulator/CONFORMANCE.md).
//
// The tests carry the build tag e2e, so that a plain "go test ./..." needs no browser; two of them need one more: late (a
// backend that hangs) and screenshots (every page photographed). "make e2e" installs what they need and runs them.
//
// What a page says is asserted by message keys, data attributes and statuses, not by sentences; handlers and views have
// their own tests, and this package is not the place to repeat them.
package e2e
