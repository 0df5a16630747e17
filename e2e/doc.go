// Package e2e drives the real binary in a real Chromium, and its commonest ways in Firefox and
// WebKit too.
//
// A test gets a binary (start, or share where it changes nothing for others), a small gateway in
// front of it that plays the app's own origin, and browser contexts of its own. The app page that
// the gateway serves runs the official SDK, unmodified, in both majors: what that SDK says after
// the return decides whether a sign-in worked.
//
// TestConformance is the exception: it needs no pages, and holds the official SDKs against an
// emulator in its own process, method by method (emulator/CONFORMANCE.md).
//
// # Where a new test goes
//
// A test file is named for what its tests are about: a page (signin, portal), a step (code,
// captcha), or a condition (storage, withoutscript). Add to the one that fits, or begin another.
// What more than one file needs is a helper, and all helpers are in the files harness_*:
//
//   - harness_server: the binary, alone for a test (start) or shared (share)
//   - harness_gateway: the app's own origin in front of it
//   - harness_proxy, harness_nginx: a real Caddy or nginx instead, with the site that we ship
//   - harness_compose, harness_instances: the services of a compose file as processes, and the two
//     instances that we ship one for, behind both proxies
//   - harness_person, harness_soak: many people at once, who need no browser
//   - harness_emulator: what arrived by SMS and e-mail, and the switches of the backend
//   - harness_browser: a visitor (one browser context), its tabs, and what they show
//   - harness_app: the app page, and what the SDK in it says
//   - harness_preview: every page in every state with sample data, from the operator's listener
//   - harness_engines: Firefox and WebKit, which playwright does not drive
//   - harness_flows: the pages one after the other, as a person walks through them
//   - harness_examples: the apps of examples/, as "make examples" starts them
//   - harness_conformance: the page and the emulator of TestConformance
//
// Every helper that can fail takes the t of the test, or sub-test, that calls it.
//
// What a page says is asserted by message keys, data attributes and statuses, not by sentences;
// handlers and views have their own tests, and this package is not the place to repeat them.
//
// # Side by side
//
// Tests run in parallel, a few at a time ("make e2e" says how many). A test that measures time does
// not call t.Parallel: it runs before all the others, alone. Two tests on a shared server never use
// the same phone number or e-mail address (newPhone, newEmail), and never change what others see:
// the emulator's settings, its clock, the seeded user. A test that has to calls start.
//
// # Build tags
//
// The tests carry the build tag e2e, so that a plain "go test ./..." needs no browser. Two kinds
// need one more: late (what takes long, and the other engines) and screenshots (every page
// photographed). "make e2e" installs what they need and runs them.
package e2e
