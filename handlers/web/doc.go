// Package web is what every page shares: a request read once, pages and errors turned into answers,
// forms, captchas, limits, and the middleware around them. The rooms beside it (visitor, code,
// provider, signin, portal, account) hold what pages do.
//
// How a request goes:
//
//	bytes (../../framing)     refused where they can be read in more than one way
//	observe (middleware.go)   request id, log line, the floor of answers that must look alike
//	origin (origin.go)        which page this is, by Host; the response's headers
//	login request             the query string, read and validated once (../entry), by a pure
//	                          function; nobody assigns to it afterwards
//	session and form          the cookie (../browser); cross-site refusal, the form's fields (form.go)
//	handler                   a function from *Request to Reply; Fiber is known in this package alone
//	reply.go                  writes a Reply, with the cookies that the session owes, once
//	answer.go                 makes the answer to every error: a form again, or a page
//
// The login request rides in the URL of every page, and a step under way in the sealed flow= beside
// it, so nothing here depends on which tab is which, and a lost cookie costs a code, not the way
// back to the app. Every POST that calls TCB goes through Site.Guarded (captcha.go), which asks for
// a captcha in place where TCB wants one.
//
// No POST redirects off our origin: who leaves gets a page that leads away.
package web
