package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"tcb-login/authclient"
	"tcb-login/config/settings"
	"tcb-login/handlers/captcha"
	"tcb-login/handlers/limits"
	"tcb-login/handlers/refusal"
	"tcb-login/identifier"
	"tcb-login/metrics"
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
	Trips   int    `json:"n,omitempty"` // how often the form has led to TCB's captcha page
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
	if _, asked := errors.AsType[*captchaAsked](err); asked {
		return true
	}
	_, away := errors.AsType[*captchaAway](err)
	return away
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
		b.Captcha = &views.Captcha{Picture: f.captcha.data, Key: f.captcha.key}
	}
	if f.secret != "" && f.keeps(b) && (f.Keep || b.Captcha != nil || wrongElsewhere(b.Errors)) {
		b.Form.Kept, err = f.session.Seal("kept "+b.Form.Name, f.secret, secretLife)
	}
	return err
}

// wrongElsewhere reports that there are errors, and none about a password, which need not be typed again.
func wrongElsewhere(wrong views.FieldErrors) bool {
	return len(wrong) > 0 && !slices.ContainsFunc(wrong, func(e views.FieldError) bool { return isPassword(e.Field) })
}

// keeps reports that a typed password may stay in the form of a page: in its own alone, and never
// from a page that may be somebody else's, whose button would sign the person in as who wrote it.
func (f *Form) keeps(b *views.Base) bool { return f.Posted(b.Form.Name) && !f.Stale }

// Guarded makes a call that TCB may want a captcha for; every such call of a form comes through
// here. of names the call that the captcha is for; zero is the one that TCB's error comes from.
// demand asks for one although TCB has not, and for this call alone: a token earned before does not
// do. It returns an error for which CaptchaAsked is true when the form must be shown again.
func (s *Site) Guarded(r *Request, of authclient.Call, demand bool, do Call) error {
	ctx, state := r.Context(), &r.Form.captcha
	solved := state.Picture != ""
	if solved {
		if err := s.answerCaptcha(ctx, r, cmp.Or(of, state.Call)); err != nil {
			return err
		}
	}
	if state.Token != "" && s.now().Unix() >= state.Until {
		state.Token = ""
	}
	if demand && !solved {
		r.Trace.Captcha(metrics.CaptchaDemanded)
		return s.askCaptcha(ctx, r, of, "")
	}
	var last error
	retry := authclient.CaptchaRetry{Token: state.Token, Known: r.Form.known()}
	retry.Solve = func(ctx context.Context, blocked authclient.Call, refused bool) (string, error) {
		r.Trace.Captcha(metrics.CaptchaAsked)
		page := r.Env.Captcha == settings.CaptchaPage
		if refused && state.Renewed || page && state.Trips >= maxTrips {
			// TCB's documents allow a single repetition for a refused token.
			*state = captchaState{}
			return "", last
		}
		state.Renewed = state.Renewed || refused
		if page {
			err := s.captchaPage(ctx, r, cmp.Or(of, blocked))
			if err == nil { // none is needed: the call is made once more, without a token
				*state = captchaState{}
			}
			return "", err
		}
		key := ""
		if refused {
			key = "error.captcha_wrong"
		}
		return "", s.askCaptcha(ctx, r, cmp.Or(of, blocked), key)
	}
	err := retry.Do(ctx, func(ctx context.Context, opts ...authclient.CallOption) error {
		last = do(ctx, r.Options(opts...)...)
		return last
	})
	if !CaptchaAsked(err) && !errors.Is(err, authclient.ErrCaptchaRequired) && !errors.Is(err, authclient.ErrCaptchaInvalid) {
		state.Trips = 0
	}
	return err
}

// answerCaptcha turns the characters that were typed into a captcha_token. of is the call that it
// is for, should another picture be needed.
func (s *Site) answerCaptcha(ctx context.Context, r *Request, of authclient.Call) error {
	state := &r.Form.captcha
	key := identifier.NormalizeCode(r.Form.Line("captcha_key"))
	if key == "" {
		if state.data != "" { // the same picture serves on
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
	if first, err := s.Once(ctx, limits.RuleCaptchaSolved, HashOf(state.Picture)); err != nil {
		return err // a proof that could be used again is none
	} else if !first {
		return s.askCaptcha(ctx, r, of, "error.captcha_wrong")
	}
	got, err := r.Auth().VerifyCaptchaData(ctx, state.Picture, key, r.Options()...)
	if err == nil || refusal.IsOutage(err) {
		tries.Refund(ctx)
	}
	switch {
	case err == nil:
		r.Trace.Captcha(metrics.CaptchaSolved)
		*state = captchaState{
			Token:   got.CaptchaToken,
			Until:   s.now().Unix() + int64(got.ExpiresIn) - 10, // as the SDK does
			Renewed: state.Renewed,
			At:      state.At,
		}
		return nil
	case refusal.IsOutage(err):
		*state = captchaState{}
		return err
	default:
		r.Trace.Captcha(metrics.CaptchaWrong)
		return s.askCaptcha(ctx, r, of, "error.captcha_wrong")
	}
}

func (s *Site) askCaptcha(ctx context.Context, r *Request, of authclient.Call, key string) error {
	state := &r.Form.captcha
	action := r.Form.action
	if action == "" || r.Form.refreshes() { // another picture for the same
		action = state.Action
	}
	data, err := r.Auth().GetCaptchaData(ctx, of, r.Options()...)
	if err != nil {
		*state = captchaState{}
		return err
	}
	shown, ok := captcha.Picture(data.Data)
	if !ok {
		*state = captchaState{}
		return &authclient.Error{Op: "GetCaptchaData", Code: "unknown", Remaining: -1}
	}
	*state = captchaState{Picture: data.Token, Renewed: state.Renewed, Call: of, Action: action, At: state.At, data: shown}
	return &captchaAsked{key: key}
}

// withOtherPicture shows a form again with another picture.
func (s *Site) withOtherPicture(r *Request) (Reply, error) {
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
