// Package authclient is a Go client of Tencent CloudBase's (TCB) auth HTTP API,
// the one that the official @cloudbase/js-sdk calls as {endpoint}/auth/v1/….
// It is a library of its own: standard library only, no globals, no settings.
//
// Methods carry the names of the SDK's Auth object in Go case: SignUp, SignIn,
// GetVerification, Verify, ResetPassword, …. Each has its source: package,
// version, file and function of the SDK. Three kinds of value make calls:
//
//   - Client identifies an app (environment and client_id). Its methods need
//     nobody signed in and keep nothing between calls, but for the function of
//     SetCustomSignFunc.
//   - User makes one person's calls. Client.AsUser makes one of an access token.
//   - LoginState is a User that holds the person's Credentials and refreshes
//     them once for all concurrent callers. It is the Go form of the SDK's
//     LoginState.
//
// A server that gets access tokens with its requests checks them with
// Client.VerifyAccessToken, which keeps TCB's public keys and makes no call for
// each.
//
// Every call takes a context first and CallOptions last, and answers with an
// *Error when TCB says no or cannot be reached; errors.Is finds the code:
//
//	if errors.Is(err, authclient.ErrInvalidPassword) { … }
//
// Error.Call says which call of the API it came from.
//
// A call that is not a GET is never repeated by itself: it may already have
// sent a text message. The package does not render, redirect or store anything.
package authclient
