package authclient

import "context"

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
// Source: @cloudbase/oauth@3.3.3 src/captcha/captcha.ts, getCaptchaToken. There
// the state has the call's own method; here it is POST for every call.
func (c *Client) GetCaptchaData(ctx context.Context, blocked Call, opts ...CallOption) (*CaptchaData, error) {
	in := map[string]string{"state": "POST:" + blocked.Path, "redirect_uri": ""}
	return call[CaptchaData](ctx, c, request{op: "GetCaptchaData", call: Call{"POST", "/v1/captcha/data"}, body: in}, opts)
}

// CaptchaToken lets calls through for ExpiresIn seconds; see WithCaptchaToken.
type CaptchaToken struct {
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
