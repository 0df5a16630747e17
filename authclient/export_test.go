package authclient

import "encoding/json"

// DecodeError is the error decoder alone, for fuzzing: nil for what is not JSON
// or holds no error.
func DecodeError(answer []byte) *Error {
	var b errorBody
	if json.Unmarshal(answer, &b) != nil {
		return nil
	}
	return b.apiError(false)
}

// ErrValues are the Err values, in the order of Codes.
var ErrValues = allErrors

// Encrypt is the encryption of the v2 calls.
var Encrypt = encrypt

// CaptchaTokenOf is the captcha_token that options pass on.
func CaptchaTokenOf(opts ...CallOption) string {
	var o callOptions
	for _, opt := range opts {
		opt(&o)
	}
	return o.captchaToken
}

// ParseKeys reads a JWK set.
var ParseKeys = parseKeys

// DecodedWithErrors are the answers that are decoded along with an ErrorBody.
var DecodedWithErrors = []readsError{&Credentials{}, &Verification{}, &VerificationToken{}, &CaptchaData{}, &UserInfo{}}

// ErrorBody is what is read of an error.
type ErrorBody = errorBody
