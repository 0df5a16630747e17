package emulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"tcb-login/pattern"
)

// miniProgram is the form of a WeChat app id; a mini program is a provider under its own.
var miniProgram = pattern.New(`^wx[0-9A-Za-z]{4,30}$`)

// wechatApp is the app id of an environment at WeChat.
func wechatApp(env, provider string) string {
	sum := sha256.Sum256([]byte(env + " " + provider))
	return "wx" + hex.EncodeToString(sum[:8])
}

// miniProgramProfile reads the made-up codes of mini programs. wx.login's code is "openid:…" or
// "unionid:…", what follows being the id; a phone number's code is "phone:13800000000" or "phone:+1
// 2025550123". They can be used again, unlike real ones.
func miniProgramProfile(providerID, kind, loginCode, code string) (*providerProfile, error) {
	profile := providerProfile{ProviderID: providerID, Meta: providerMeta{AppID: providerID}}
	openID, isOpen := strings.CutPrefix(loginCode, "openid:")
	unionID, isUnion := strings.CutPrefix(loginCode, "unionid:")
	switch kind {
	case "open_id":
		profile.Sub, profile.Meta.OpenID = openID, openID
		if !isOpen {
			profile.Sub = ""
		}
	case "union_id":
		profile.Sub, profile.Meta.UnionID = unionID, unionID
		if !isUnion {
			profile.Sub = ""
		}
	case "phone":
		phone, err := codePhone(code)
		if err != nil {
			return nil, err
		}
		profile.PhoneNumber, profile.Sub = phone, "phone-"+digits(phone)
		if isOpen {
			profile.Sub, profile.Meta.OpenID = openID, openID
		}
	default:
		return nil, failText("invalid_argument", textThirdParty)
	}
	if profile.Sub == "" || len(profile.Sub) > 128 {
		return nil, failText("failed_precondition", textThirdParty)
	}
	return &profile, nil
}

// codePhone is the phone number in a made-up code.
func codePhone(code string) (string, error) {
	phone, ok := strings.CutPrefix(code, "phone:")
	if !strings.HasPrefix(phone, "+") {
		phone = "+86 " + phone
	}
	id, err := parsePhone(phone)
	if !ok || err != nil {
		return "", failText("failed_precondition", textThirdParty)
	}
	return id.value, nil
}

// addEncrypted takes WeChat's fields out of a made-up encryptedData.
func addEncrypted(profile *providerProfile, data string) error {
	var said struct {
		PhoneNumber string `json:"phoneNumber"`
		NickName    string `json:"nickName"`
		AvatarURL   string `json:"avatarUrl"`
		UnionID     string `json:"unionId"`
	}
	plain, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(bytes.TrimSpace(plain)) == 0 || decodeBody(plain, &said) != nil {
		return failText("failed_precondition", textThirdParty)
	}
	if said.PhoneNumber != "" {
		if profile.PhoneNumber, err = codePhone("phone:" + said.PhoneNumber); err != nil {
			return err
		}
	}
	profile.Name, profile.Picture = cmp.Or(said.NickName, profile.Name), cmp.Or(said.AvatarURL, profile.Picture)
	profile.Meta.UnionID = cmp.Or(said.UnionID, profile.Meta.UnionID)
	return nil
}

// signInWithWechat: POST /v1/signin/wechat/noauth. WeChat's cloud says who calls, in headers;
// nobody else may.
func (e *Emulator) signInWithWechat(ctx context.Context, c *call) (any, error) {
	openID, appID := c.request.Header.Get("X-WX-OPENID"), c.request.Header.Get("X-WX-APPID")
	if openID == "" || len(openID) > 128 {
		return nil, failText("failed_precondition", textThirdParty)
	}
	if appID == "" {
		appID = wechatApp(c.env(), providerMicro)
	}
	profile := &providerProfile{ProviderID: appID, Sub: openID, Meta: providerMeta{
		AppID: appID, OpenID: openID, UnionID: cut(c.request.Header.Get("X-WX-UNIONID"), 128),
	}}
	return e.enter(ctx, func(tx *sql.Tx) (*grant, error) {
		u, err := e.userOfProvider(ctx, tx, c, profile, true)
		if err != nil {
			return nil, err
		}
		if err := u.mayEnter(); err != nil {
			return nil, err
		}
		return e.startSession(ctx, tx, c, u, loginThrough(appID))
	})
}
