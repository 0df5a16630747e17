package authclient

import (
	"encoding/json"
	"errors"
	"strings"
)

// A Demand is what TCB wants of somebody besides what their sign-in brought.
//
// TCB documents that there are such demands (the environment's MfaConfig and
// PwdUpdateStrategy, the error codes of ErrorType) and not how they are made or
// met. What follows is what this client and the emulator take the form to be, and
// the one place that says so. It has been tried against the emulator alone.
//
//   - A sign-in whose password is right but too old, or not of the person's own
//     choosing, is refused with failed_precondition. ModifyPasswordWithoutLogin
//     changes it; then SignIn takes the new one.
//   - A sign-in whose password is right and lacks the second factor is refused with
//     two_factor_required. details may name where a code can go, each where the
//     account has it and MfaConfig allows it:
//     [{"phone_number": "+86 13800000000", "email": "someone@example.com"}].
//     Where they name nothing, the person has to say.
//   - The second factor is a code to that number or address: GetVerification with
//     target ANY, Verify, and SignIn once more with the password and, in the same
//     call, the verification_token. The token serves once.
//   - A token that is wrong, used, expired or of somebody else's number or address
//     is refused with invalid_two_factor.
//   - Where MfaConfig.RequiredBindPhone is on and the account has no number, the
//     sign-in is refused with mfa_phone_required. No call binds one before a login:
//     the person signs in by something else, and binds it then.
//
// A wrong password is refused as ever: none of this is told to who does not know
// the password. A sign-in by a code, or through an identity provider, is asked for
// no second factor by the emulator; should TCB ask for one there, a sign-in by
// password is the way that can bring it.
//
// Source: MfaConfig and PwdUpdateStrategy of the login config, @cloudbase/manager-node;
// ErrorType, @cloudbase/oauth@3.3.3 src/auth/consts.ts; the rest has none.
type Demand int

// The demands that are known.
const (
	NoDemand           Demand = iota // the error is none, or says something else
	DemandNewPassword                // the password has to be changed first
	DemandSecondFactor               // a code is wanted besides the password: see FactorTargets
	DemandPhone                      // a phone number has to be bound first
)

// DemandOf is what the error of a call that signs somebody in demands. A new password is demanded only of
// a call that had one, SignIn, SignInEncrypted or GrantToken: elsewhere failed_precondition says
// something else, as that a number has an account, or that there is no function that makes tickets.
func DemandOf(err error) Demand {
	switch {
	case errors.Is(err, ErrTwoFactorRequired):
		return DemandSecondFactor
	case errors.Is(err, ErrMFAPhoneRequired):
		return DemandPhone
	case errors.Is(err, ErrFailedPrecondition):
		if e, ok := errors.AsType[*Error](err); ok && e.withPassword {
			return DemandNewPassword
		}
	}
	return NoDemand
}

// FactorTargets are the number and the address that an error with
// DemandSecondFactor names, empty where it names none. What is masked names none:
// no code can be sent there.
func FactorTargets(err error) (phone, email string) {
	var e *Error
	if !errors.As(err, &e) || DemandOf(err) != DemandSecondFactor {
		return "", ""
	}
	for _, raw := range e.Details {
		var d struct {
			PhoneNumber json.RawMessage `json:"phone_number"`
			Email       json.RawMessage `json:"email"`
		}
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		if to := target(d.PhoneNumber); phone == "" {
			phone = withCountry(to)
		}
		if to := target(d.Email); email == "" {
			email = to
		}
	}
	return phone, email
}

// target is a number or address in an error's details; empty where it is none.
func target(raw json.RawMessage) string {
	const most = 254 // of an e-mail address, RFC 5321
	var s string
	if json.Unmarshal(raw, &s) != nil || len(s) > most || strings.Contains(s, "*") {
		return ""
	}
	return strings.TrimSpace(s)
}
