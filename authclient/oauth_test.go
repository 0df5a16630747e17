package authclient_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s := f.state(f.demo())
	app := f.client(authclient.Config{Env: "demo-env", ClientID: "web-app"}) // public: PKCE stands in for its secret
	const verifier = "a-verifier-of-forty-three-characters-or-more-0123456789"
	sum := sha256.Sum256([]byte(verifier))
	in := authclient.AuthorizeRequest{
		ClientID: "web-app", ResponseType: "code", RedirectURI: back, State: "s", Scope: "profile email",
		CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]), CodeChallengeMethod: "S256",
	}
	got, err := s.Authorize(ctx, in) // its `code` is no error
	if err != nil {
		t.Fatal(err)
	}
	if got.Code == "" || got.State != "s" || got.Scope != "profile email" || got.AccessToken != "" || got.ExpiresIn != 300 {
		t.Errorf("got %+v", got)
	}
	exchange := authclient.GrantTokenRequest{GrantType: "authorization_code", Code: got.Code, RedirectURI: back, CodeVerifier: verifier}
	for _, change := range []func(*authclient.GrantTokenRequest){
		func(in *authclient.GrantTokenRequest) { in.CodeVerifier = "x" },
		func(in *authclient.GrantTokenRequest) { in.RedirectURI = "https://other.example/" },
		func(in *authclient.GrantTokenRequest) { in.Code = "x" },
	} {
		wrong := exchange
		change(&wrong)
		_, err := app.GrantToken(ctx, wrong)
		refusal(t, err, authclient.ErrInvalidGrant)
	}
	_, err = f.GrantToken(ctx, exchange)
	refusal(t, err, authclient.ErrInvalidGrant) // another client
	creds, err := app.GrantToken(ctx, exchange)
	if err != nil {
		t.Fatal(err)
	}
	if creds.Sub != s.Credentials().Sub || f.info(creds).Username != demoUsername || creds.RefreshToken == "" {
		t.Errorf("got a login of %s", creds.Sub)
	}
	// A second time is a theft: both logins end (RFC 6749 §4.1.2).
	_, err = app.GrantToken(ctx, exchange)
	refusal(t, err, authclient.ErrInvalidGrant)
	_, err = f.AsUser(creds.AccessToken).GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated)

	late, err := s.Authorize(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.advance(5 * time.Minute)
	exchange.Code = late.Code
	_, err = app.GrantToken(ctx, exchange)
	refusal(t, err, authclient.ErrInvalidGrant)

	in.CodeChallenge, in.CodeChallengeMethod = "", "" // then the secret is needed
	plain, err := s.Authorize(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	exchange.Code, exchange.CodeVerifier = plain.Code, ""
	_, err = app.GrantToken(ctx, exchange)
	refusal(t, err, authclient.ErrUnauthorizedClient)
	secret := f.client(authclient.Config{Env: "demo-env", ClientID: "web-app", ClientSecret: "s3cret"})
	if _, err := secret.GrantToken(ctx, exchange); err != nil {
		t.Error(err)
	}
}

func TestAuthorizeOtherTypes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s := f.state(f.demo())
	token, err := s.Authorize(ctx, authclient.AuthorizeRequest{ResponseType: "token", RedirectURI: back, State: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := f.AsUser(token.AccessToken).GetUserInfo(ctx); err != nil || info.Username != demoUsername || token.TokenType != "Bearer" || token.ExpiresIn != 7200 {
		t.Errorf("got %v, %v", info, err)
	}
	id, err := s.Authorize(ctx, authclient.AuthorizeRequest{ResponseType: "id_token", RedirectURI: back, Scope: "openid"})
	if err != nil || strings.Count(id.IDToken, ".") != 2 || id.Code+id.AccessToken != "" {
		t.Errorf("got %+v, %v; want an id token alone", id, err)
	}

	tests := []struct {
		name string
		in   authclient.AuthorizeRequest
		want error
	}{
		{"type", authclient.AuthorizeRequest{ResponseType: "x", RedirectURI: back}, authclient.ErrUnsupportedResponseType},
		{"scope", authclient.AuthorizeRequest{ResponseType: "code", RedirectURI: back, Scope: "everything"}, authclient.ErrInvalidScope},
		{"address", authclient.AuthorizeRequest{ResponseType: "code", RedirectURI: "javascript:alert(1)"}, authclient.ErrInvalidArgument},
		{"client", authclient.AuthorizeRequest{ClientID: "west-env", ResponseType: "code", RedirectURI: back}, authclient.ErrUnauthorizedClient},
		{"challenge", authclient.AuthorizeRequest{ResponseType: "code", RedirectURI: back, CodeChallengeMethod: "S256"}, authclient.ErrInvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Authorize(ctx, tt.in)
			refusal(t, err, tt.want)
		})
	}
	anonymous, err := f.SignInAnonymously(ctx, authclient.WithDeviceID("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.state(anonymous).Authorize(ctx, authclient.AuthorizeRequest{ResponseType: "code", RedirectURI: back})
	refusal(t, err, authclient.ErrPermissionDenied)
}

func TestAuthorizeInfo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	in := authclient.AuthorizeInfoRequest{
		ResponseType: "code", RedirectURI: back, State: "s", Scope: "profile phone", SignOutURI: back, Locale: "en-US",
	}
	for _, secret := range []string{"", "s3cret"} {
		info, err := f.client(authclient.Config{Env: "demo-env", ClientID: "web-app", ClientSecret: secret}).AuthorizeInfo(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		want := []authclient.Scope{{ID: "profile", Name: "Your name and picture"}, {ID: "phone", Name: "Your phone number"}}
		if diff := cmp.Diff(want, info.Scopes); diff != "" || info.Client.ID != "web-app" || info.Client.Name == "" {
			t.Errorf("client %+v, scopes (-want +got):\n%s", info.Client, diff)
		}
	}
	of := in
	of.ClientID = "web-app" // and not the login's own
	if info, err := f.AsUser(f.demo().AccessToken).AuthorizeInfo(ctx, of); err != nil || info.Client.ID != "web-app" || len(info.Scopes) != 2 {
		t.Errorf("with a login: %+v, %v", info, err)
	}
	_, err := f.AsUser("nobody's").AuthorizeInfo(ctx, of)
	refusal(t, err, authclient.ErrUnauthenticated)
	in.Locale = "zh-CN"
	if info, err := f.AuthorizeInfo(ctx, in); err != nil || info.Scopes[1].Name != "手机号" {
		t.Errorf("in Chinese: %+v, %v", info, err)
	}
	_, err = f.client(authclient.Config{Env: "demo-env", ClientID: "web-app", ClientSecret: "guessed"}).AuthorizeInfo(ctx, in)
	refusal(t, err, authclient.ErrUnauthorizedClient)
	in.Scope = "everything"
	_, err = f.AuthorizeInfo(ctx, in)
	refusal(t, err, authclient.ErrInvalidScope)
}

func TestDeviceCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s := f.state(f.demo())
	start := func() (*authclient.DeviceCode, func() (*authclient.Credentials, error)) {
		t.Helper()
		code, err := f.DeviceAuthorize(ctx, "profile")
		if err != nil {
			t.Fatal(err)
		}
		return code, func() (*authclient.Credentials, error) {
			return f.GrantToken(ctx, authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: code.DeviceCode})
		}
	}
	code, poll := start()
	if len(code.UserCode) != 9 || code.ExpiresIn != 600 || code.Interval != 3 || !strings.HasPrefix(code.VerificationURIComplete, code.VerificationURI) {
		t.Errorf("got %+v", code)
	}
	_, err := poll()
	refusal(t, err, authclient.ErrAuthorizationPending)
	_, err = poll()
	refusal(t, err, authclient.ErrSlowDown)
	in := authclient.AuthorizeDeviceRequest{UserCode: strings.ToLower(code.UserCode), Scope: "profile", State: "s"}
	if err := s.AuthorizeDevice(ctx, in); err != nil {
		t.Fatal(err)
	}
	refusal(t, s.AuthorizeDevice(ctx, in), authclient.ErrFailedPrecondition) // once
	f.clock.advance(8 * time.Second)
	creds, err := poll()
	if err != nil || creds.Sub != s.Credentials().Sub {
		t.Fatalf("got %v, %v; want the person who said yes", creds, err)
	}
	_, err = poll()
	refusal(t, err, authclient.ErrInvalidGrant)

	code, poll = start()
	page := f.browse(code.VerificationURIComplete, nil)
	if done := f.browse(page.action.String(), page.fields); done.status != http.StatusOK {
		t.Errorf("the device page answers %d", done.status)
	}
	_, err = poll()
	refusal(t, err, authclient.ErrAccessDenied)

	_, poll = start()
	f.clock.advance(10 * time.Minute)
	_, err = poll()
	refusal(t, err, authclient.ErrExpiredToken)
	_, err = f.DeviceAuthorize(ctx, "everything")
	refusal(t, err, authclient.ErrInvalidScope)
}

func TestGrantToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds, err := f.GrantToken(ctx, authclient.GrantTokenRequest{GrantType: "password", Username: demoUsername, Password: demoPassword})
	if err != nil || f.info(creds).Username != demoUsername {
		t.Errorf("by password: %v, %v", creds, err)
	}
	app := f.client(authclient.Config{Env: "demo-env", ClientID: "web-app", ClientSecret: "s3cret"})
	own, err := app.GrantToken(ctx, authclient.GrantTokenRequest{GrantType: "client_credentials"})
	if err != nil || own.RefreshToken != "" || own.AccessToken == "" || own.Scope == "" {
		t.Errorf("for the app itself: %v, %v; want a token that cannot be refreshed", own, err)
	}
	tests := []struct {
		name string
		in   authclient.GrantTokenRequest
		want error
	}{
		{"wrong password", authclient.GrantTokenRequest{GrantType: "password", Username: demoUsername, Password: "x"}, authclient.ErrInvalidPassword},
		{"no secret", authclient.GrantTokenRequest{GrantType: "client_credentials"}, authclient.ErrUnauthorizedClient},
		{"no code", authclient.GrantTokenRequest{GrantType: "authorization_code"}, authclient.ErrInvalidGrant},
		{"no device code", authclient.GrantTokenRequest{GrantType: "device_code"}, authclient.ErrInvalidGrant},
		{"no such grant", authclient.GrantTokenRequest{GrantType: "implicit"}, authclient.ErrInvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.GrantToken(ctx, tt.in)
			if e := refusal(t, err, tt.want); e.Op != "GrantToken" {
				t.Errorf("got operation %s", e.Op)
			}
		})
	}
}

func TestCaptchaPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"always"}`)
	ctx := t.Context()
	open := func() page {
		t.Helper()
		to, err := f.InitCaptcha(ctx, back, "s&=")
		if err != nil {
			t.Fatal(err)
		}
		if to.ExpiresIn != 600 {
			t.Errorf("got %d seconds, want 600", to.ExpiresIn)
		}
		return f.browse(to.URL, nil)
	}
	answer := func(p page, action, key string) page {
		t.Helper()
		p.fields.Set("action", action)
		p.fields.Set("key", key)
		return f.browse(p.action.String(), p.fields)
	}
	solve := func(p page) page {
		t.Helper()
		var read struct{ Key string }
		f.control(http.MethodGet, "captcha/"+p.fields.Get("token"), "", &read)
		return answer(p, "verify", read.Key)
	}

	wrong := answer(open(), "verify", "????")
	if wrong.status != http.StatusBadRequest || wrong.location != nil {
		t.Fatalf("a wrong answer leads to %v", wrong.location)
	}
	sent := solve(wrong).location // another picture, another try
	if sent == nil {
		t.Fatal("a right answer leads nowhere")
	}
	got := sent.Query()
	if sent.Host != "app.example" || got.Get("a") != "1" || got.Get("state") != "s&=" || got.Get("expires_in") != "600" || got.Has("error") {
		t.Errorf("sent back to %s", sent)
	}
	in := authclient.SignInRequest{Username: demoUsername, Password: demoPassword}
	if _, err := f.SignIn(ctx, in, authclient.WithCaptchaToken(got.Get("captcha_token"))); err != nil {
		t.Errorf("with the page's token: %v", err)
	}

	if left := answer(open(), "back", "").location.Query(); left.Get("error") == "" || left.Get("error_description") == "" || left.Get("state") != "s&=" {
		t.Errorf("who gives up is sent back with %v", left)
	}
	p := open()
	for range 3 {
		p = answer(p, "verify", "????")
	}
	if left := answer(p, "back", "").location.Query(); left.Get("error") != "captcha_invalid" || left.Has("captcha_token") {
		t.Errorf("after three wrong answers: %v", left)
	}

	for _, redirect := range []string{"", "javascript:alert(1)"} {
		_, err := f.InitCaptcha(ctx, redirect, "s")
		refusal(t, err, authclient.ErrInvalidArgument)
	}
	_, err := f.InitCaptcha(ctx, back, "")
	refusal(t, err, authclient.ErrInvalidArgument)
	for range 20 {
		if _, err = f.InitCaptcha(ctx, back, "s"); err != nil {
			break
		}
	}
	if e := refusal(t, err, authclient.ErrResourceExhausted); e.RetryAfter != time.Minute {
		t.Errorf("got %v to wait, want a minute", e.RetryAfter)
	}
}

// An access token can be checked without asking who it belongs to.
func TestCerts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	creds := f.demo()
	raw, err := f.Certs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct{ Kty, Alg, Use, Kid, N, E string }
	}
	if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("got %s, %v", raw, err)
	}
	key := set.Keys[0]
	decode := func(s string) []byte {
		t.Helper()
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(decode(key.N)), E: int(new(big.Int).SetBytes(decode(key.E)).Int64())}
	parts := strings.Split(creds.AccessToken, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts, want a JWT's three", len(parts))
	}
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(decode(parts[0]), &header); err != nil || header.Alg != "RS256" || header.Kid != key.Kid || key.Alg != "RS256" || key.Kty != "RSA" {
		t.Errorf("header %+v, key %s %s %s", header, key.Kty, key.Alg, key.Kid)
	}
	var claims struct {
		Iss, Sub, Aud string
		Exp           int64
		ProjectID     string `json:"project_id"`
	}
	if err := json.Unmarshal(decode(parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Sub != creds.Sub || claims.Aud != "demo-env" || claims.ProjectID != "demo-env" || claims.Exp != f.clock.now().Unix()+7200 {
		t.Errorf("got claims %+v", claims)
	}
	check := func(text string) error {
		sum := sha256.Sum256([]byte(text))
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], decode(parts[2]))
	}
	if err := check(parts[0] + "." + parts[1]); err != nil {
		t.Errorf("the signature does not hold: %v", err)
	}
	if check(parts[0]+"."+parts[0]) == nil {
		t.Error("the signature holds for anything")
	}
}

// Authorize alone takes `code` for a result, and `error` beats it there too.
func TestAuthorizeAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		want         error
		code         string
	}{
		{"code", `{"code":"c","state":"s"}`, nil, "c"},
		{"both", `{"code":"c","error":"access_denied"}`, authclient.ErrAccessDenied, ""},
		{"nothing", `{"state":"s"}`, authclient.ErrUnreachable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, answer(200, tt.answer), authclient.Config{})
			s := client.LoginState(authclient.Credentials{AccessToken: "a.b.c"}, time.Now().Add(time.Hour), nil)
			got, err := s.Authorize(t.Context(), authclient.AuthorizeRequest{ResponseType: "code"})
			if tt.want != nil {
				refusal(t, err, tt.want)
			} else if err != nil || got.Code != tt.code {
				t.Errorf("got %+v, %v", got, err)
			}
			if _, err = client.DeviceAuthorize(t.Context(), ""); err == nil {
				t.Error("another call takes the answer too")
			}
		})
	}
}
