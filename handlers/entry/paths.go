package entry

import (
	"strconv"

	"tcb-login/config/loginpage"
)

// Paths that more than one room leads to, below the base path.
const (
	PathEntry         = "/"
	PathSignIn        = "/sign-in"
	PathSignInSMS     = "/sign-in/sms"
	PathSignInEmail   = "/sign-in/email"
	PathSignInQR      = "/sign-in/qr"
	PathSecondFactor  = "/sign-in/second-factor"
	PathNewPassword   = "/sign-in/new-password"
	PathSignUp        = "/sign-up"
	PathResetPassword = "/reset-password"
	PathAnonymous     = "/anonymous"
	PathProvider      = "/provider"
	PathSignOut       = "/sign-out"
	PathSession       = "/session"
	PathContinue      = "/continue"
	PathAuthorize     = "/authorize"
	PathAccount       = "/account"
	PathVerify        = "/account/verify"
	PathPhone         = "/account/phone"
	PathProviders     = "/account/providers"
	PathReview        = "/account/review"
	PathDevice        = "/device"

	// PathCaptchaCallback is where TCB's captcha page sends browsers.
	PathCaptchaCallback = "/captcha/callback"
)

// AgreementPath is where the text of an agreement is, counted from 0.
func AgreementPath(i int) string { return "/agreement/" + strconv.Itoa(i+1) }

// SignInPath is where the page's own way to sign in is.
func (r *LoginRequest) SignInPath() string {
	if r.LoginPage.Offers(loginpage.KindPassword) {
		return PathSignIn
	}
	return PathEntry
}
