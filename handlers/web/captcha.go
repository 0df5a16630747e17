package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"tcb-login/authclient"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/identifier"
	"tcb-login/views"
)

// captchaState travels in a form's hidden field `captcha`, sealed: the picture that was asked
// about, and later the captcha_token it earned, which serves for every call of the flow until it
// expires.
type captchaState struct {
	Picture string `json:"p,omitempty"` // TCB's token of the picture
	Token   string `json:"t,omitempty"`
	Until   int64  `json:"u,omitempty"` // Unix seconds, of Token
	Renewed bool   `json:"r,omitempty"` // TCB has refused a token of this flow once
	Action  string `json:"a,omitempty"` // the button that made the call, to go on with
	At      string `json:"g,omitempty"` // which of several calls of a POST it was, to go on at

	Call authclient.Call `json:"c,omitzero"` // that Picture was asked for

	data string // the picture itself, which comes back in a field of its own
	key  string // what was typed of it so far
}

const (
	secretLife = 5 * time.Minute
)

// captchaAsked says that the form must be shown again with a captcha. key is what was wrong with
// the last one, empty when it is the first.
type captchaAsked struct{ key string }

func (*captchaAsked) Error() string { return "captcha asked" }

// CaptchaAsked reports that a call waits for a captcha.
func CaptchaAsked(err error) bool {
	var asked *captchaAsked
	return errors.As(err, &asked)
}

// CaptchaToken is what a captcha of this flow has earned, and until when it serves, in Unix
// seconds: a step under way carries it on.
func (f *Form) CaptchaToken() (token string, until int64) { return f.captcha.Token, f.captcha.Until }

// At is which of several calls of a POST a captcha was asked for, as GoOnAt has said.
func (f *Form) At() string { return f.captcha.At }

// GoOnAt has the POST that brings a captcha go on at this one of its calls.
func (f *Form) GoOnAt(call string) { f.captcha.At = call }

// BringCaptcha takes a token that the step under way has carried, where the form brought none.
func (f *Form) BringCaptcha(token string, until int64) {
	if f.captcha.Picture == "" && f.captcha.Token == "" {
		f.captcha = captchaState{Token: token, Until: until}
	}
}

// carry puts the captcha and a kept password into the page to be shown.
func (f *Form) carry(b *views.Base) error {
	var err error
	if f.captcha.Picture != "" || f.captcha.Token != "" {
		if b.Form.Captcha, err = f.session.Seal("captcha "+b.Form.Name, f.captcha, limits.CaptchaLife); err != nil {
			return err
		}
	}
	if f.captcha.data != "" {
		b.Captcha = &views.Captcha{Picture: f.captcha.data, Key: f.captcha.key, Refresh: b.CaptchaAction}
	}
	// In its own form alone, and never from a page that may be somebody else's: its button would
	// sign the person in as whoever wrote it.
	if f.secret != "" && f.Posted(b.Form.Name) && (f.Keep || b.Captcha != nil) && !f.Stale {
		b.Form.Kept, err = f.session.Seal("kept "+b.Form.Name, f.secret, secretLife)
	}
	return err
}

// Guarded makes a call that TCB may want a captcha for; every such call of a form comes through
// here. of names the call that the captcha is for; zero is the one that TCB's error comes from.
// demand asks for one although TCB has not, and for this call alone: a token earned before does not
// do. It returns an error for which CaptchaAsked is true when the form must be shown again.
func (s *Site) Guarded(r *Request, of authclient.Call, demand bool, do Call) error {
	ctx, captcha := r.Context(), &r.Form.captcha
	solved := captcha.Picture != ""
	if solved {
		if err := s.answerCaptcha(ctx, r, cmp.Or(of, captcha.Call)); err != nil {
			return err
		}
	}
	if captcha.Token != "" && s.now().Unix() >= captcha.Until {
		captcha.Token = ""
	}
	if demand && !solved {
		return s.askCaptcha(ctx, r, of, "")
	}
	err := do(ctx, r.Options(authclient.WithCaptchaToken(captcha.Token))...)
	switch {
	case errors.Is(err, authclient.ErrCaptchaRequired):
		return s.askCaptcha(ctx, r, cmp.Or(of, callOf(err)), "")
	case errors.Is(err, authclient.ErrCaptchaInvalid) && !captcha.Renewed:
		// Once: TCB's documents allow a single repetition for a refused token.
		captcha.Renewed = true
		return s.askCaptcha(ctx, r, cmp.Or(of, callOf(err)), "error.captcha_wrong")
	case errors.Is(err, authclient.ErrCaptchaInvalid):
		*captcha = captchaState{}
	}
	return err
}

