package authclient_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// sent is what tests look at in a request.
type sent struct {
	Method, URL, Body, Authorization, ContentType string
}

// Each method's request, as the SDK sends it.
func TestRequests(t *testing.T) {
	t.Parallel()
	const (
		token = `{"verification_token":"vt","expires_in":600}`
		json_ = "application/json"
		basic = "Basic aWQ6c2Vj" // id:sec
	)
	tests := []struct {
		name   string
		secret string
		answer string
		call   func(context.Context, *authclient.Client) error
		want   []sent
	}{
		{"SignIn", "", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignIn(ctx, authclient.SignInRequest{Username: "u", Password: "p"})
			return err
		}, []sent{{"POST", "/auth/v1/signin?client_id=id", `{"username":"u","password":"p"}`, "", json_}}},
		{"SignIn with a secret", "sec", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignIn(ctx, authclient.SignInRequest{Username: "u", VerificationToken: "vt"})
			return err
		}, []sent{{"POST", "/auth/v1/signin?client_id=id", `{"username":"u","verification_token":"vt"}`, basic, json_}}},
		{"SignIn with a captcha token", "", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignIn(ctx, authclient.SignInRequest{Username: "u", Password: "p"}, authclient.WithCaptchaToken("a+b&c"))
			return err
		}, []sent{{"POST", "/auth/v1/signin?captcha_token=a%2Bb%26c&client_id=id", `{"username":"u","password":"p"}`, "", json_}}},
		{"SignUp", "", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignUp(ctx, authclient.SignUpRequest{
				PhoneNumber: "13800000000", Email: "e", VerificationToken: "vt", VerificationCode: "vc", ProviderToken: "pt",
				AnonymousToken: "at", Username: "u", Password: "p", Name: "n", Gender: "MALE", Picture: "pic", Locale: "zh-CN",
			})
			return err
		}, []sent{{"POST", "/auth/v1/signup?client_id=id", `{"phone_number":"+86 13800000000","email":"e","verification_token":"vt",` +
			`"verification_code":"vc","provider_token":"pt","anonymous_token":"at","username":"u","password":"p","name":"n","gender":"MALE",` +
			`"picture":"pic","locale":"zh-CN"}`, "", json_}}},
		{"SignInAnonymously", "", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignInAnonymously(ctx)
			return err
		}, []sent{{"POST", "/auth/v1/signin/anonymously?client_id=id", `{}`, "", json_}}},
		{"RefreshToken", "", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.RefreshToken(ctx, "m.r")
			return err
		}, []sent{{"POST", "/auth/v1/token?client_id=id",
			`{"client_id":"id","client_secret":"","grant_type":"refresh_token","refresh_token":"m.r"}`, "", json_}}},
		{"RefreshToken with a secret", "sec", credentials, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.RefreshToken(ctx, "m.r")
			return err
		}, []sent{{"POST", "/auth/v1/token?client_id=id",
			`{"client_id":"id","client_secret":"sec","grant_type":"refresh_token","refresh_token":"m.r"}`, basic, json_}}},
		{"Revoke", "", `{}`, func(ctx context.Context, c *authclient.Client) error { return c.Revoke(ctx, "a.b.c") },
			[]sent{{"POST", "/auth/v1/revoke?client_id=id", `{"token":"a.b.c"}`, "", json_}}},
		{"SignOut", "sec", `{}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.AsUser("a.b.c").SignOut(ctx, authclient.SignOutRequest{RedirectURI: "r", State: "s"})
			return err
		}, []sent{{"POST", "/auth/v1/user/signout", `{"redirect_uri":"r","state":"s"}`, "Bearer a.b.c", json_}}},
		{"SignOut without parameters", "sec", `{}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.AsUser("a.b.c").SignOut(ctx, authclient.SignOutRequest{})
			return err
		}, []sent{{"POST", "/auth/v1/revoke?client_id=id", `{"token":"a.b.c"}`, basic, json_}}},
		{"GetVerification", "", `{"verification_id":"v"}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: "13800000000"})
			return err
		}, []sent{{"POST", "/auth/v1/verification?client_id=id", `{"phone_number":"+86 13800000000","target":"ANY"}`, "", json_}}},
		{"GetVerification by e-mail", "", `{"verification_id":"v"}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.GetVerification(ctx, authclient.GetVerificationRequest{Email: "e@x.cn", Target: authclient.TargetNotUser, Usage: "REGISTER"})
			return err
		}, []sent{{"POST", "/auth/v1/verification?client_id=id", `{"email":"e@x.cn","target":"NOT_USER","usage":"REGISTER"}`, "", json_}}},
		{"Verify", "", token, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.Verify(ctx, authclient.VerifyRequest{VerificationID: "v", VerificationCode: "123456"})
			return err
		}, []sent{{"POST", "/auth/v1/verification/verify?client_id=id", `{"verification_id":"v","verification_code":"123456"}`, "", json_}}},
		{"ResetPassword", "", `{}`, func(ctx context.Context, c *authclient.Client) error {
			return c.ResetPassword(ctx, authclient.ResetPasswordRequest{PhoneNumber: "+86 13800000000", NewPassword: "p", VerificationToken: "vt"})
		}, []sent{{"POST", "/auth/v1/reset?client_id=id", `{"phone_number":"+86 13800000000","new_password":"p","verification_token":"vt"}`, "", json_}}},
		{"IsUsernameRegistered", "", `{"exist":true}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.IsUsernameRegistered(ctx, "a b&c")
			return err
		}, []sent{{"GET", "/auth/v1/checkIfUserExist?client_id=id&username=a+b%26c", "", "", ""}}},
		{"GetCaptchaData", "", `{"data":"data:,","token":"t"}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.GetCaptchaData(ctx, authclient.CallSignIn)
			return err
		}, []sent{{"POST", "/auth/v1/captcha/data?client_id=id", `{"redirect_uri":"","state":"POST:/v1/signin"}`, "", json_}}},
		{"GetCaptchaData for a GET", "", `{"data":"data:,","token":"t"}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.GetCaptchaData(ctx, authclient.CallGenProviderRedirectURI)
			return err
		}, []sent{{"POST", "/auth/v1/captcha/data?client_id=id", `{"redirect_uri":"","state":"GET:/v1/provider/uri"}`, "", json_}}},
		{"VerifyCaptchaData", "", `{"captcha_token":"c"}`, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.VerifyCaptchaData(ctx, "t", "AB12")
			return err
		}, []sent{{"POST", "/auth/v1/captcha/data/verify?client_id=id", `{"key":"AB12","token":"t"}`, "", json_}}},
		{"GetUserInfo", "sec", userInfo, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.AsUser("a.b.c").GetUserInfo(ctx)
			return err
		}, []sent{{"GET", "/auth/v1/user/me", "", "Bearer a.b.c", ""}}},
		{"SignInWithSms of a known number", "", `{"verification_token":"vt",` + credentials[1:], func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignInWithSms(ctx, authclient.SignInWithSmsRequest{
				Verification: authclient.Verification{VerificationID: "v", IsUser: true}, VerificationCode: "123456", PhoneNumber: "13800000000",
			})
			return err
		}, []sent{
			{"POST", "/auth/v1/verification/verify?client_id=id", `{"verification_id":"v","verification_code":"123456"}`, "", json_},
			{"POST", "/auth/v1/signin?client_id=id", `{"username":"+86 13800000000","verification_token":"vt"}`, "", json_},
		}},
		{"SignInWithEmail of a new address", "", `{"verification_token":"vt",` + credentials[1:], func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignInWithEmail(ctx, authclient.SignInWithEmailRequest{
				Verification: authclient.Verification{VerificationID: "v"}, VerificationCode: "123456", Email: "e@x.cn",
			})
			return err
		}, []sent{
			{"POST", "/auth/v1/verification/verify?client_id=id", `{"verification_id":"v","verification_code":"123456"}`, "", json_},
			{"POST", "/auth/v1/signup?client_id=id", `{"email":"e@x.cn","verification_token":"vt"}`, "", json_},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkRequests(t, authclient.Config{ClientID: "id", ClientSecret: tt.secret}, tt.answer, tt.call, tt.want)
		})
	}
}

// checkRequests has a server answer, and compares what it was sent; then it has
// one refuse, and compares the call that the error names with what was sent.
func checkRequests(t *testing.T, cfg authclient.Config, body string, call func(context.Context, *authclient.Client) error, want []sent) {
	t.Helper()
	var got []sent
	client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h := r.Header
		got = append(got, sent{r.Method, r.URL.RequestURI(), string(content), h.Get("Authorization"), h.Get("Content-Type")})
		answer(200, body)(w, r)
	}), cfg)
	if err := call(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}

	err := call(t.Context(), serve(t, answer(404, `{"error":"not_found"}`), cfg))
	e := refusal(t, err, authclient.ErrNotFound)
	path, _, _ := strings.Cut(strings.TrimPrefix(want[0].URL, "/auth"), "?")
	for _, withID := range []string{"/v1/user/provider/", "/v1/user/authorized/devices/"} {
		if strings.HasPrefix(path, withID) && path != "/v1/user/provider/bind" {
			path = strings.TrimSuffix(withID, "/")
		}
	}
	if want := (authclient.Call{Method: want[0].Method, Path: path}); e.Call != want {
		t.Errorf("the error is of %s, want %s", e.Call, want)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  authclient.Config
		opts []authclient.CallOption
		want map[string]string
	}{
		{"by default", authclient.Config{}, nil, map[string]string{
			"Accept": "application/json", "User-Agent": "Go-http-client/1.1",
			"Accept-Language": "", "X-Device-Id": "", "X-Forwarded-For": "", "Cookie": "", "Referer": "",
		}},
		{"of the caller", authclient.Config{UserAgent: "tcb-login/1"}, nil, map[string]string{"User-Agent": "tcb-login/1"}},
		{"of the person", authclient.Config{UserAgent: "tcb-login/1"}, []authclient.CallOption{
			authclient.WithLocale("en-US"), authclient.WithDeviceID("0123456789abcdef"),
			authclient.WithUserAgent("Mozilla/5.0"), authclient.WithClientAddress("2001:db8::1"),
		}, map[string]string{
			"User-Agent": "Mozilla/5.0", "Accept-Language": "en-US", "X-Device-Id": "0123456789abcdef", "X-Forwarded-For": "2001:db8::1",
		}},
		{"of the person at once", authclient.Config{UserAgent: "tcb-login/1"}, []authclient.CallOption{authclient.WithPerson(authclient.Person{
			Locale: "en-US", DeviceID: "0123456789abcdef", UserAgent: "Mozilla/5.0", ClientAddress: "2001:db8::1",
		})}, map[string]string{
			"User-Agent": "Mozilla/5.0", "Accept-Language": "en-US", "X-Device-Id": "0123456789abcdef", "X-Forwarded-For": "2001:db8::1",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got http.Header
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.Header.Clone()
				answer(200, `{}`)(w, r)
			}), tt.cfg)
			if err := client.Revoke(t.Context(), "x", tt.opts...); err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				if got.Get(name) != want {
					t.Errorf("%s is %q, want %q", name, got.Get(name), want)
				}
			}
			if id := got.Get("X-Request-Id"); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
				t.Errorf("X-Request-Id is %q, want 32 hex digits", id)
			}
		})
	}
}

// A header that cannot be sent must neither go out in part nor be told, and nothing is gained by another try.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			t.Errorf("a request went out: %v", r.Header)
			return response(200, `{}`), nil
		})}})
		const injected = "SECRET\r\nX-Forwarded-For: 127.0.0.1"
		start := time.Now()
		_, bearer := client.AsUser(injected).GetUserInfo(t.Context()) // a GET: others are tried again
		for _, err := range []error{
			client.Revoke(t.Context(), "x", authclient.WithDeviceID(injected)), client.Revoke(t.Context(), "x", authclient.WithUserAgent("SECRET\x00")), bearer,
		} {
			if e := refusal(t, err, authclient.ErrUnreachable); !e.NotSent || e.Status != 0 {
				t.Errorf("got %#v, want one that was not sent", e)
			}
			tellsNothing(t, err, "SECRET", "127.0.0.1")
		}
		if took := time.Since(start); took != 0 { // of the bubble's clock
			t.Errorf("there were pauses of %v", took)
		}
	})
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  authclient.Config
		want string // without the query
	}{
		{"by default", authclient.Config{Env: "env-1"}, "https://env-1.ap-shanghai.tcb-api.tencentcloudapi.com/auth/v1/user/me"},
		{"of a region", authclient.Config{Env: "env-1", Region: "ap-guangzhou"}, "https://env-1.ap-guangzhou.tcb-api.tencentcloudapi.com/auth/v1/user/me"},
		{"abroad", authclient.Config{Env: "env-1", Region: "ap-singapore"}, "https://env-1.api.intl.tcloudbasegateway.com/auth/v1/user/me"},
		{"abroad, by the other host", authclient.Config{Env: "env-1", Region: "ap-singapore", EndPointMode: authclient.CloudAPI}, "https://env-1.ap-singapore.tcb-api.tencentcloudapi.com/auth/v1/user/me"},
		{"the gateway", authclient.Config{Env: "env-1", EndPointMode: authclient.Gateway}, "https://env-1.api.tcloudbasegateway.com/auth/v1/user/me"},
		{"the gateway of a region", authclient.Config{Env: "env-1", Region: "ap-hongkong", EndPointMode: authclient.Gateway}, "https://env-1.api.tcloudbasegateway.com/auth/v1/user/me"},
		{"international", authclient.Config{Env: "env-1", Intl: true}, "https://env-1.api.intl.tcloudbasegateway.com/auth/v1/user/me"},
		{"with a publishable key", authclient.Config{Env: "demo-env", PublishableKey: jwtOf(newerKey)}, "https://demo-env.api.tcloudbasegateway.com/auth/v1/user/me"},
		{"with one, abroad", authclient.Config{Env: "demo-env", Region: "ap-singapore", PublishableKey: jwtOf(newerKey)}, "https://demo-env.api.intl.tcloudbasegateway.com/auth/v1/user/me"},
		{"given, whatever the mode", authclient.Config{Env: "e", Endpoint: "https://proxy.example", EndPointMode: authclient.Gateway, Intl: true}, "https://proxy.example/auth/v1/user/me"},
		{"given", authclient.Config{Env: "e", Endpoint: "https://e.api.tcloudbasegateway.com"}, "https://e.api.tcloudbasegateway.com/auth/v1/user/me"},
		{"with a port", authclient.Config{Env: "e", Endpoint: "http://127.0.0.1:9000/"}, "http://127.0.0.1:9000/auth/v1/user/me"},
		{"with a path", authclient.Config{Env: "e", Endpoint: "https://proxy.example/tcb/e"}, "https://proxy.example/tcb/e/auth/v1/user/me"},
		{"with a path and slashes", authclient.Config{Env: "e", Endpoint: "https://proxy.example/tcb//"}, "https://proxy.example/tcb/auth/v1/user/me"},
		{"with an escaped path", authclient.Config{Env: "e", Endpoint: "https://proxy.example/a%2Fb"}, "https://proxy.example/a%2Fb/auth/v1/user/me"},
		{"of version 6", authclient.Config{Env: "e", Endpoint: "http://[::1]:9000"}, "http://[::1]:9000/auth/v1/user/me"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got *url.URL
			tt.cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				got = r.URL
				return response(200, userInfo), nil
			})}
			if _, err := newClient(t, tt.cfg).AsUser("token").GetUserInfo(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// The client ID is the environment's unless given.
func TestClientIDByDefault(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ given, want string }{{"", "demo-env"}, {"app", "app"}} {
		var got string
		client := newClient(t, authclient.Config{ClientID: tt.given, HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			got = r.URL.Query().Get("client_id")
			return response(200, `{}`), nil
		})}})
		if err := client.Revoke(t.Context(), "x"); err != nil || got != tt.want {
			t.Errorf("client_id is %q, %v; want %q", got, err, tt.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  authclient.Config
	}{
		{"no environment", authclient.Config{}},
		{"another host", authclient.Config{Env: "evil.example/"}},
		{"another host, with TCB's as its path", authclient.Config{Env: "evil.example/?"}},
		{"a password before the host", authclient.Config{Env: "hunter2@evil"}},
		{"another host by the region", authclient.Config{Env: "e", Region: "x.evil.example/"}},
		{"upper case", authclient.Config{Env: "Demo"}},
		{"a dash at the end", authclient.Config{Env: "e-"}},
		{"a line break", authclient.Config{Env: "e\n"}},
		{"no scheme", authclient.Config{Env: "e", Endpoint: "127.0.0.1:9000"}},
		{"another scheme", authclient.Config{Env: "e", Endpoint: "ftp://example.com"}},
		{"no host", authclient.Config{Env: "e", Endpoint: "https:///auth"}},
		{"a port only", authclient.Config{Env: "e", Endpoint: "https://:443"}},
		{"a password", authclient.Config{Env: "e", Endpoint: "https://user:hunter2@example.com"}},
		{"a password in nonsense", authclient.Config{Env: "e", Endpoint: "https://user:hunter2@exa mple.com"}},
		{"a query", authclient.Config{Env: "e", Endpoint: "https://example.com/?a=b"}},
		{"an empty query", authclient.Config{Env: "e", Endpoint: "https://example.com/?"}},
		{"a fragment", authclient.Config{Env: "e", Endpoint: "https://example.com/#a"}},
		{"a negative timeout", authclient.Config{Env: "e", Timeout: -1}},
		{"a negative cap", authclient.Config{Env: "e", MaxInFlight: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := authclient.New(tt.cfg)
			if c != nil || err == nil {
				t.Fatalf("got %v, %v; want an error", c, err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// The given http.Client stays as it is: its redirects are its owner's.
func TestHTTPClientIsCopied(t *testing.T) {
	t.Parallel()
	given := &http.Client{}
	newClient(t, authclient.Config{HTTPClient: given})
	if given.CheckRedirect != nil {
		t.Error("the given client was changed")
	}
}

// Credentials, and what holds them, may be printed and logged.
func TestRedaction(t *testing.T) {
	t.Parallel()
	creds := authclient.Credentials{
		TokenType: "Bearer", AccessToken: "SECRET.access", RefreshToken: "m.SECRET", ExpiresIn: 7200, Sub: "1849755119840497664",
	}
	client := newClient(t, authclient.Config{Env: "demo-env", ClientSecret: "SECRET"})
	state := client.LoginState(creds, newClock().now(), nil)
	tests := []struct {
		name  string
		value any
		names string // what it does tell, unless it is nested
	}{
		{"credentials", creds, creds.Sub},
		{"pointer", &creds, creds.Sub},
		{"struct", struct{ C authclient.Credentials }{creds}, creds.Sub},
		{"struct with a pointer", struct{ C *authclient.Credentials }{&creds}, ""},
		{"slice", []authclient.Credentials{creds}, creds.Sub},
		{"map", map[string]authclient.Credentials{"a": creds}, creds.Sub},
		{"login state", state, creds.Sub},
		{"user", client.AsUser(creds.AccessToken), "redacted"},
		{"user by value", *client.AsUser(creds.AccessToken), "redacted"},
		{"client", client, "demo-env"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				got := fmt.Sprintf(verb, tt.value)
				if strings.Contains(got, "SECRET") {
					t.Errorf("%s tells a secret: %s", verb, got)
				}
				if !strings.Contains(got, tt.names) {
					t.Errorf("%s does not name %s: %s", verb, tt.names, got)
				}
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "value", tt.value)
			if tt.name == "credentials" || tt.name == "pointer" || tt.name == "login state" || strings.HasPrefix(tt.name, "user") || tt.name == "client" {
				slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "value", tt.value)
			}
			if strings.Contains(log.String(), "SECRET") {
				t.Errorf("the log tells a secret: %s", log.String())
			}
		})
	}

	// They are written as JSON on purpose: the browser keeps them so.
	written, err := json.Marshal(creds)
	if err != nil || !bytes.Contains(written, []byte(`"access_token":"SECRET.access"`)) {
		t.Errorf("as JSON: %s, %v", written, err)
	}
}

const (
	jsonType = "application/json"
	bearer   = "Bearer a.b.c"
)
