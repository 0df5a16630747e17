package authclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// codeError is a TCB error code as a target for errors.Is.
type codeError string

func (c codeError) Error() string { return "tcb auth: " + string(c) }

// The error codes of TCB's auth API: ErrorType of @cloudbase/oauth@3.3.3
// src/auth/consts.ts, payment_required and license_required, which the service
// answers when a package is used up, and three that newer SDKs know besides
// (AuthErrorCode 4019, 4042, 4045). Compare with errors.Is.
var (
	ErrUnreachable error = codeError("unreachable") // no answer, a late one, or one that is not TCB's

	// Codes of gRPC (google.rpc.Code), and local, which is the SDK's own.
	ErrUnauthenticated    error = codeError("unauthenticated")     // the access token is none, or none any more
	ErrResourceExhausted  error = codeError("resource_exhausted")  // too many calls, or too soon after one another: see RetryAfter
	ErrFailedPrecondition error = codeError("failed_precondition") // it does not fit what is there, as a number that has an account
	ErrInvalidArgument    error = codeError("invalid_argument")    // a field is not as TCB wants it, or a code is wrong or expired
	ErrDeadlineExceeded   error = codeError("deadline_exceeded")   // TCB took too long itself
	ErrNotFound           error = codeError("not_found")           // there is no such person, provider or device
	ErrAlreadyExists      error = codeError("already_exists")      // somebody else has the username, number, address or identity
	ErrPermissionDenied   error = codeError("permission_denied")   // the person, the app or the origin may not
	ErrAborted            error = codeError("aborted")             // too many tries: the code is dead
	ErrOutOfRange         error = codeError("out_of_range")        // a number is beyond what the call takes
	ErrUnimplemented      error = codeError("unimplemented")       // the environment does not have this, or it is switched off
	ErrInternal           error = codeError("internal")            // something failed at TCB
	ErrUnavailable        error = codeError("unavailable")         // TCB is away for the moment
	ErrDataLoss           error = codeError("data_loss")           // TCB lost something it had
	ErrCancelled          error = codeError("cancelled")           // the call was given up
	ErrUnknown            error = codeError("unknown")             // TCB does not say, or in a form that is no code
	ErrLocal              error = codeError("local")               // the request could not be written

	// Of signing in.
	ErrInvalidPassword          error = codeError("invalid_password")            // the password is wrong: see Remaining
	ErrPasswordNotSet           error = codeError("password_not_set")            // the account has no password
	ErrInvalidStatus            error = codeError("invalid_status")              // the account is locked after wrong passwords: see RetryAfter
	ErrUserPending              error = codeError("user_pending")                // the account is not yet active
	ErrUserBlocked              error = codeError("user_blocked")                // the account is switched off
	ErrInvalidVerificationCode  error = codeError("invalid_verification_code")   // the code is wrong
	ErrTwoFactorRequired        error = codeError("two_factor_required")         // the sign-in wants a second factor: see Demand
	ErrInvalidTwoFactor         error = codeError("invalid_two_factor")          // the second factor is wrong or expired
	ErrInvalidTwoFactorRecovery error = codeError("invalid_two_factor_recovery") // the recovery code of the second factor is wrong
	ErrUnderReview              error = codeError("under_review")                // what was sent waits for a person at TCB to look at it

	// Of OAuth 2.0 and OpenID Connect (RFC 6749 §4.1.2.1 and §5.2; OpenID Connect
	// Core 1.0 §3.1.2.6).
	ErrInvalidRequest           error = codeError("invalid_request")            // a parameter is missing, there twice or malformed
	ErrUnauthorizedClient       error = codeError("unauthorized_client")        // the app may not, or its secret is wrong
	ErrAccessDenied             error = codeError("access_denied")              // the person or the server said no
	ErrUnsupportedResponseType  error = codeError("unsupported_response_type")  // no such response_type for this app
	ErrInvalidScope             error = codeError("invalid_scope")              // the scope is unknown, or more than may be had
	ErrInvalidGrant             error = codeError("invalid_grant")              // the refresh token or code is wrong, used or too old
	ErrServerError              error = codeError("server_error")               // something failed at the authorization server
	ErrTemporarilyUnavailable   error = codeError("temporarily_unavailable")    // the authorization server is away for the moment
	ErrInteractionRequired      error = codeError("interaction_required")       // the person has to see a page
	ErrLoginRequired            error = codeError("login_required")             // the person has to sign in
	ErrAccountSelectionRequired error = codeError("account_selection_required") // the person has to say which account
	ErrConsentRequired          error = codeError("consent_required")           // the person has to agree
	ErrInvalidRequestURI        error = codeError("invalid_request_uri")        // what request_uri leads to is of no use
	ErrInvalidRequestObject     error = codeError("invalid_request_object")     // the request object is malformed
	ErrRequestNotSupported      error = codeError("request_not_supported")      // the parameter request is not taken
	ErrRequestURINotSupported   error = codeError("request_uri_not_supported")  // the parameter request_uri is not taken
	ErrRegistrationNotSupported error = codeError("registration_not_supported") // the parameter registration is not taken

	// Of captchas.
	ErrCaptchaRequired error = codeError("captcha_required") // the call wants a captcha: GetCaptchaData with Error.Call
	ErrCaptchaInvalid  error = codeError("captcha_invalid")  // the captcha token is wrong, used up or expired: solve another one

	// Of signing in, as newer services write it.
	ErrProviderNotEnabled        error = codeError("provider_not_enabled")         // the identity provider is switched off
	ErrLoginMethodDisabled       error = codeError("login_method_disabled")        // this way to sign in is switched off
	ErrInvalidUsernameOrPassword error = codeError("invalid_username_or_password") // one of the two is wrong
	ErrInvalidCredentials        error = codeError("invalid_credentials")          // what proves who it is is wrong
	ErrWrongPassword             error = codeError("wrong_password")               // the password is wrong
	ErrUserNotFound              error = codeError("user_not_found")               // there is no such person

	// Not in ErrorType.
	ErrPaymentRequired   error = codeError("payment_required")    // the environment's package of messages is used up
	ErrLicenseRequired   error = codeError("license_required")    // the environment has no such package, or it is used up
	ErrProviderError     error = codeError("provider_error")      // the identity provider failed
	ErrMFAPhoneRequired  error = codeError("mfa_phone_required")  // the second factor wants a phone number: see Demand
	ErrLoginTypeDisabled error = codeError("login_type_disabled") // this way to sign in is switched off
)

