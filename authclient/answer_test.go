package authclient_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// What is decoded along with an error has no field of the error's: encoding/json would fill neither.
func TestNoFieldOfErrors(t *testing.T) {
	t.Parallel()
	names := func(of reflect.Type) map[string]bool {
		all := map[string]bool{}
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			all[strings.ToLower(name)] = true
		}
		return all
	}
	ofErrors := names(reflect.TypeFor[authclient.ErrorBody]())
	for _, answer := range authclient.DecodedWithErrors {
		of := reflect.TypeOf(answer).Elem()
		for name := range names(of) {
			if ofErrors[name] {
				t.Errorf("%s has a field %s, as errors have", of, name)
			}
		}
	}
}

// An error is found whatever stands beside it, and before other things that are wrong.
func TestErrorBesideFields(t *testing.T) {
	t.Parallel()
	calls := map[string]func(context.Context, *authclient.Client) error{
		"SignIn": func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignIn(ctx, authclient.SignInRequest{})
			return err
		},
		"GetVerification": func(ctx context.Context, c *authclient.Client) error {
			_, err := c.GetVerification(ctx, authclient.GetVerificationRequest{})
			return err
		},
		"Verify": func(ctx context.Context, c *authclient.Client) error {
			_, err := c.Verify(ctx, authclient.VerifyRequest{})
			return err
		},
		"GetCaptchaData": func(ctx context.Context, c *authclient.Client) error {
			_, err := c.GetCaptchaData(ctx, authclient.CallSignIn)
			return err
		},
		"GetUserInfo": func(ctx context.Context, c *authclient.Client) error {
			_, err := c.AsUser("token").GetUserInfo(ctx)
			return err
		},
		"QueryUser": func(ctx context.Context, c *authclient.Client) error {
			_, err := c.AsUser("token").QueryUser(ctx, authclient.QueryUserRequest{})
			return err
		},
		"ResetPassword": func(ctx context.Context, c *authclient.Client) error {
			return c.ResetPassword(ctx, authclient.ResetPasswordRequest{})
		},
	}
	const fields = `"sub":5,"access_token":{},"expires_in":"soon","verification_id":[],"verification_token":1,"token":2,"total":"x","data":5}`
	for op, call := range calls {
		client := serve(t, answer(200, `{"error":"not_found",`+fields), authclient.Config{})
		refusal(t, call(t.Context(), client), authclient.ErrNotFound)
		client = serve(t, answer(200, `{"code":"not_found","message":5,`+fields), authclient.Config{})
		refusal(t, call(t.Context(), client), authclient.ErrNotFound)
		for _, text := range []string{`{"sub":"1"`, `{"sub":"1"}}`, `[{"error":"not_found"}]`, ` null `, "", `"error"`} {
			client = serve(t, answer(400, text), authclient.Config{})
			e := refusal(t, call(t.Context(), client), authclient.ErrUnreachable)
			if !strings.HasSuffix(e.Error(), "the answer is not a JSON object") {
				t.Errorf("%s of %q: got %v", op, text, e)
			}
		}
		if op == "ResetPassword" {
			continue
		}
		client = serve(t, answer(200, "{"+fields), authclient.Config{})
		if e := refusal(t, call(t.Context(), client), authclient.ErrUnreachable); !strings.HasSuffix(e.Error(), "of other types than documented") {
			t.Errorf("%s: got %v", op, e)
		}
	}
}

