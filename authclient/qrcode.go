package authclient

import "context"

// A MiniProgramQRCode is what a phone's WeChat scans to sign somebody in who sits before another
// screen: it opens the mini program, which asks them.
type MiniProgramQRCode struct {
	Redacted

	// QRCode is undocumented text: a picture as a data: URL, or what a code that the page draws is to
	// say.
	QRCode    string `json:"qr_code"`
	QRCodeID  string `json:"qr_code_id"` // for GetMiniProgramQRCodeStatus; whoever has it gets the sign-in
	ExpiresIn int    `json:"expires_in"` // seconds
}

func (q *MiniProgramQRCode) complete() bool { return q.QRCode != "" && q.QRCodeID != "" }

// GetMiniProgramQRCode makes a code of a mini program, by its app id at WeChat.
// ErrProviderNotEnabled: the environment has no such mini program.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getMiniProgramCode.
func (c *Client) GetMiniProgramQRCode(ctx context.Context, appID string, opts ...CallOption) (*MiniProgramQRCode, error) {
	in := map[string]string{"envId": c.env, "wxAppId": appID}
	return call[MiniProgramQRCode](ctx, c, request{op: "GetMiniProgramQRCode", call: CallGetMiniProgramQRCode, body: in}, opts)
}

// MiniProgramQRCodeStatus is what became of a code.
type MiniProgramQRCodeStatus struct {
	Redacted

	Status        string `json:"status"`         // TCB documents no words for it
	ProviderToken string `json:"provider_token"` // for SignInWithProvider, once the person has said yes
	ExpiresIn     int    `json:"expires_in"`     // seconds
}

// GetMiniProgramQRCodeStatus asks what became of a code, by its id and the mini program's app id.
// ErrInvalidArgument: there is no such code.
//
// Source: @cloudbase/oauth@3.3.3 src/auth/apis.ts, getMiniProgramQrCodeStatus.
func (c *Client) GetMiniProgramQRCodeStatus(ctx context.Context, appID, qrCodeID string, opts ...CallOption) (*MiniProgramQRCodeStatus, error) {
	in := map[string]string{"qrCodeId": qrCodeID, "envId": c.env, "wxAppId": appID}
	return call[MiniProgramQRCodeStatus](ctx, c, request{
		op: "GetMiniProgramQRCodeStatus", call: Call{"POST", "/v1/qrcode/get/status"}, body: in,
	}, opts)
}