// Codes lists every code that has an Err value, in the order of their declaration,
// but for the three that only a waiting device gets (GrantToken).
func Codes() []string {
	codes := make([]string, len(allErrors))
	for i, e := range allErrors {
		codes[i] = string(e.(codeError))
	}
	return codes
}

var allErrors = []error{
	ErrUnreachable, ErrUnauthenticated, ErrResourceExhausted, ErrFailedPrecondition, ErrInvalidArgument,
	ErrDeadlineExceeded, ErrNotFound, ErrAlreadyExists, ErrPermissionDenied, ErrAborted, ErrOutOfRange,
	ErrUnimplemented, ErrInternal, ErrUnavailable, ErrDataLoss, ErrCancelled, ErrUnknown, ErrLocal,
	ErrInvalidPassword, ErrPasswordNotSet, ErrInvalidStatus, ErrUserPending, ErrUserBlocked,
	ErrInvalidVerificationCode, ErrTwoFactorRequired, ErrInvalidTwoFactor, ErrInvalidTwoFactorRecovery,
	ErrUnderReview, ErrInvalidRequest, ErrUnauthorizedClient, ErrAccessDenied, ErrUnsupportedResponseType,
	ErrInvalidScope, ErrInvalidGrant, ErrServerError, ErrTemporarilyUnavailable, ErrInteractionRequired,
	ErrLoginRequired, ErrAccountSelectionRequired, ErrConsentRequired, ErrInvalidRequestURI,
	ErrInvalidRequestObject, ErrRequestNotSupported, ErrRequestURINotSupported, ErrRegistrationNotSupported,
	ErrCaptchaRequired, ErrCaptchaInvalid, ErrProviderNotEnabled, ErrLoginMethodDisabled,
	ErrInvalidUsernameOrPassword, ErrInvalidCredentials, ErrWrongPassword, ErrUserNotFound,
	ErrPaymentRequired, ErrLicenseRequired, ErrProviderError, ErrMFAPhoneRequired, ErrLoginTypeDisabled,
}

