package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/views"
)

// captchaState travels in a form's hidden field `captcha`, sealed: the picture
// that was asked about, and later the captcha_token it earned, which serves for
// every call of the flow until it expires.
type captchaState struct {
	Picture string `json:"p,omitempty"` // TCB's token of the picture
	Token   string `json:"t,omitempty"`
	Until   int64  `json:"u,omitempty"` // Unix seconds, of Token
	Renewed bool   `json:"r,omitempty"` // TCB has refused a token of this flow once
	Action  string `json:"a,omitempty"` // the button that made the call, to go on with

	Call authclient.Call `json:"c,omitzero"` // that Picture was asked for

	data string // the picture itself, which comes back in a field of its own
	key  string // what was typed of it so far
}

const (
	captchaLife = 15 * time.Minute
	secretLife  = 5 * time.Minute
)

// captchaAsked says that the form must be shown again with a captcha. key is
// what was wrong with the last one, empty when it is the first.
type captchaAsked struct{ key string }

func (*captchaAsked) Error() string { return "captcha asked" }

// readForm reads what stands in every form. name is the form's.
func (h *Handler) readForm(c *fiber.Ctx, r *request, name string) {
	r.form = name
	r.agreed = field(c, "agreement") != ""
	if field(c, "action") == actionNotMe {
		r.link = "" // from here on: no page that follows has it
	}
	if id := field(c, "device_id"); deviceID.MatchString(id) {
		r.deviceID = id
	}
	if r.session.Open(r.scope(), "captcha "+name, field(c, "captcha"), &r.captcha) {
		if data, ok := picture(field(c, "captcha_picture")); ok {
			r.captcha.data, r.captcha.key = data, cut(normalizeCode(line(c, "captcha_key")), 16)
		}
	}
}

// deviceID is what we take for a device_id of the SDK's.
var deviceID = regexp.MustCompile(`^[A-Za-z0-9-]{16,48}$`)

// password is the one typed into a field, or the one that the form kept when a
// captcha or another language was asked for in between.
func (h *Handler) password(c *fiber.Ctx, r *request, name string) string {
	if typed := field(c, name); typed != "" {
		return typed
	}
	var kept string
	r.session.Open(r.scope(), "kept "+r.form, field(c, "kept"), &kept)
	return kept
}

// carryCaptcha puts the captcha and a kept password into the form to be shown.
func (h *Handler) carryCaptcha(r *request, b *views.Base) error {
	var err error
	if r.captcha.Picture != "" || r.captcha.Token != "" {
		if b.Form.Captcha, err = r.session.Seal(r.scope(), "captcha "+b.Form.Name, r.captcha, captchaLife); err != nil {
			return err
		}
	}
	if r.captcha.data != "" {
		b.Captcha = &views.Captcha{Picture: r.captcha.data, Key: r.captcha.key, Refresh: b.CaptchaAction}
	}
	// Never from a page that may be somebody else's: its button would sign the
	// person in as whoever wrote it.
	if r.secret != "" && (r.keep || b.Captcha != nil) && !r.stale {
		b.Form.Kept, err = r.session.Seal(r.scope(), "kept "+b.Form.Name, r.secret, secretLife)
	}
	return err
}

