package authclient_test

import (
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"tcb-login/authclient"
)

// answers are bodies to start fuzzing from.
var answers = []string{
	"", "null", "{}", "[]", `"x"`, "5", `{"error":`, userInfo, credentials,
	`{"error":"invalid_password","error_code":4003,"error_description":"密码错误","details":[{"remaining":4}]}`,
	`{"error":"invalid_status","details":[{"@type":"t","retry_in":600},{"limit_remaining":"2","retry_delay":"1800s"}]}`,
	`{"error":"resource_exhausted","retry_after":30,"retryAfter":"31.5"}`,
	`{"error":1,"error_code":1e999,"error_description":{},"details":{}}`,
	`{"code":"INVALID_ENV","message":"m"}`, `{"error":"","code":0}`, `{"Error":"a","ERROR":"b","error":null}`,
	`{"error":"e","details":[{"remaining":-1e300,"retry_in":"NaN","retry_delay":"-9223372036854775808ns"}]}`,
	`{"sub":"1","access_token":"a","expires_in":1e3}`, `{"exist":"yes"}`, "\xff\xfe{}", `{"error":"\u0000\n"}`,
}

// checkError holds whatever a server sends against what Error promises.
func checkError(t *testing.T, e *authclient.Error) {
	t.Helper()
	text := e.Error()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 512 {
		t.Errorf("text %q, want one short line", text)
	}
	if e.Code == "" || len(e.Code) > 64 || e.Remaining < -1 || e.RetryAfter < 0 || e.RetryAfter > 31*24*time.Hour {
		t.Errorf("got code %q, %d tries left, %v to wait", e.Code, e.Remaining, e.RetryAfter)
	}
	known := 0
	for i, err := range authclient.ErrValues {
		if errors.Is(e, err) {
			known++
			if e.Code != authclient.Codes()[i] {
				t.Errorf("%s counts as %v", e.Code, err)
			}
		}
	}
	if known > 1 {
		t.Errorf("%s counts as %d Err values", e.Code, known)
	}
}

func FuzzErrorDecoder(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if e := authclient.DecodeError(body); e != nil {
			checkError(t, e)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for i, a := range answers {
		f.Add([]int{200, 400, 503, 302}[i%4], []byte(a), "30", "/auth/v1/elsewhere", "id")
	}
	f.Add(307, []byte("{}"), "-1", "http://[::1", "\x00")
	f.Add(204, []byte{}, "99999999999999999999", "", strings.Repeat("i", 200))
	f.Fuzz(func(t *testing.T, status int, body []byte, retryAfter, location, requestID string) {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				requests++
				return &http.Response{
					StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(string(body))),
					Header: http.Header{"Retry-After": {retryAfter}, "Location": {location}, "X-Request-Id": {requestID}},
				}, nil
			})}})
			check := func(op string, tries int, err error, complete bool) {
				t.Helper()
				if requests < 1 || requests > tries {
					t.Errorf("%s: %d requests, want up to %d", op, requests, tries)
				}
				requests = 0
				if err == nil {
					if !complete || status < 200 || status > 299 {
						t.Errorf("%s takes an answer of status %d: %q", op, status, body)
					}
					return
				}
				var e *authclient.Error
				if !errors.As(err, &e) {
					t.Fatalf("%s: got %T, want *authclient.Error", op, err)
				}
				checkError(t, e)
				if e.Op != op || e.RequestID == "" || len(e.RequestID) > 128 {
					t.Errorf("%s: operation %q, request id %q", op, e.Op, e.RequestID)
				}
			}
			creds, err := client.SignIn(t.Context(), authclient.SignInRequest{})
			check("SignIn", 1, err, creds != nil && creds.AccessToken != "" && creds.ExpiresIn > 0)
			err = client.ResetPassword(t.Context(), authclient.ResetPasswordRequest{})
			check("ResetPassword", 1, err, true)
			_, err = client.IsUsernameRegistered(t.Context(), "u")
			check("IsUsernameRegistered", 3, err, true)
			info, err := client.AsUser("token").GetUserInfo(t.Context())
			check("GetUserInfo", 3, err, info != nil && info.Sub != "" && len(info.Raw) > 0)
		})
	})
}

