package authclient_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
)

// BenchmarkCall is what a call costs without a network, and what it costs a bare client.
//
//	go test -run '^$' -bench Call ./authclient
func BenchmarkCall(b *testing.B) {
	const (
		profile = `{"sub":"1234567890123456789","name":"Zhang","username":"zhang","picture":"","phone_number":"+86 13800000000",` +
			`"email":"zhang@example.com","email_verified":true,"gender":"UNKNOWN","locale":"zh-CN","status":"ACTIVE","password":"SET",` +
			`"groups":[{"id":"g1"}],"providers":[{"id":"wechat","name":"WeChat"}]}`
		signIn = `{"username":"zhang","password":"a-right-password"}`
	)
	login := `{"token_type":"Bearer","access_token":"` + strings.Repeat("a", 900) + `","refresh_token":"r","expires_in":7200,"sub":"1"}`
	trace := &authclient.Trace{RequestID: "0123456789abcdef", TraceID: "0123456789abcdef0123456789abcdef"}
	options := []authclient.CallOption{
		authclient.WithLocale("zh-CN"), authclient.WithDeviceID("0123456789abcdef"),
		authclient.WithUserAgent("Mozilla/5.0"), authclient.WithClientAddress("192.0.2.1"),
	}
	tests := []struct {
		name, answer, method, path, body string
		call                             func(context.Context, *authclient.Client) error
	}{
		{"GetUserInfo", profile, "GET", "/v1/user/me", "", func(ctx context.Context, c *authclient.Client) error {
			_, err := c.AsUser("token").GetUserInfo(ctx, options...)
			return err
		}},
		{"SignIn", login, "POST", "/v1/signin?client_id=env", signIn, func(ctx context.Context, c *authclient.Client) error {
			_, err := c.SignIn(ctx, authclient.SignInRequest{Username: "zhang", Password: "a-right-password"}, options...)
			return err
		}},
	}
	for _, tt := range tests {
		network := transport(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(tt.answer)), ContentLength: int64(len(tt.answer)), Request: r,
			}, nil
		})
		client, err := authclient.New(authclient.Config{Env: "env", Endpoint: "http://tcb.example.com", HTTPClient: &http.Client{Transport: network}})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := tt.call(authclient.WithTrace(b.Context(), trace), client); err != nil {
					b.Fatal(err)
				}
			}
		})
		bare := &http.Client{Transport: network, Timeout: 10 * time.Second}
		b.Run(tt.name+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bareCall(bare, tt.method, "http://tcb.example.com/auth"+tt.path, tt.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// bareCall sends what ours sends, and reads what is answered.
func bareCall(client *http.Client, method, url, body string) error {
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	for _, h := range [...][2]string{
		{"Accept", "application/json"}, {"Content-Type", "application/json"}, {"Authorization", "Bearer token"}, {"Accept-Language", "zh-CN"},
		{"X-Device-Id", "0123456789abcdef"}, {"User-Agent", "Mozilla/5.0"}, {"X-Forwarded-For", "192.0.2.1"}, {"X-Request-Id", "0123456789abcdef-01234567"},
	} {
		req.Header.Set(h[0], h[1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}
