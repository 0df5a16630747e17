package authclient

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// codeError is a TCB error code as a target for errors.Is.
type codeError string

func (c codeError) Error() string { return "tcb auth: " + string(c) }

// The error codes of TCB's auth API: the SDK's ErrorType (@cloudbase/oauth
// src/auth/consts.ts), payment_required and license_required, which the service
// answers when a package is used up, and three that newer SDKs know besides
// (AuthErrorCode 4019, 4042, 4045). Compare with errors.Is.
var (
	// ErrUnreachable stands for no answer, a late one, or one that is not TCB's.
	ErrUnreachable error = codeError("unreachable")

	ErrUnauthenticated    error = codeError("unauthenticated")
	ErrResourceExhausted  error = codeError("resource_exhausted")
	ErrFailedPrecondition error = codeError("failed_precondition")
	ErrInvalidArgument    error = codeError("invalid_argument")
	ErrDeadlineExceeded   error = codeError("deadline_exceeded")
	ErrNotFound           error = codeError("not_found")
	ErrAlreadyExists      error = codeError("already_exists")
	ErrPermissionDenied   error = codeError("permission_denied")
	ErrAborted            error = codeError("aborted")
	ErrOutOfRange         error = codeError("out_of_range")
	ErrUnimplemented      error = codeError("unimplemented")
	ErrInternal           error = codeError("internal")
	ErrUnavailable        error = codeError("unavailable")
	ErrDataLoss           error = codeError("data_loss")
	ErrCancelled          error = codeError("cancelled")
	ErrUnknown            error = codeError("unknown")
	ErrLocal              error = codeError("local")

	ErrInvalidPassword          error = codeError("invalid_password")
	ErrPasswordNotSet           error = codeError("password_not_set")
	ErrInvalidStatus            error = codeError("invalid_status")
	ErrUserPending              error = codeError("user_pending")
	ErrUserBlocked              error = codeError("user_blocked")
	ErrInvalidVerificationCode  error = codeError("invalid_verification_code")
	ErrTwoFactorRequired        error = codeError("two_factor_required")
	ErrInvalidTwoFactor         error = codeError("invalid_two_factor")
	ErrInvalidTwoFactorRecovery error = codeError("invalid_two_factor_recovery")
	ErrUnderReview              error = codeError("under_review")

	ErrInvalidRequest           error = codeError("invalid_request")
	ErrUnauthorizedClient       error = codeError("unauthorized_client")
	ErrAccessDenied             error = codeError("access_denied")
	ErrUnsupportedResponseType  error = codeError("unsupported_response_type")
	ErrInvalidScope             error = codeError("invalid_scope")
	ErrInvalidGrant             error = codeError("invalid_grant")
	ErrServerError              error = codeError("server_error")
	ErrTemporarilyUnavailable   error = codeError("temporarily_unavailable")
	ErrInteractionRequired      error = codeError("interaction_required")
	ErrLoginRequired            error = codeError("login_required")
	ErrAccountSelectionRequired error = codeError("account_selection_required")
	ErrConsentRequired          error = codeError("consent_required")
	ErrInvalidRequestURI        error = codeError("invalid_request_uri")
	ErrInvalidRequestObject     error = codeError("invalid_request_object")
	ErrRequestNotSupported      error = codeError("request_not_supported")
	ErrRequestURINotSupported   error = codeError("request_uri_not_supported")
	ErrRegistrationNotSupported error = codeError("registration_not_supported")

	ErrCaptchaRequired error = codeError("captcha_required")
	ErrCaptchaInvalid  error = codeError("captcha_invalid")

	ErrProviderNotEnabled        error = codeError("provider_not_enabled")
	ErrLoginMethodDisabled       error = codeError("login_method_disabled")
	ErrInvalidUsernameOrPassword error = codeError("invalid_username_or_password")
	ErrInvalidCredentials        error = codeError("invalid_credentials")
	ErrWrongPassword             error = codeError("wrong_password")
	ErrUserNotFound              error = codeError("user_not_found")

	ErrPaymentRequired   error = codeError("payment_required")
	ErrLicenseRequired   error = codeError("license_required")
	ErrProviderError     error = codeError("provider_error")
	ErrMFAPhoneRequired  error = codeError("mfa_phone_required")
	ErrLoginTypeDisabled error = codeError("login_type_disabled")
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
// error or the context's, where there was one. It never holds a token, a code
// or a password, and its text leaves out Description, which TCB writes for the
// person and may repeat what they typed.
type Error struct {
	Op          string            // the method, as "SignIn"
	Code        string            // TCB's `error`, as "invalid_password"; "unreachable" when there was no answer of TCB's
	ErrorCode   int               // TCB's `error_code`, 0 when not given
	Description string            // TCB's `error_description`, in the call's locale
	Status      int               // HTTP status, 0 when there was no answer
	RequestID   string            // x-request-id of the call, for TCB's support
	Details     []json.RawMessage // TCB's `details`, as they came
	Remaining   int               // tries left, as TCB counts them; -1 when it does not say
	RetryAfter  time.Duration     // how long to wait; 0 when TCB does not say

	cause error
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

// Is reports whether target is the Err value of e's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && string(code) == e.Code
}

// Unwrap gives the error below TCB's: of the transport, the decoder or the context.
func (e *Error) Unwrap() error { return e.cause }

// errorBody is TCB's error answer (http-api reference, error schema): a truthy
// `error` decides, whatever the status; a truthy `code` means the same
// (oauth2client.ts:57-79, 573-579). Fields are raw because an unhappy server
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

// apiError finds the error in an answer's body; nil when it holds none.
func (b *errorBody) apiError() *Error {
	e := &Error{Remaining: -1}
	switch {
	case truthy(b.Error):
		e.Code = codeName(b.Error)
		e.Description = text(b.ErrorDescription)
	case truthy(b.Code):
		e.Code = codeName(b.Code)
		e.Description = text(b.Message)
	default:
		return nil
	}
	e.ErrorCode, _ = integer(b.ErrorCode)
	if json.Unmarshal(b.Details, &e.Details) != nil {
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
	if wait, err := time.ParseDuration(text(d.RetryDelay)); err == nil && wait > 0 {
		e.RetryAfter = min(wait, maxRetryAfter)
	} else if n := number(d.RetryDelay); n > 0 {
		e.RetryAfter = seconds(n)
	}
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
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// codeName is the code in a truthy `error`. It goes into logs and into the
// error's text, so what is not a name in TCB's style counts as "unknown",
// whatever a server put there.
func codeName(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil || !name.MatchString(s) {
		return "unknown"
	}
	return s
}

var name = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// integer is a JSON number's value, also when it comes as a string, if it is
// one of the 32 bits that the API's schema gives it.
func integer(raw json.RawMessage) (int, bool) {
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return 0, false
	}
	i, err := strconv.ParseInt(n.String(), 10, 32)
	return int(i), err == nil
}

// number is a JSON number's value, also when it comes as a string; else 0.
func number(raw json.RawMessage) float64 {
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return 0
	}
	f, err := n.Float64()
	if err != nil {
		return 0
	}
	return f
}