// FuzzDevices: what becomes of a device's code and of a mini program's is asked again and again, by
// people who wait: an answer that is none is an error, and never a sign-in.
func FuzzDevices(f *testing.F) {
	for i, a := range append(answers,
		`{"device_code":"d","user_code":"WDJB-MJHX","expires_in":600,"interval":5,"verification_uri":"https://tcb.example/device"}`,
		`{"device_code":"","interval":-1}`, `{"error":"authorization_pending"}`, `{"error":"slow_down","interval":1e9}`, `{"error":"expired_token"}`,
		`{"qr_code":"data:image/png;base64,AA","qr_code_id":"i","expires_in":120}`, `{"qr_code":"","qr_code_id":null}`, `{"qr_code":{},"expires_in":"x"}`,
		`{"status":"SCANNED"}`, `{"status":"CONFIRMED","provider_token":"p","expires_in":-1}`, `{"status":5,"provider_token":[]}`, `{"provider_token":"p","error":"e"}`,
	) {
		f.Add([]int{200, 400, 503, 302}[i%4], []byte(a))
		f.Add(200, []byte(a))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(string(body))), Header: http.Header{}}, nil
			})}})
			check := func(op string, err error, complete bool) {
				t.Helper()
				var e *authclient.Error
				switch {
				case err == nil && (!complete || status < 200 || status > 299):
					t.Errorf("%s takes an answer of status %d: %q", op, status, body)
				case err == nil:
				case !errors.As(err, &e):
					t.Errorf("%s: got %T, want *authclient.Error", op, err)
				default:
					checkError(t, e)
				}
			}
			device, err := client.DeviceAuthorize(t.Context(), "")
			check("DeviceAuthorize", err, device != nil && device.DeviceCode != "")
			creds, err := client.GrantToken(t.Context(), authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: "d"})
			check("GrantToken", err, creds != nil && creds.AccessToken != "" && creds.ExpiresIn > 0)
			check("AuthorizeDevice", client.AsUser("token").AuthorizeDevice(t.Context(), authclient.AuthorizeDeviceRequest{UserCode: "WDJB-MJHX"}), true)
			code, err := client.GetMiniProgramQRCode(t.Context(), "wx")
			check("GetMiniProgramQRCode", err, code != nil && code.QRCode != "" && code.QRCodeID != "")
			said, err := client.GetMiniProgramQRCodeStatus(t.Context(), "wx", "i")
			check("GetMiniProgramQRCodeStatus", err, said != nil)
			code2, err := client.AsUser("token").Authorize(t.Context(), authclient.AuthorizeRequest{ClientID: "c"})
			check("Authorize", err, code2 != nil)
			page, err := client.InitCaptcha(t.Context(), "https://app.example/", "state")
			check("InitCaptcha", err, page != nil)
		})
	})
}

// FuzzNew: whatever the environment and the region are called, calls go to TCB's hosts, or nowhere.
func FuzzNew(f *testing.F) {
	for _, seed := range [][2]string{
		{"demo-env", ""}, {"e", "ap-guangzhou"}, {"e", "ap-singapore"}, {"evil.example/", ""}, {"e", "x.evil.example#"},
		{"a@b", "c"}, {"e%2f", ""}, {"-", "-"}, {"e\r\n", "x"}, {"é", "ap-shanghai"},
	} {
		f.Add(seed[0], seed[1])
	}
	tcb := regexp.MustCompile(`^https://[a-z0-9-]+\.([a-z0-9-]+\.tcb-api\.tencentcloudapi|api(\.intl)?\.tcloudbasegateway)\.com/auth/v1/user/me$`)
	f.Fuzz(func(t *testing.T, env, region string) {
		var asked string
		client, err := authclient.New(authclient.Config{Env: env, Region: region, HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			asked = r.URL.String()
			return response(200, userInfo), nil
		})}})
		if err != nil {
			return
		}
		if _, err := client.AsUser("token").GetUserInfo(t.Context()); err != nil || !tcb.MatchString(asked) {
			t.Errorf("%q in %q: asked %q, %v", env, region, asked, err)
		}
	})
}
