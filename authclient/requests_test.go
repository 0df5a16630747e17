package authclient_test

import (
	"context"
	"testing"
	"time"

	"tcb-login/authclient"
)

// The rest of the methods: those of a person who is signed in say so with their
// token alone, the others with client_id.
func TestMoreRequests(t *testing.T) {
	t.Parallel()
	str := func(s string) *string { return &s }
	type state = *authclient.User
	tests := []struct {
		name   string
		answer string
		call   func(context.Context, *authclient.Client, state) error
		want   []sent
	}{
		{"GenProviderRedirectURI", `{"uri":"u"}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
				ProviderID: "p", ProviderRedirectURI: "https://a/?b", State: "s", Scope: "sc", ResponseType: "code", SignOutURI: "https://o/",
			})
			return err
		}, []sent{{"GET", "/auth/v1/provider/uri?client_id=id&other_params%5Bsign_out_uri%5D=https%3A%2F%2Fo%2F&provider_id=p" +
			"&redirect_uri=https%3A%2F%2Fa%2F%3Fb&response_type=code&scope=sc&state=s", "", "", ""}}},
		{"GrantProviderToken", `{"provider_token":"pt"}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
				ProviderID: "p", ProviderRedirectURI: "r", ProviderCode: "c", ProviderAccessToken: "a", ProviderIDToken: "i",
			})
			return err
		}, []sent{{"POST", "/auth/v1/provider/token?client_id=id",
			`{"provider_id":"p","provider_redirect_uri":"r","provider_code":"c","provider_access_token":"a","provider_id_token":"i"}`, "", jsonType}}},
		{"PatchProviderToken", `{"provider_token":"pt"}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.PatchProviderToken(ctx, authclient.PatchProviderTokenRequest{
				ProviderToken: "pt", ProviderID: "p", ProviderParams: authclient.ProviderParams{EncryptedData: "e", IV: "i", Code: "c", ProviderCodeType: "phone"},
			})
			return err
		}, []sent{{"PATCH", "/auth/v1/provider/token?client_id=id",
			`{"provider_token":"pt","provider_id":"p","provider_params":{"provider_code_type":"phone","code":"c","encryptedData":"e","iv":"i"}}`, "", jsonType}}},
		{"GetMiniProgramQRCode", `{"qr_code":"c","qr_code_id":"i","expires_in":300}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.GetMiniProgramQRCode(ctx, "wx1")
			return err
		}, []sent{{"POST", "/auth/v1/qrcode/generate?client_id=id", `{"envId":"demo-env","wxAppId":"wx1"}`, "", jsonType}}},
		{"GetMiniProgramQRCodeStatus", `{"status":"WAITING"}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.GetMiniProgramQRCodeStatus(ctx, "wx1", "i")
			return err
		}, []sent{{"POST", "/auth/v1/qrcode/get/status?client_id=id", `{"envId":"demo-env","qrCodeId":"i","wxAppId":"wx1"}`, "", jsonType}}},
		{"SignInWithProvider", credentials, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: "pt", ProviderID: "p", ForceDisableSignUp: true, SyncProfile: true})
			return err
		}, []sent{{"POST", "/auth/v1/signin/with/provider?client_id=id",
			`{"provider_token":"pt","provider_id":"p","force_disable_sign_up":true,"sync_profile":true}`, "", jsonType}}},
		{"SignInWithPhoneAuth", `{"provider_token":"pt",` + credentials[1:], func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.SignInWithPhoneAuth(ctx, authclient.MiniProgramRequest{AppID: "wx1", Code: "c", PhoneCode: "pc"})
			return err
		}, []sent{
			{"POST", "/auth/v1/provider/token?client_id=id",
				`{"provider_id":"wx1","provider_code":"c","provider_params":{"provider_code_type":"phone","appid":"wx1","code":"pc"}}`, "", jsonType},
			{"POST", "/auth/v1/signin/with/provider?client_id=id", `{"provider_token":"pt"}`, "", jsonType},
		}},
		{"SignInWithCustomTicket", credentials, func(ctx context.Context, c *authclient.Client, _ state) error {
			c.SetCustomSignFunc(func(context.Context) (string, error) { return "k/@@/a.b.c", nil })
			_, err := c.SignInWithCustomTicket(ctx)
			return err
		}, []sent{{"POST", "/auth/v1/signin/custom?client_id=id", `{"provider_id":"custom","ticket":"k/@@/a.b.c"}`, "", jsonType}}},
		{"AuthorizeInfo", `{}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.AuthorizeInfo(ctx, authclient.AuthorizeInfoRequest{
				ResponseType: "code", RedirectURI: "r", State: "s", Scope: "a b", SignOutURI: "o", Locale: "en-US",
			})
			return err
		}, []sent{{"GET", "/auth/v1/user/authorize/info?client_id=id&locale=en-US&redirect_uri=r&response_type=code&scope=a+b&sign_out_uri=o&state=s",
			"", "Basic aWQ6", ""}}}, // id: and no secret
		{"AuthorizeInfo with a login", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.AuthorizeInfo(ctx, authclient.AuthorizeInfoRequest{ClientID: "app", ResponseType: "code", RedirectURI: "r"})
			return err
		}, []sent{{"GET", "/auth/v1/user/authorize/info?client_id=app&redirect_uri=r&response_type=code", "", bearer, ""}}},
		{"DeviceAuthorize", `{"device_code":"d"}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.DeviceAuthorize(ctx, "a b")
			return err
		}, []sent{{"POST", "/auth/v1/device/code?client_id=id", `{"client_id":"id","scope":"a b"}`, "", jsonType}}},
		{"GrantToken", credentials, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.GrantToken(ctx, authclient.GrantTokenRequest{GrantType: "authorization_code", Code: "c", RedirectURI: "r", CodeVerifier: "v", Nonce: "n"})
			return err
		}, []sent{{"POST", "/auth/v1/token?client_id=id",
			`{"grant_type":"authorization_code","client_id":"id","code":"c","redirect_uri":"r","code_verifier":"v","nonce":"n"}`, "", jsonType}}},
		{"InitCaptcha", `{"url":"u"}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.InitCaptcha(ctx, "r", "s")
			return err
		}, []sent{{"POST", "/auth/v1/captcha/init?client_id=id", `{"redirect_uri":"r","state":"s"}`, "", jsonType}}},
		{"Certs", `{"keys":[]}`, func(ctx context.Context, c *authclient.Client, _ state) error {
			_, err := c.Certs(ctx)
			return err
		}, []sent{{"GET", "/auth/v1/certs?client_id=id", "", "", ""}}},

		{"LoginState.GetVerification", `{"verification_id":"v"}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: "13800000000", Target: authclient.TargetCurUser})
			return err
		}, []sent{{"POST", "/auth/v1/verification", `{"phone_number":"+86 13800000000","target":"CUR_USER"}`, bearer, jsonType}}},
		{"Sudo", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.Sudo(ctx, authclient.SudoRequest{Password: "p"})
			return err
		}, []sent{{"POST", "/auth/v1/user/sudo", `{"password":"p"}`, bearer, jsonType}}},
		{"BindPhoneNumber", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			return s.BindPhoneNumber(ctx, authclient.BindPhoneNumberRequest{PhoneNumber: "13800000000", SudoToken: "st", VerificationToken: "vt"})
		}, []sent{{"PATCH", "/auth/v1/user/contact", `{"phone_number":"+86 13800000000","sudo_token":"st","verification_token":"vt"}`, bearer, jsonType}}},
		{"BindEmail", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			return s.BindEmail(ctx, authclient.BindEmailRequest{Email: "e", SudoToken: "", VerificationToken: "vt", ConflictResolution: authclient.ConflictTransfer})
		}, []sent{{"PATCH", "/auth/v1/user/contact", `{"email":"e","sudo_token":"","verification_token":"vt","conflict_resolution":"TRANSFER"}`, bearer, jsonType}}},
		{"SetPassword", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			return s.SetPassword(ctx, authclient.SetPasswordRequest{NewPassword: "p", SudoToken: "st"})
		}, []sent{{"PATCH", "/auth/v1/user/password", `{"new_password":"p","sudo_token":"st"}`, bearer, jsonType}}},
		{"Update", userInfo, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.Update(ctx, authclient.UserUpdate{Name: str("n"), Picture: str(""), PhoneNumber: str("+8613800000000"), Email: str("e")})
			return err
		}, []sent{{"PATCH", "/auth/v1/user/profile", `{"name":"n","picture":"","phone_number":"+86 13800000000","email":"e"}`, bearer, jsonType}}},
		{"BasicEdit", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			return s.BasicEdit(ctx, authclient.BasicEditRequest{Nickname: "n", AvatarURL: "a", Password: "p", NewPassword: "q", Phone: "13800000000"})
		}, []sent{{"POST", "/auth/v1/user/basic/edit",
			`{"nickname":"n","avatar_url":"a","password":"p","new_password":"q","phone":"+86 13800000000"}`, bearer, jsonType}}},
		{"QueryUser", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.QueryUser(ctx, authclient.QueryUserRequest{IDs: []string{"1", "2"}, Username: "u", Email: "e", PhoneNumber: "13800000000"})
			return err
		}, []sent{{"GET", "/auth/v1/user/query?email=e&id=1%2C2&phone_number=%2B86+13800000000&username=u", "", bearer, ""}}},
		{"DeleteMe", userInfo, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.DeleteMe(ctx, "s&t")
			return err
		}, []sent{{"DELETE", "/auth/v1/user/me?sudo_token=s%26t", "", bearer, ""}}},
		{"DeleteMe without a token", userInfo, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.DeleteMe(ctx, "")
			return err
		}, []sent{{"DELETE", "/auth/v1/user/me", "", bearer, ""}}},
		{"GetProviders", `{"data":[]}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.GetProviders(ctx)
			return err
		}, []sent{{"GET", "/auth/v1/user/provider", "", bearer, ""}}},
		{"BindWithProvider", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error { return s.BindWithProvider(ctx, "pt") },
			[]sent{{"POST", "/auth/v1/user/provider/bind", `{"provider_token":"pt"}`, bearer, jsonType}}},
		{"UnbindProvider", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error { return s.UnbindProvider(ctx, "a/b") },
			[]sent{{"DELETE", "/auth/v1/user/provider/a%2Fb", "", bearer, ""}}},
		{"TransByProvider", credentials, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.TransByProvider(ctx, "pt")
			return err
		}, []sent{{"PATCH", "/auth/v1/user/trans/by/provider", `{"provider_token":"pt"}`, bearer, jsonType}}},
		{"ChangeBoundProvider", `{"client_id":"id"}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.ChangeBoundProvider(ctx, "p", "tt")
			return err
		}, []sent{{"POST", "/auth/v1/user/provider/p/trans", `{"provider_trans_token":"tt"}`, bearer, jsonType}}},
		{"CheckUsername", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error { return s.CheckUsername(ctx, "u&v") },
			[]sent{{"GET", "/auth/v1/checkUsername?username=u%26v", "", bearer, ""}}},
		{"RevokeAllDevices", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error { return s.RevokeAllDevices(ctx) },
			[]sent{{"DELETE", "/auth/v1/user/revoke/all", "", bearer, ""}}},
		{"RevokeDevice", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error { return s.RevokeDevice(ctx, "d/e") },
			[]sent{{"DELETE", "/auth/v1/user/authorized/devices/d%2Fe", "", bearer, ""}}},
		{"GetSecurityHistory", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.GetSecurityHistory(ctx, authclient.SecurityHistoryRequest{Kind: authclient.HistoryChanges, Limit: 5, PageToken: "t"})
			return err
		}, []sent{{"GET", "/auth/v1/user/security/history?limit=5&ne_query%5Baction%5D=USER_LOGIN&page_token=t", "", bearer, ""}}},
		{"GetSecurityHistory of everything", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.GetSecurityHistory(ctx, authclient.SecurityHistoryRequest{})
			return err
		}, []sent{{"GET", "/auth/v1/user/security/history", "", bearer, ""}}},
		{"Authorize", `{"code":"c"}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			_, err := s.Authorize(ctx, authclient.AuthorizeRequest{
				ClientID: "app", ResponseType: "code", RedirectURI: "r", State: "s", Scope: "sc", CodeChallenge: "cc", CodeChallengeMethod: "S256", SignOutURI: "o",
			})
			return err
		}, []sent{{"POST", "/auth/v1/user/authorize", `{"client_id":"app","response_type":"code","redirect_uri":"r","state":"s","scope":"sc",` +
			`"code_challenge":"cc","code_challenge_method":"S256","sign_out_uri":"o"}`, bearer, jsonType}}},
		{"AuthorizeDevice", `{}`, func(ctx context.Context, _ *authclient.Client, s state) error {
			return s.AuthorizeDevice(ctx, authclient.AuthorizeDeviceRequest{UserCode: "AB-CD", ClientID: "app", Scope: "sc", State: "s"})
		}, []sent{{"POST", "/auth/v1/user/device/authorize", `{"user_code":"AB-CD","client_id":"app","scope":"sc","state":"s"}`, bearer, jsonType}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := authclient.Config{ClientID: "id"}
			checkRequests(t, cfg, tt.answer, func(ctx context.Context, c *authclient.Client) error {
				return tt.call(ctx, c, c.AsUser("a.b.c"))
			}, tt.want)
			checkRequests(t, cfg, tt.answer, func(ctx context.Context, c *authclient.Client) error {
				s := c.LoginState(authclient.Credentials{AccessToken: "a.b.c"}, time.Now().Add(time.Hour), nil)
				return tt.call(ctx, c, s.User)
			}, tt.want)
		})
	}
}