// A field that came in another type is as one that did not come, unless the call is about it.
func TestOtherTypes(t *testing.T) {
	t.Parallel()
	call := func(op string, c *authclient.Client) (any, error) {
		ctx, user := t.Context(), c.AsUser("token")
		switch op {
		case "SignIn":
			return c.SignIn(ctx, authclient.SignInRequest{})
		case "GetVerification":
			return c.GetVerification(ctx, authclient.GetVerificationRequest{})
		case "Sudo":
			return user.Sudo(ctx, authclient.SudoRequest{})
		case "InitCaptcha":
			return c.InitCaptcha(ctx, "r", "s")
		case "GetMiniProgramQRCodeStatus":
			return c.GetMiniProgramQRCodeStatus(ctx, "a", "q")
		case "SignOut":
			return user.SignOut(ctx, authclient.SignOutRequest{State: "s"})
		case "AuthorizeInfo":
			return user.AuthorizeInfo(ctx, authclient.AuthorizeInfoRequest{})
		case "GetSecurityHistory":
			return user.GetSecurityHistory(ctx, authclient.SecurityHistoryRequest{})
		case "GetProviders":
			return user.GetProviders(ctx)
		case "IsUsernameRegistered":
			return c.IsUsernameRegistered(ctx, "u")
		case "GrantProviderToken":
			return c.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{})
		}
		return user.GetUserInfo(ctx)
	}
	me := authclient.UserInfo{Sub: "1", Name: "Wang", HasPassword: true}
	scopes := authclient.AuthorizeInfo{Scopes: []authclient.Scope{{ID: "a", Children: []authclient.Scope{{ID: "b"}}}}}
	tests := []struct {
		op, answer string
		want       any // nil: an error
	}{
		{"SignIn", `{"access_token":"a","expires_in":1,"sub":"1","token_type":5,"scope":["x"],"groups":{}}`, &authclient.Credentials{AccessToken: "a", ExpiresIn: 1, Sub: "1"}},
		{"SignIn", `{"access_token":"a","expires_in":1,"groups":["a",5,"b"]}`, &authclient.Credentials{AccessToken: "a", ExpiresIn: 1}},
		{"SignIn", `{"access_token":"a","expires_in":"1"}`, nil},
		{"SignIn", `{"access_token":["a"],"expires_in":1}`, nil},
		{"SignIn", `{"access_token":"a","expires_in":1,"refresh_token":5}`, nil},
		{"SignIn", `{"access_token":"a","expires_in":1,"sub":5,"groups":5}`, nil},
		{"GetVerification", `{"verification_id":"v","expires_in":"soon"}`, &authclient.Verification{VerificationID: "v"}},
		{"GetVerification", `{"verification_id":"v","is_user":"true"}`, nil},
		{"Sudo", `{"sudo_token":"s","expires_in":"900"}`, &authclient.SudoToken{SudoToken: "s"}},
		{"Sudo", `{"sudo_token":5}`, nil},
		{"InitCaptcha", `{"url":"u","expires_in":"600"}`, &authclient.CaptchaPage{URL: "u"}},
		{"InitCaptcha", `{"url":["u"]}`, nil},
		{"GetMiniProgramQRCodeStatus", `{"status":"s","expires_in":"600"}`, &authclient.MiniProgramQRCodeStatus{Status: "s"}},
		{"GetMiniProgramQRCodeStatus", `{"status":"s","provider_token":5}`, nil},
		{"SignOut", `{"redirect_uri":5}`, authclient.SignOutResponse{}},
		{"AuthorizeInfo", `{"client":5,"scopes":[{"id":"a","picture":5,"children":[{"id":"b","url":5}]}]}`, &scopes},
		{"AuthorizeInfo", `{"scopes":[{"id":"a","children":[{"id":"b","children":5}]}]}`, nil},
		{"AuthorizeInfo", `{"scopes":["a"]}`, nil},
		{"GetSecurityHistory", `{"data":[{"id":"1","ip":5,"meta":"x"}]}`, &authclient.SecurityHistory{Rows: []authclient.SecurityEvent{{ID: "1"}}}},
		{"GetSecurityHistory", `{"data":{}}`, nil},
		{"GetSecurityHistory", `{"data":[],"next_page_token":5}`, nil},
		{"GetProviders", `{"total":"x","data":[{"id":"a","name":5,"bind":true}]}`, []authclient.BoundProvider{{ID: "a", Bind: true}}},
		{"GetProviders", `{"data":[{"id":"a","bind":"yes"}]}`, nil},
		{"GetProviders", `{"data":[5]}`, nil},
		{"IsUsernameRegistered", `{"exist":"no"}`, nil},
		{"GrantProviderToken", `{"provider_token":"p","provider_profile":{"sub":"1","name":5,"meta":[]}}`,
			&authclient.ProviderToken{ProviderToken: "p", ProviderProfile: authclient.ProviderProfile{Sub: "1"}}},
		{"GrantProviderToken", `{"provider_token":5,"provider_profile":{"sub":"1"}}`, nil},
		{"GetUserInfo", `{"sub":"1","picture":{"url":"u"},"name":"Wang","providers":"none","email_verified":"yes","has_password":1,"password":"SET"}`, &me},
		{"GetUserInfo", `{"sub":"1","name":"Wang","hasPassword":true}`, &me},
		{"GetUserInfo", `{"sub":"1","name":"Wang","has_password":true,"hasPassword":5}`, &me},
		{"GetUserInfo", `{"sub":1,"name":"Wang"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.op+tt.answer, func(t *testing.T) {
			t.Parallel()
			got, err := call(tt.op, serve(t, answer(200, tt.answer), authclient.Config{}))
			if tt.want == nil {
				if e := refusal(t, err, authclient.ErrUnreachable); !strings.HasSuffix(e.Error(), "of other types than documented") {
					t.Errorf("got %v", e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if info, ok := got.(*authclient.UserInfo); ok {
				if string(info.Raw) != tt.answer {
					t.Errorf("Raw is %s", info.Raw)
				}
				info.Raw = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An answer is read to its end, however long it says it is.
func TestLengthOfAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range []int{1, 300, 511, 512, 600, 5000, 70_000} {
		text := `{"sub":"1","name":"` + strings.Repeat("n", name) + `"}`
		for _, says := range []int64{-1, 0, 1, int64(len(text)) - 1, int64(len(text)), 1 << 40} {
			client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: says, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
			})}})
			info, err := client.AsUser("token").GetUserInfo(t.Context())
			if err != nil || len(info.Name) != name || string(info.Raw) != text {
				t.Errorf("%d bytes that say %d: %v", len(text), says, err)
			}
		}
	}
}

// What a refusal has in fields of the answer's names is none of the next try's, and of nobody's who gets
// an error.
func TestFieldsOfRefusals(t *testing.T) {
	t.Parallel()
	tries := 0
	client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			answer(503, `{"code":"unavailable","message":"m","name":"upstream","status":"UNAVAILABLE","password":"SET","email_verified":true,`+
				`"phone_number":"+86 1","providers":[{"id":"wechat","picture":"p","name":"n"}]}`)(w, r)
			return
		}
		answer(200, `{"sub":"1","providers":[{"id":"google"}]}`)(w, r)
	}), authclient.Config{})
	me, err := client.AsUser("token").GetUserInfo(t.Context())
	if err != nil || tries != 2 {
		t.Fatalf("%v after %d tries", err, tries)
	}
	want := authclient.UserInfo{Sub: "1", Providers: []authclient.ProfileProvider{{ID: "google"}}, Raw: me.Raw}
	if diff := cmp.Diff(want, *me); diff != "" {
		t.Errorf("the second answer has (-want +got):\n%s", diff)
	}
	client = serve(t, answer(401, `{"error":"unauthenticated","redirect_uri":"https://elsewhere.example/","data":[{"id":"x"}]}`), authclient.Config{})
	out, err := client.AsUser("token").SignOut(t.Context(), authclient.SignOutRequest{RedirectURI: "https://app.example/"})
	if err != nil || out != (authclient.SignOutResponse{}) {
		t.Errorf("a sign-out that TCB refuses leads to %+v, %v", out, err)
	}
	if rows, err := client.AsUser("token").GetProviders(t.Context()); err == nil || len(rows) > 0 {
		t.Errorf("GetProviders: %v beside the error %v", rows, err)
	}
}

// A device_id is a secret.
func TestPersonTellsNoDevice(t *testing.T) {
	t.Parallel()
	p := authclient.Person{Locale: "zh-CN", DeviceID: "secret-device"}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", p, p, p, p), p.LogValue().String()} {
		if strings.Contains(text, "secret-device") || !strings.Contains(text, "zh-CN") {
			t.Error(text)
		}
	}
}