// Error is what a call answers when TCB refuses it or cannot be understood.
// errors.Is compares its Code with the Err values; Unwrap gives the transport
// error or the context's, where there was one. However it is printed, logged or
// written as JSON, it leaves out Description, which TCB writes for the person and
// may repeat what they typed, and Details, which can hold a provider_trans_token.
type Error struct {
	Op          string            // the method of this package, as "SignIn"
	Call        Call              // the call of TCB's API that it makes; zero where it makes none
	Code        string            // TCB's `error`, as "invalid_password"; "unreachable" when there was no answer of TCB's
	ErrorCode   int               // TCB's `error_code`, 0 when not given
	Description string            `json:"-"` // TCB's `error_description`, in the call's locale
	Status      int               // HTTP status, 0 when there was no answer
	RequestID   string            // x-request-id of the call, for TCB's support
	Details     []json.RawMessage `json:"-"` // TCB's `details`, as they came; they can hold a provider_trans_token
	Remaining   int               // tries left, as TCB counts them; -1 when it does not say
	RetryAfter  time.Duration     // how long to wait; 0 when TCB does not say
	NotSent     bool              // nothing left for TCB: the request cannot be written, or Config.HTTPClient's transport held it back, for RetryAfter

	withPassword bool // the call was to sign somebody in by one
	cause        error
}

// Error names the operation and the code.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "authclient: %s: %s", e.Op, e.Code)
	if e.ErrorCode != 0 {
		fmt.Fprintf(&b, " (%d)", e.ErrorCode)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ", status %d", e.Status)
	}
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// String is the text of Error, for an Error that is no pointer.
func (e Error) String() string { return e.Error() }

// GoString is String: %#v shows neither Description nor Details.
func (e Error) GoString() string { return e.Error() }

// LogValue is String, for log/slog.
func (e Error) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Is reports whether target is the Err value of e's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && string(code) == e.Code
}

// Unwrap gives the error below TCB's: of the transport, the decoder or the context.
func (e *Error) Unwrap() error { return e.cause }

// errorBody is TCB's error answer (http-api reference, error schema): a truthy
// `error` decides, whatever the status; a truthy `code` means the same
// (@cloudbase/oauth@3.3.3 src/oauth2client/oauth2client.ts, defaultRequest and
// request). Fields are raw because an unhappy server
// may put anything into them.
type errorBody struct {
	Error            json.RawMessage `json:"error"`
	ErrorCode        json.RawMessage `json:"error_code"`
	ErrorDescription json.RawMessage `json:"error_description"`
	Code             json.RawMessage `json:"code"`
	Message          json.RawMessage `json:"message"`
	Details          json.RawMessage `json:"details"`
	RetryAfter       json.RawMessage `json:"retry_after"`
	RetryAfterCamel  json.RawMessage `json:"retryAfter"`
}

// codesByNumber are the codes of an error_code: those of google.rpc.Code, and AuthErrorCode of newer SDKs
// (@cloudbase/oauth of @cloudbase/js-sdk@2.32.0 src/auth/consts.ts).
var codesByNumber = map[int]error{
	1: ErrCancelled, 2: ErrUnknown, 3: ErrInvalidArgument, 4: ErrDeadlineExceeded, 5: ErrNotFound, 6: ErrAlreadyExists,
	7: ErrPermissionDenied, 8: ErrResourceExhausted, 9: ErrFailedPrecondition, 10: ErrAborted, 11: ErrOutOfRange,
	12: ErrUnimplemented, 13: ErrInternal, 14: ErrUnavailable, 15: ErrDataLoss, 16: ErrUnauthenticated,
	4001: ErrCaptchaRequired, 4002: ErrCaptchaInvalid, 4019: ErrProviderError, 4022: ErrUnauthorizedClient,
	4042: ErrMFAPhoneRequired, 4045: ErrLoginTypeDisabled,
}

// codeByNumber is the code of an error_code that no name stands beside.
func codeByNumber(n int) string {
	if code, ok := codesByNumber[n].(codeError); ok {
		return string(code)
	}
	return "unknown"
}

