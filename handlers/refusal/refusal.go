// Package refusal says what pages make of what goes wrong: a refusal of TCB's or of a limit of ours
// stands on the form that met it, a problem has a page of its own. It knows messages by their keys,
// and neither pages nor HTTP.
package refusal

import (
	"context"
	"errors"
	"math"
	"time"

	"tcb-login/authclient"
)

// A Refusal is what a page says when TCB, or a limit of ours, says no.
type Refusal struct {
	Status int
	Key    string
	Field  string        // the field it is about, else the whole form
	Wait   time.Duration // Retry-After, and what a counting message counts
}

// A Table says what TCB's codes mean.
type Table map[string]Refusal

// Limited is a refusal of our own counters.
type Limited struct {
	Key  string
	Wait time.Duration
	Unit time.Duration // of the message's count
}

func (l *Limited) Error() string { return "limited: " + l.Key }

// FieldError refuses what was typed into one field.
type FieldError struct{ Field, Key string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Key }

// Meaning is what a code means where nobody says anything more exact.
func Meaning(code string) Refusal { return Codes[code] }

// Codes says for every code of TCB's what to answer where the flow has
// nothing more exact to say.
var Codes = Table{
	"unreachable":       {Status: 503, Key: "error.unavailable"},
	"unavailable":       {Status: 503, Key: "error.unavailable"},
	"deadline_exceeded": {Status: 503, Key: "error.unavailable"},
	"cancelled":         {Status: 503, Key: "error.unavailable"},

	"temporarily_unavailable": {Status: 503, Key: "error.unavailable"},

	"internal":     {Status: 502, Key: "error.broken"},
	"server_error": {Status: 502, Key: "error.broken"},
	"data_loss":    {Status: 502, Key: "error.broken"},

	"provider_error": {Status: 502, Key: "error.broken"},

	"unknown": {Status: 502, Key: "error.broken"},
	"local":   {Status: 502, Key: "error.broken"},

	"resource_exhausted": {Status: 429, Key: "error.too_many"},
	"aborted":            {Status: 429, Key: "error.too_many"},

	"not_found":                    {Status: 422, Key: "error.no_account"},
	"user_not_found":               {Status: 422, Key: "error.no_account"},
	"failed_precondition":          {Status: 422, Key: "error.refused"},
	"invalid_argument":             {Status: 422, Key: "error.refused"},
	"out_of_range":                 {Status: 422, Key: "error.refused"},
	"already_exists":               {Status: 422, Key: "error.exists"},
	"invalid_password":             {Status: 422, Key: "error.sign_in_failed"},
	"wrong_password":               {Status: 422, Key: "error.sign_in_failed"},
	"invalid_credentials":          {Status: 422, Key: "error.sign_in_failed"},
	"invalid_username_or_password": {Status: 422, Key: "error.sign_in_failed"},
	"password_not_set":             {Status: 422, Key: "error.sign_in_failed"},
	"invalid_status":               {Status: 422, Key: "error.sign_in_failed"},
	"weak_password":                {Status: 422, Key: "error.password_weak"},
	"user_pending":                 {Status: 422, Key: "error.user_pending"},
	"user_blocked":                 {Status: 422, Key: "error.user_blocked"},
	"under_review":                 {Status: 422, Key: "error.under_review"},
	"invalid_verification_code":    {Status: 422, Key: "error.code_wrong", Field: "verification_code"},
	"two_factor_required":          {Status: 422, Key: "error.two_factor_needed"},
	"mfa_phone_required":           {Status: 422, Key: "error.two_factor_phone"},
	"invalid_two_factor":           {Status: 422, Key: "error.two_factor"},
	"invalid_two_factor_recovery":  {Status: 422, Key: "error.two_factor"},

	"unauthenticated":            {Status: 422, Key: "error.session_over"},
	"permission_denied":          {Status: 422, Key: "error.session_over"},
	"invalid_grant":              {Status: 422, Key: "error.session_over"},
	"interaction_required":       {Status: 422, Key: "error.session_over"},
	"login_required":             {Status: 422, Key: "error.session_over"},
	"account_selection_required": {Status: 422, Key: "error.session_over"},
	"consent_required":           {Status: 422, Key: "error.session_over"},
	"access_denied":              {Status: 422, Key: "error.access_denied"},

	"captcha_required": {Status: 422, Key: "error.captcha_failed"},
	"captcha_invalid":  {Status: 422, Key: "error.captcha_failed"},

	"unimplemented":              {Status: 422, Key: "error.disabled"},
	"provider_not_enabled":       {Status: 422, Key: "error.disabled"},
	"login_method_disabled":      {Status: 422, Key: "error.disabled"},
	"login_type_disabled":        {Status: 422, Key: "error.disabled"},
	"registration_not_supported": {Status: 422, Key: "error.no_registration"},

	"payment_required": {Status: 503, Key: "error.payment"},
	"license_required": {Status: 503, Key: "error.license"},

	"unauthorized_client":       {Status: 502, Key: "error.misconfigured"},
	"invalid_request":           {Status: 502, Key: "error.misconfigured"},
	"invalid_scope":             {Status: 502, Key: "error.misconfigured"},
	"unsupported_response_type": {Status: 502, Key: "error.misconfigured"},
	"invalid_request_uri":       {Status: 502, Key: "error.misconfigured"},
	"invalid_request_object":    {Status: 502, Key: "error.misconfigured"},
	"request_not_supported":     {Status: 502, Key: "error.misconfigured"},
	"request_uri_not_supported": {Status: 502, Key: "error.misconfigured"},
}