// callOf is the call of TCB's that an error comes from.
func callOf(err error) authclient.Call {
	var api *authclient.Error
	if errors.As(err, &api) {
		return api.Call
	}
	return authclient.Call{}
}

// answerCaptcha turns the characters that were typed into a captcha_token. of is the call that it
// is for, should another picture be needed.
func (s *Site) answerCaptcha(ctx context.Context, r *Request, of authclient.Call) error {
	captcha := &r.Form.captcha
	key := identifier.NormalizeCode(r.Form.Line("captcha_key"))
	if key == "" {
		if captcha.data != "" { // the same picture serves on
			return &captchaAsked{key: "error.required.captcha_key"}
		}
		return s.askCaptcha(ctx, r, of, "error.required.captcha_key")
	}
	// One picture serves one call, however often its form is posted, and guesses at pictures count:
	// both before TCB is asked, so that many at once get no further.
	tries := s.Reserve()
	// The network's share comes first: what it refuses has not used up the picture.
	if err := tries.Take(ctx, limits.RuleCaptchaWrong, "error.too_many_wait", time.Second, r.Caller.Network.Key); err != nil {
		return err
	}
	if first, err := s.Once(ctx, limits.RuleCaptchaSolved, HashOf(captcha.Picture)); err != nil {
		return err // a proof that could be used again is none
	} else if !first {
		return s.askCaptcha(ctx, r, of, "error.captcha_wrong")
	}
	got, err := r.Auth().VerifyCaptchaData(ctx, captcha.Picture, key, r.Options()...)
	if err == nil || refusal.IsOutage(err) {
		tries.Refund(ctx)
	}
	switch {
	case err == nil:
		*captcha = captchaState{
			Token:   got.CaptchaToken,
			Until:   s.now().Unix() + int64(got.ExpiresIn) - 10, // as the SDK does
			Renewed: captcha.Renewed,
			At:      captcha.At,
		}
		return nil
	case refusal.IsOutage(err):
		*captcha = captchaState{}
		return err
	default:
		return s.askCaptcha(ctx, r, of, "error.captcha_wrong")
	}
}

func (s *Site) askCaptcha(ctx context.Context, r *Request, of authclient.Call, key string) error {
	captcha := &r.Form.captcha
	action := r.Form.action
	if action == "" || action == "captcha" { // another picture for the same
		action = captcha.Action
	}
	data, err := r.Auth().GetCaptchaData(ctx, of, r.Options()...)
	if err != nil {
		*captcha = captchaState{}
		return err
	}
	shown, ok := Picture(data.Data)
	if !ok {
		*captcha = captchaState{}
		return &authclient.Error{Op: "GetCaptchaData", Code: "unknown", Remaining: -1}
	}
	*captcha = captchaState{Picture: data.Token, Renewed: captcha.Renewed, Call: of, Action: action, At: captcha.At, data: shown}
	return &captchaAsked{key: key}
}

// postCaptcha shows a form again with another picture.
func (s *Site) postCaptcha(r *Request) (Reply, error) {
	page, err := s.Rebuild(r)
	if err != nil {
		return Reply{}, err
	}
	asks := s.Reserve()
	if err := asks.Take(r.Context(), limits.RuleCaptcha, "error.too_many_wait", time.Second, r.Caller.Network.Key); err != nil {
		return Refuse(page, err, nil)
	}
	of := cmp.Or(r.Form.captcha.Call, authclient.CallGetVerification)
	if err := s.askCaptcha(r.Context(), r, of, ""); !CaptchaAsked(err) {
		return Refuse(page, err, nil)
	}
	return OK(page)
}

// HashOf names a secret and gives it to nobody.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