// apiError finds the error in an answer's body; nil when it holds none. In an answer that its status
// calls a failure, a number alone is one too.
func (b *errorBody) apiError(failed bool) *Error {
	n, _ := integer(b.ErrorCode)
	e := &Error{ErrorCode: n, Description: text(b.ErrorDescription), Remaining: -1}
	switch {
	case truthy(b.Error):
		e.Code = codeName(b.Error)
	case truthy(b.Code):
		e.Code, e.Description = codeName(b.Code), text(b.Message)
	case failed && n != 0:
		e.Code = codeByNumber(n)
	default:
		return nil
	}
	if len(b.Details) > 0 && json.Unmarshal(b.Details, &e.Details) != nil {
		e.Details = nil
	}
	for _, d := range e.Details {
		e.readDetail(d)
	}
	for _, raw := range []json.RawMessage{b.RetryAfter, b.RetryAfterCamel} {
		if n := number(raw); n > 0 {
			e.RetryAfter = seconds(n)
		}
	}
	return e
}

// readDetail takes from one entry of details what the login pages of TCB read:
// remaining and retry_in (seconds), or their older forms limit_remaining and
// retry_delay ("1800s").
func (e *Error) readDetail(raw json.RawMessage) {
	var d struct {
		Remaining      json.RawMessage `json:"remaining"`
		LimitRemaining json.RawMessage `json:"limit_remaining"`
		RetryIn        json.RawMessage `json:"retry_in"`
		RetryDelay     json.RawMessage `json:"retry_delay"`
	}
	if json.Unmarshal(raw, &d) != nil {
		return
	}
	for _, r := range []json.RawMessage{d.Remaining, d.LimitRemaining} {
		if n, ok := integer(r); ok && n >= 0 {
			e.Remaining = n
		}
	}
	if n := number(d.RetryIn); n > 0 {
		e.RetryAfter = seconds(n)
	}
	if len(d.RetryDelay) == 0 {
		return
	}
	if wait, err := time.ParseDuration(text(d.RetryDelay)); err == nil && wait > 0 {
		e.RetryAfter = min(wait, maxRetryAfter)
	} else if n := number(d.RetryDelay); n > 0 {
		e.RetryAfter = seconds(n)
	}
}

// noteAnswer takes from an answer what its body may not say.
func (e *Error) noteAnswer(resp *http.Response, now time.Time) {
	e.Status = resp.StatusCode
	if e.Status == http.StatusTooManyRequests && e.Code == "unreachable" { // of a gateway before TCB
		e.Code = "resource_exhausted"
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	}
}

// retryAfter reads that header, which has seconds or a time (RFC 9110 §10.2.3); 0 of anything else.
func retryAfter(header string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if n, err := strconv.ParseUint(header, 10, 64); err == nil {
		wait = seconds(float64(n))
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// maxRetryAfter bounds what a server can make a caller wait or overflow.
const maxRetryAfter = 31 * 24 * time.Hour

func seconds(n float64) time.Duration {
	if n >= maxRetryAfter.Seconds() {
		return maxRetryAfter
	}
	return time.Duration(n * float64(time.Second))
}

// truthy is JavaScript's: the SDK tests body.error and body.code that way.
func truthy(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", `""`, "0":
		return false
	}
	return true
}

// text is a JSON string's value, or other JSON as it stands.
func text(raw json.RawMessage) string {
	if s, ok := str(raw); ok {
		return s
	}
	return string(raw)
}

// str is a JSON string's value, or that of null, which is empty. raw is of an answer that has been
// read as JSON: a string without escapes stands in it as it is, and needs no decoder.
func str(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	if raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// codeName is the code in a truthy `error`. It goes into logs and into the
// error's text, so what is not a name in TCB's style counts as "unknown",
// whatever a server put there.
func codeName(raw json.RawMessage) string {
	if s, ok := str(raw); ok && isCode(s) {
		return s
	}
	return "unknown"
}

// isCode reports that s begins with a letter and has at most 64 letters, digits, '_', '.' and '-'.
func isCode(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return true
}

// integer is a JSON number's value, also when it comes as a string, if it is
// one of the 32 bits that the API's schema gives it.
func integer(raw json.RawMessage) (int, bool) {
	digits, ok := numeral(raw)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(digits, 10, 32)
	return int(i), err == nil
}

// number is a JSON number's value, also when it comes as a string; else 0.
func number(raw json.RawMessage) float64 {
	digits, ok := numeral(raw)
	if !ok {
		return 0
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0
	}
	return f
}

// numeral is a JSON number as it is written, also when it comes as a string.
func numeral(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 { // as most of what an error can have
		return "", false
	}
	if c := raw[0]; c == '-' || '0' <= c && c <= '9' {
		return string(raw), true
	}
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return "", false
	}
	return n.String(), n != ""
}
