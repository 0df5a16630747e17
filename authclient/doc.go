// Package authclient is a Go client of Tencent CloudBase's (TCB) auth HTTP API,
// the one that the official @cloudbase/js-sdk calls as {endpoint}/auth/v1/….
// It is a library of its own: standard library only, no globals, no settings.
//
// Methods carry the names of the SDK's Auth object in Go case: SignUp, SignIn,
// GetVerification, Verify, ResetPassword, …. Two kinds of value make calls:
//
//   - Client identifies an app (environment and client_id). Its methods need
//     nobody signed in and keep nothing between calls, but for the function of
//     SetCustomSignFunc.
//   - LoginState holds one person's Credentials, refreshes them once for all
//     concurrent callers, and makes the calls that need them. It is the Go form
//     of the SDK's LoginState.
//
// Every call takes a context first and CallOptions last, and answers with an
// *Error when TCB says no or cannot be reached; errors.Is finds the code:
//
//	if errors.Is(err, authclient.ErrInvalidPassword) { … }
//
// A call that is not a GET is never repeated by itself: it may already have
// sent a text message. The package does not render, redirect or store anything.
package authclient