// guarded makes a call that TCB may want a captcha for; every such call of a
// form comes through here. of names the call that the captcha is for; zero is
// the one that TCB's error comes from. demand asks for one although TCB has not,
// and for this call alone: a token earned before does not do. It answers
// *captchaAsked when the form must be shown again.
func (h *Handler) guarded(c *fiber.Ctx, of authclient.Call, demand bool, do call) error {
	r := requestOf(c)
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout+grace)
	defer cancel()
	solved := r.captcha.Picture != ""
	if solved {
		if err := h.answerCaptcha(ctx, c, r, cmp.Or(of, r.captcha.Call)); err != nil {
			return err
		}
	}
	if r.captcha.Token != "" && h.now().Unix() >= r.captcha.Until {
		r.captcha.Token = ""
	}
	if demand && !solved {
		return h.askCaptcha(ctx, c, of, "")
	}
	err := do(ctx, h.options(c, authclient.WithCaptchaToken(r.captcha.Token))...)
	switch {
	case errors.Is(err, authclient.ErrCaptchaRequired):
		return h.askCaptcha(ctx, c, cmp.Or(of, callOf(err)), "")
	case errors.Is(err, authclient.ErrCaptchaInvalid) && !r.captcha.Renewed:
		// Once: TCB's documents allow a single repetition for a refused token.
		r.captcha.Renewed = true
		return h.askCaptcha(ctx, c, cmp.Or(of, callOf(err)), "error.captcha_wrong")
	case errors.Is(err, authclient.ErrCaptchaInvalid):
		r.captcha = captchaState{}
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

// answerCaptcha turns the characters that were typed into a captcha_token. of is
// the call that it is for, should another picture be needed.
func (h *Handler) answerCaptcha(ctx context.Context, c *fiber.Ctx, r *request, of authclient.Call) error {
	key := normalizeCode(line(c, "captcha_key"))
	if key == "" {
		if r.captcha.data != "" { // the same picture serves on
			return &captchaAsked{key: "error.required.captcha_key"}
		}
		return h.askCaptcha(ctx, c, of, "error.required.captcha_key")
	}
	// One picture serves one call, however often its form is posted, and guesses at pictures count:
	// both before TCB is asked, so that many at once get no further.
	tries := &taken{counter: h.counter}
	// The network's share comes first: what it refuses has not used up the picture.
	if err := tries.take(ctx, ruleCaptchaWrong, "error.too_many_wait", time.Second, r.network); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(r.captcha.Picture))
	if d, err := h.counter.Take(ctx, ruleCaptchaSolved, hex.EncodeToString(sum[:])); err != nil {
		return err // a proof that could be used again is none
	} else if !d.OK {
		return h.askCaptcha(ctx, c, of, "error.captcha_wrong")
	}
	got, err := r.client.auth.VerifyCaptchaData(ctx, r.captcha.Picture, key, h.options(c)...)
	if err == nil || isOutage(err) {
		tries.refund(ctx)
	}
	switch {
	case err == nil:
		r.captcha = captchaState{
			Token:   got.CaptchaToken,
			Until:   h.now().Unix() + int64(got.ExpiresIn) - 10, // as the SDK does
			Renewed: r.captcha.Renewed,
		}
		return nil
	case isOutage(err):
		r.captcha = captchaState{}
		return err
	default:
		return h.askCaptcha(ctx, c, of, "error.captcha_wrong")
	}
}

func (h *Handler) askCaptcha(ctx context.Context, c *fiber.Ctx, of authclient.Call, key string) error {
	r := requestOf(c)
	action := field(c, "action")
	if action == "" || action == "captcha" { // another picture for the same
		action = r.captcha.Action
	}
	data, err := r.client.auth.GetCaptchaData(ctx, of, h.options(c)...)
	if err != nil {
		r.captcha = captchaState{}
		return err
	}
	shown, ok := picture(data.Data)
	if !ok {
		r.captcha = captchaState{}
		return &authclient.Error{Op: "GetCaptchaData", Code: "unknown", Remaining: -1}
	}
	r.captcha = captchaState{Picture: data.Token, Renewed: r.captcha.Renewed, Call: of, Action: action, data: shown}
	return &captchaAsked{key: key}
}

// postCaptcha shows a form again with another picture.
func (h *Handler) postCaptcha(c *fiber.Ctx) error {
	f, err := h.typedForm(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()
	var asked *captchaAsked
	r := requestOf(c)
	asks := &taken{counter: h.counter}
	if err := asks.take(ctx, ruleCaptcha, "error.too_many_wait", time.Second, r.network); err != nil {
		return h.refuse(c, f, err, nil)
	}
	of := cmp.Or(r.captcha.Call, authclient.CallGetVerification)
	if err := h.askCaptcha(ctx, c, of, ""); !errors.As(err, &asked) {
		return h.refuse(c, f, err, nil)
	}
	return h.show(c, fiber.StatusOK, f)
}

// options tells TCB who is calling through us.
func (h *Handler) options(c *fiber.Ctx, more ...authclient.CallOption) []authclient.CallOption {
	r := requestOf(c)
	device := r.deviceID
	if device == "" {
		device = r.session.DeviceID()
	}
	return append([]authclient.CallOption{
		authclient.WithLocale(tcbLocale(r.loc.Locale())),
		authclient.WithDeviceID(device),
		authclient.WithUserAgent(cut(c.Get("User-Agent"), 256)),
		authclient.WithClientAddress(r.address),
	}, more...)
}

// tcbLocale is the nearer of the two locales that TCB writes messages in.
func tcbLocale(locale string) string {
	if locale[:2] == "zh" {
		return "zh-CN"
	}
	return "en-US"
}

// isOutage reports that a call said nothing about what was sent.
func isOutage(err error) bool {
	var api *authclient.Error
	return errors.As(err, &api) && refusals[api.Code].status >= 500
}
