package authclient

import (
	"context"
	"errors"
)

// CaptchaData is a picture to read.
type CaptchaData struct {
	Data      string `json:"data"`       // a data: URL
	Token     string `json:"token"`      // of the picture, for VerifyCaptchaData
	Type      string `json:"type"`       // "image"
	ExpiresIn int    `json:"expires_in"` // seconds, 300
}

func (d *CaptchaData) complete() bool { return d.Data != "" && d.Token != "" }

// GetCaptchaData asks for a picture. blocked is the call that TCB wants a
// captcha for, as Error.Call of ErrCaptchaRequired and ErrCaptchaInvalid names it.
//
// Source: @cloudbase/oauth@3.3.3 src/captcha/captcha.ts, request and getCaptchaToken. There the state
// of a GET has its query too, which a Call has not.
func (c *Client) GetCaptchaData(ctx context.Context, blocked Call, opts ...CallOption) (*CaptchaData, error) {
	in := map[string]string{"state": blocked.String(), "redirect_uri": ""}
	return call[CaptchaData](ctx, c, request{op: "GetCaptchaData", call: Call{"POST", "/v1/captcha/data"}, body: in}, opts)
}

// CaptchaToken lets calls through for ExpiresIn seconds; see WithCaptchaToken.
type CaptchaToken struct {
	Redacted

	CaptchaToken string `json:"captcha_token"` // opaque
	ExpiresIn    int    `json:"expires_in"`    // seconds, 600
}

func (t *CaptchaToken) complete() bool { return t.CaptchaToken != "" }

// VerifyCaptchaData checks what the person read in the picture of token.
// Any refusal of TCB's means that a new picture is needed.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, verifyCaptchaData.
func (c *Client) VerifyCaptchaData(ctx context.Context, token, key string, opts ...CallOption) (*CaptchaToken, error) {
	in := map[string]string{"token": token, "key": key}
	return call[CaptchaToken](ctx, c, request{op: "VerifyCaptchaData", call: Call{"POST", "/v1/captcha/data/verify"}, body: in}, opts)
}

// CaptchaPage is TCB's own captcha page.
type CaptchaPage struct {
	URL       string `json:"url"`        // empty: nothing to solve
	ExpiresIn int    `json:"expires_in"` // seconds, 600
}

// InitCaptcha asks for TCB's captcha page, which returns to redirectURI with
// state, of the caller's choice, and captcha_token, or error.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/consts.ts, GET_CAPTCHA_URL, which this
// SDK does not call; "Initialize captcha" in the documents of @cloudbase/js-sdk@2.
func (c *Client) InitCaptcha(ctx context.Context, redirectURI, state string, opts ...CallOption) (*CaptchaPage, error) {
	in := map[string]string{"redirect_uri": redirectURI, "state": state}
	return call[CaptchaPage](ctx, c, request{op: "InitCaptcha", call: Call{"POST", "/v1/captcha/init"}, body: in}, opts)
}

// CaptchaRetry makes a call that TCB may want a captcha for, as TCB's documents say: a token that is
// still good is used before another is asked for, and where TCB refuses one (captcha_invalid), the
// person solves one fresh captcha and the call is made once more.
//
// Source: "Captcha" in the documents of @cloudbase/js-sdk@2; @cloudbase/oauth@3.3.3
// src/captcha/captcha.ts, request.
type CaptchaRetry struct {
	Redacted

	// Token goes with the first call; empty where none was earned for it.
	Token string
	// Known is a token from elsewhere that may still be good, as the one that the SDK keeps in a
	// browser under captcha_{client_id}. It is tried once, where TCB asks for a captcha.
	Known string
	// Solve has the person solve a captcha for a call, by VerifyCaptchaData or the page of
	// InitCaptcha, and gives its captcha_token. It is called once at most. refused says that TCB did
	// not take the token that the call had. An error of Solve's is the result. Where it is nil nobody
	// can solve one: the result is what TCB asks for one with.
	Solve func(ctx context.Context, blocked Call, refused bool) (captchaToken string, err error)
}

// Do calls do with the options that it is to pass on: three times at most.
func (c CaptchaRetry) Do(ctx context.Context, do func(context.Context, ...CallOption) error) error {
	var err error
	if c.Token == "" {
		err = do(ctx)
	} else {
		err = do(ctx, WithCaptchaToken(c.Token))
	}
	if c.Known != "" && c.Known != c.Token && errors.Is(err, ErrCaptchaRequired) {
		err = do(ctx, WithCaptchaToken(c.Known))
	}
	refused := errors.Is(err, ErrCaptchaInvalid)
	if c.Solve == nil || !refused && !errors.Is(err, ErrCaptchaRequired) {
		return err
	}
	var blocked Call
	if api := (*Error)(nil); errors.As(err, &api) {
		blocked = api.Call
	}
	token, err := c.Solve(ctx, blocked, refused)
	if err != nil {
		return err
	}
	return do(ctx, WithCaptchaToken(token))
}