// aboutAccount says for every code of TCB's whether it is given for the state of an account: because
// there is one, or none, or one that is locked. To who only typed a name, or a number that a code is
// to be sent to, such a code must say no more than any other: see AboutAccount.
var aboutAccount = map[string]bool{
	"not_found":           true,
	"user_not_found":      true,
	"user_pending":        true,
	"user_blocked":        true,
	"invalid_status":      true,
	"password_not_set":    true,
	"failed_precondition": true,
	"already_exists":      true,

	"unreachable":                  false,
	"unavailable":                  false,
	"deadline_exceeded":            false,
	"cancelled":                    false,
	"temporarily_unavailable":      false,
	"internal":                     false,
	"server_error":                 false,
	"data_loss":                    false,
	"provider_error":               false,
	"unknown":                      false,
	"local":                        false,
	"resource_exhausted":           false,
	"aborted":                      false,
	"invalid_argument":             false,
	"out_of_range":                 false,
	"invalid_password":             false,
	"wrong_password":               false,
	"invalid_credentials":          false,
	"invalid_username_or_password": false,
	"weak_password":                false,
	"under_review":                 false,
	"invalid_verification_code":    false,
	"two_factor_required":          false,
	"mfa_phone_required":           false,
	"invalid_two_factor":           false,
	"invalid_two_factor_recovery":  false,
	"unauthenticated":              false,
	"permission_denied":            false,
	"invalid_grant":                false,
	"interaction_required":         false,
	"login_required":               false,
	"account_selection_required":   false,
	"consent_required":             false,
	"access_denied":                false,
	"captcha_required":             false,
	"captcha_invalid":              false,
	"unimplemented":                false,
	"provider_not_enabled":         false,
	"login_method_disabled":        false,
	"login_type_disabled":          false,
	"registration_not_supported":   false,
	"payment_required":             false,
	"license_required":             false,
	"unauthorized_client":          false,
	"invalid_request":              false,
	"invalid_scope":                false,
	"unsupported_response_type":    false,
	"invalid_request_uri":          false,
	"invalid_request_object":       false,
	"request_not_supported":        false,
	"request_uri_not_supported":    false,
}

// AboutAccount reports that TCB gives a code for the state of an account.
func AboutAccount(code string) bool { return aboutAccount[code] }

// IsOutage reports that a call said nothing about what was sent. A code that nobody documents may say
// that it was wrong, whatever its status: a guess that was answered so counts.
func IsOutage(err error) bool {
	api, ok := errors.AsType[*authclient.Error](err)
	return ok && Codes[api.Code].Status >= 500
}

// Failed reports that our page answers with a failure of TCB's: an outage, or what nobody documents
// with a status that says that something broke.
func Failed(err error) bool {
	api, ok := errors.AsType[*authclient.Error](err)
	return ok && Of(api, nil).Status >= 500
}

// Of is what an error of TCB's means: what the flow says of its code, else
// what the table does. An answer that is none of TCB's (a proxy's page, nothing
// at all) is a broken service, unless its status says that it is merely away; a
// code that nobody documents is a refusal where the status says so, or a limit of TCB's.
func Of(api *authclient.Error, special Table) Refusal {
	if out, ok := special[api.Code]; ok {
		return out
	}
	out, known := Codes[api.Code]
	answered := api.Code == "unreachable" && api.Status != 0 && !errors.Is(api, context.DeadlineExceeded)
	switch {
	case !known && api.Status == 429:
		return Codes["resource_exhausted"]
	case !known && api.Status >= 400 && api.Status < 500:
		return Codes["invalid_argument"]
	case !known:
		return Codes["unknown"]
	case answered && (api.Status < 502 || api.Status > 504):
		return Codes["unknown"]
	}
	return out
}

// Elsewhere reports that what was refused may go well by another way in: this one is switched off,
// or the operator's package for it is used up.
func Elsewhere(err error) bool {
	switch Codes[CodeOf(err)].Key {
	case "error.disabled", "error.payment", "error.license", "error.two_factor_phone":
		return true
	}
	return false
}

// WithWait puts TCB's own waiting time into the words.
func WithWait(out Refusal, wait time.Duration) (Refusal, int) {
	if wait <= 0 {
		return out, 0
	}
	out.Wait = wait
	if out.Key != "error.too_many" {
		return out, 0
	}
	out.Key = "error.too_many_wait"
	return out, int(math.Ceil(wait.Seconds()))
}

// CodeOf is TCB's error code of a refused call, or empty.
func CodeOf(err error) string {
	if api, ok := errors.AsType[*authclient.Error](err); ok {
		return api.Code
	}
	return ""
}
