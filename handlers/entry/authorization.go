package entry

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcb-login/handlers/refusal"
	"tcb-login/pattern"
	"tcb-login/redirect"
)

// An Authorization is what an authorization request says beside what every login request may
// (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1). It is read where response_type is
// among the parameters, and its names mean nothing here otherwise: they are the app's own.
type Authorization struct {
	Authorizing   bool // response_type came with the request
	Scope         string
	Nonce         string
	MaxAge        string
	ResponseMode  string
	RequestObject string
	RequestURI    string
}

// oauth are the parameters of an Authorization.
var oauth = map[string]func(*Authorization) *string{
	"scope":         func(a *Authorization) *string { return &a.Scope },
	"nonce":         func(a *Authorization) *string { return &a.Nonce },
	"max_age":       func(a *Authorization) *string { return &a.MaxAge },
	"response_mode": func(a *Authorization) *string { return &a.ResponseMode },
	"request":       func(a *Authorization) *string { return &a.RequestObject },
	"request_uri":   func(a *Authorization) *string { return &a.RequestURI },
}

// others are parameters of OAuth's that mean nothing here, or that login requests have anyway.
var others = []string{
	"state", "prompt", "login_hint", "code_challenge_method", "display", "ui_locales", "claims_locales",
	"id_token_hint", "acr_values", "claims", "registration", "authorization_details", "dpop_jkt",
}

// ofOAuth reports that a parameter may stand in an authorization request once at most (RFC 6749
// §3.1): of two, the app's library may have checked the one, and we would act on the other.
func ofOAuth(name string) bool {
	return single[name] != nil || oauth[name] != nil || slices.Contains(others, name)
}

const (
	maxScope = 1024
	maxNonce = 256
)

// scopes is what RFC 6749 §3.3 lets a scope be.
var scopes = pattern.New(`^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$`)

// provesCode reports that the request is for a code which nobody but its sender can use. Without it
// no other origin is a target at all, so what is wrong with it is said on a page of ours and never
// sent back: a request that somebody took the challenge out of is not to be answered at the app.
func (r *LoginRequest) provesCode() bool {
	return r.ResponseType == "code" && r.ChallengeMethod == "S256" && redirect.IsCodeChallenge(r.CodeChallenge)
}

// checkAuthorization refuses what we could not keep to. The target is valid: an app elsewhere is
// told as OAuth says, and on our own origin, where nobody expects that, a page does.
func (r *LoginRequest) checkAuthorization() error {
	for _, check := range []struct {
		name, code string
		wrong      bool
	}{
		{"request", "request_not_supported", r.RequestObject != ""},
		{"request_uri", "request_uri_not_supported", r.RequestURI != ""},
		{"response_mode", "invalid_request", r.ResponseMode != "" && r.ResponseMode != "query"},
		{"prompt", "invalid_request", r.Prompts("none") && len(strings.Fields(r.Prompt)) > 1},
		{"max_age", "invalid_request", r.MaxAge != "" && !isSeconds(r.MaxAge)},
		{"nonce", "invalid_request", len(r.Nonce) > maxNonce},
		{"scope", "invalid_scope", r.Scope != "" && (len(r.Scope) > maxScope || !scopes.MatchString(r.Scope))},
	} {
		switch {
		case !check.wrong:
		case r.OwnTarget():
			r.Target = redirect.Refused
			return refusal.BadParameter(check.name)
		default:
			return r.SendBack(check.code)
		}
	}
	return nil
}

func isSeconds(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

// Prompts reports that prompt= has a value, which are separated by blanks.
func (r *LoginRequest) Prompts(value string) bool {
	return slices.Contains(strings.Fields(r.Prompt), value)
}

// OldestLogin is how long ago somebody may have signed in, if the request says.
func (r *LoginRequest) OldestLogin() (time.Duration, bool) {
	seconds, err := strconv.ParseUint(r.MaxAge, 10, 31)
	return time.Duration(seconds) * time.Second, err == nil
}

// An AuthorizationError is one that goes back to the app (RFC 6749 §4.1.2.1). There is none but for
// a redirect_uri that has been validated: LoginRequest.SendBack makes it.
type AuthorizationError struct {
	Code string
	To   string // where the browser is sent
}

func (e *AuthorizationError) Error() string { return "sent back: " + e.Code }

// SendBack is the error that tells the app a code of OAuth's.
func (r *LoginRequest) SendBack(code string) error {
	return &AuthorizationError{Code: code, To: r.Callback(r.Env.TokenIssuer(), "error", code)}
}

// Callback is the app's redirect_uri with an answer: a parameter, state as it came, and iss, by
// which an app that knows several servers tells whose answer it is (RFC 9207). A query that
// redirect_uri has stays as it is (RFC 6749 §3.1.2). It has no fragment: settings register none.
func (r *LoginRequest) Callback(issuer, name, value string) string {
	sep := "?"
	if strings.Contains(r.RedirectURI, "?") {
		sep = "&"
	}
	to := r.RedirectURI + sep + name + "=" + url.QueryEscape(value)
	if r.State != "" {
		to += "&state=" + url.QueryEscape(r.State)
	}
	return to + "&iss=" + url.QueryEscape(issuer)
}
