package handlers

import (
	"strings"
	"time"
)

// flow is a step under way: a code that was sent, or one that was right. It
// rides in the URL as flow=, sealed for this session, environment, client and
// flow, so two tabs never mix and nobody else can go on with it.
type flow struct {
	Phone             string `json:"phone,omitempty"` // TCB's form, "+86 13800000000"
	Email             string `json:"email,omitempty"`
	VerificationID    string `json:"id,omitempty"`
	User              int    `json:"user"`             // 1: there is an account. Shown only after a right code; a number, so that all are as long
	CodeUntil         int64  `json:"until,omitempty"`  // Unix seconds
	Again             bool   `json:"again,omitempty"`  // not the first code
	VerificationToken string `json:"token,omitempty"`  // set once the code was right
	TokenUntil        int64  `json:"tuntil,omitempty"` // Unix seconds
	Sub               string `json:"sub,omitempty"`    // whose portal it is a step in
	CaptchaToken      string `json:"captcha,omitempty"`
	CaptchaUntil      int64  `json:"cuntil,omitempty"`
}

// flowLife is longer than code and token together, so that it is they that run
// out, with a message of their own.
const flowLife = 25 * time.Minute

// to is the number or address that the flow is about.
func (f *flow) to() string { return f.Phone + f.Email }

// masked is to, with the middle left out.
func (f *flow) masked() string {
	if f.Phone != "" {
		return strings.ReplaceAll(maskPhone(f.Phone), " ", "\u00a0") // one line
	}
	return maskEmail(f.Email)
}

// isUser is what TCB said of the account.
func (f *flow) isUser() bool { return f.User == 1 }

func (f *flow) setUser(is bool) {
	f.User = 0
	if is {
		f.User = 1
	}
}

func (f *flow) verified() bool { return f.VerificationToken != "" }

func sealFlow(r *request, name string, f *flow) (string, error) {
	f.CaptchaToken, f.CaptchaUntil = r.captcha.Token, r.captcha.Until
	return r.session.Seal(r.scope(), "flow "+name, f, flowLife)
}

// openFlow reads the request's flow=. found says that there was one; nil with
// found that it is not ours any more.
func openFlow(r *request, name string) (f *flow, found bool) {
	if r.flow == "" {
		return nil, false
	}
	f = &flow{}
	open := r.session.Open
	if name == flowStepUp { // a right code in it is a step-up, which ends with the next sign-in
		open = r.session.OpenProof
	}
	if !open(r.scope(), "flow "+name, r.flow, f) || f.to() == "" {
		return nil, true
	}
	if r.captcha == (captchaState{}) {
		r.captcha = captchaState{Token: f.CaptchaToken, Until: f.CaptchaUntil}
	}
	return f, true
}
