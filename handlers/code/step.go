package code

import (
	"strings"
	"time"

	"tcb-login/handlers/web"
	"tcb-login/identifier"
)

// A Step is a step under way: a code that was sent, or one that was right. It rides in the URL as
// flow=, sealed for this session, environment, client and flow, so two tabs never mix and nobody
// else can go on with it.
type Step struct {
	Phone             string `json:"phone,omitempty"` // TCB's form, "+86 13800000000"
	Email             string `json:"email,omitempty"`
	VerificationID    string `json:"id,omitempty"`
	User              int    `json:"user"`             // 1: there is an account. Shown only after a right code; a number, so that all are as long
	CodeUntil         int64  `json:"until,omitempty"`  // Unix seconds
	Again             bool   `json:"again,omitempty"`  // not the first code
	VerificationToken string `json:"token,omitempty"`  // set once the code was right
	TokenUntil        int64  `json:"tuntil,omitempty"` // Unix seconds
	Sub               string `json:"sub,omitempty"`    // whose flow it is a step in
	CaptchaToken      string `json:"captcha,omitempty"`
	CaptchaUntil      int64  `json:"cuntil,omitempty"`
}

// StepLife is longer than code and token together, so that it is they that run out, with a message
// of their own.
const StepLife = 25 * time.Minute

// Target is where the code went.
func (s *Step) Target() web.Target { return web.Target{Phone: s.Phone, Email: s.Email} }

// To is the number or address.
func (s *Step) To() string { return s.Phone + s.Email }

// Masked is To, with the middle left out.
func (s *Step) Masked() string { return Masked(s.Target()) }

// Masked is a number or address with the middle left out.
func Masked(to web.Target) string {
	if to.Phone != "" {
		return strings.ReplaceAll(identifier.MaskPhone(to.Phone), " ", "\u00a0") // one line
	}
	return identifier.MaskEmail(to.Email)
}

// IsUser is what TCB said of the account.
func (s *Step) IsUser() bool { return s.User == 1 }

// SetUser notes whether there is an account.
func (s *Step) SetUser(is bool) {
	s.User = 0
	if is {
		s.User = 1
	}
}

// Verified reports that the code was right.
func (s *Step) Verified() bool { return s.VerificationToken != "" }

// Via is the value of via= for the step's channel.
func (s *Step) Via() string {
	if s.Phone != "" {
		return "phone"
	}
	return "email"
}

// destination is where the code went, to fill in again.
func (s *Step) destination() Destination {
	if s.Email != "" {
		return Destination{Email: s.Email, Address: s.Email}
	}
	return ToPhone(s.Phone)
}

// Seal is the step for the address of the page that follows.
func Seal(r *web.Request, spec Spec, s *Step) (string, error) {
	s.CaptchaToken, s.CaptchaUntil = r.Form.CaptchaToken()
	return r.Session.Seal("flow "+spec.Name, s, StepLife)
}

// Open reads the request's flow=. found says that there was one; nil with found that it is not ours
// any more. A step of somebody's own is theirs alone: after a code to somebody's number nobody else
// is who they say.
func Open(r *web.Request, f Flow) (s *Step, found bool) {
	if r.Flow == "" {
		return nil, false
	}
	if s = open(r, f, r.Flow); s != nil {
		r.Form.BringCaptcha(s.CaptchaToken, s.CaptchaUntil)
	}
	return s, true
}

// open is a sealed step of a flow, nil where it is none of this session's and owner's.
func open(r *web.Request, f Flow, sealed string) *Step {
	s := unseal(r, f.Spec(), sealed)
	if s == nil || s.Sub != f.Owner() {
		return nil
	}
	return s
}

// unseal is a sealed step, whosever it is; nil where it is none of this session's.
func unseal(r *web.Request, spec Spec, sealed string) *Step {
	opens := r.Session.Open
	if spec.Proof {
		opens = r.Session.OpenProof
	}
	s := &Step{}
	// Another version may have sealed it, with less in it.
	useful := func() bool { return s.To() != "" && (s.VerificationID != "" || s.Verified()) }
	if !opens("flow "+spec.Name, sealed, s) || !useful() && !(spec.After && s.begun()) {
		return nil
	}
	// A code that was sent is whose phone it is on. One that was right is of who typed it.
	if s.Verified() && !r.Session.OpenPersonal("flow "+spec.Name, sealed, &Step{}) {
		return nil
	}
	return s
}

// Begin is the sealed first step of a flow that comes after something else: owner names that.
func Begin(r *web.Request, spec Spec, owner string) (string, error) {
	return Seal(r, spec, &Step{Sub: owner})
}

// begun reports that no code was sent yet.
func (s *Step) begun() bool { return s.To() == "" && s.VerificationID == "" && !s.Verified() }

// OwnerOf is who or what the request's step belongs to, for a flow that comes after something else;
// empty where it is no step of this session's.
func OwnerOf(r *web.Request, spec Spec) string {
	s := unseal(r, spec, r.Flow)
	if s == nil {
		return ""
	}
	return s.Sub
}
