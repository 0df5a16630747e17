package authclient_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

const back = "https://app.example/back?a=1&b=%2F"

func TestGenProviderRedirectURI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	const state = "s +&=%/中"
	tests := []struct {
		provider, path string
		query          map[string]string
	}{
		{"demo", "/demo-idp/demo-env/demo/authorize", map[string]string{"client_id": "demo-env", "scope": "openid profile"}},
		{authclient.ProviderWeChatOpen, "/demo-idp/demo-env/wx_open/connect/qrconnect", map[string]string{"scope": "snsapi_login"}},
		{authclient.ProviderWeChatOfficial, "/demo-idp/demo-env/wx_mp/connect/oauth2/authorize", map[string]string{"scope": "snsapi_userinfo"}},
	}
	for _, tt := range tests {
		t.Run(tt.provider, func(t *testing.T) {
			to, err := f.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
				ProviderID: tt.provider, ProviderRedirectURI: back, State: state, SignOutURI: "https://app.example/bye",
			})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(to.URI)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"redirect_uri": back, "state": state, "response_type": "code"}
			maps.Copy(want, tt.query)
			for name, value := range want {
				if got := u.Query().Get(name); u.Path != tt.path || got != value {
					t.Errorf("%s has %s %q, want %s and %q", u.Path, name, got, tt.path, value)
				}
			}
			if out := f.browse(to.SignoutURI, nil); out.location == nil || out.location.String() != "https://app.example/bye" {
				t.Errorf("the provider's sign-out leads to %v", out.location)
			}

			sent := f.consent(to.URI, "allow", "sub", "p-1", "name", "李雷", "picture", "https://example.com/l.png")
			if got := sent.Query(); sent.Host != "app.example" || got.Get("a") != "1" || got.Get("b") != "/" || got.Get("state") != state {
				t.Errorf("sent back to %s", sent)
			}
			granted, err := f.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
				ProviderID: tt.provider, ProviderRedirectURI: back, ProviderCode: sent.Query().Get("code"),
			})
			if err != nil {
				t.Fatal(err)
			}
			profile := authclient.ProviderProfile{ProviderID: tt.provider, Sub: "p-1", Name: "李雷", Picture: "https://example.com/l.png"}
			if tt.provider == "demo" {
				profile.Email = "demo.person@example.org"
			} else {
				profile.Meta.AppID, profile.Meta.OpenID = u.Query().Get("appid"), "p-1"
			}
			if diff := cmp.Diff(profile, granted.ProviderProfile); diff != "" || granted.ExpiresIn != 3600 {
				t.Errorf("%d seconds, profile (-want +got):\n%s", granted.ExpiresIn, diff)
			}
		})
	}

	for _, kind := range []string{"token", "id_token"} {
		t.Run(kind, func(t *testing.T) {
			to, err := f.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
				ProviderID: "demo", ProviderRedirectURI: back, State: state, Scope: "openid", ResponseType: kind,
			})
			if err != nil {
				t.Fatal(err)
			}
			given, err := url.ParseQuery(f.consent(to.URI, "allow", "sub", "p-2").EscapedFragment())
			if err != nil {
				t.Fatal(err)
			}
			granted, err := f.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
				ProviderID: "demo", ProviderAccessToken: given.Get("access_token"), ProviderIDToken: given.Get("id_token"),
			})
			if err != nil || granted.ProviderProfile.Sub != "p-2" {
				t.Errorf("got %+v, %v", granted, err)
			}
		})
	}

	f.settings(`{"providers":{"wx_mp":{"On":false}}}`)
	refused := []struct {
		name string
		in   authclient.GenProviderRedirectURIRequest
		want error
	}{
		{"unknown", authclient.GenProviderRedirectURIRequest{ProviderID: "none", ProviderRedirectURI: back}, authclient.ErrProviderNotEnabled},
		{"switched off", authclient.GenProviderRedirectURIRequest{ProviderID: "wx_mp", ProviderRedirectURI: back}, authclient.ErrProviderNotEnabled},
		{"nowhere to go", authclient.GenProviderRedirectURIRequest{ProviderID: "demo"}, authclient.ErrInvalidArgument},
		{"a script", authclient.GenProviderRedirectURIRequest{ProviderID: "demo", ProviderRedirectURI: "javascript:alert(1)"}, authclient.ErrInvalidArgument},
		{"response type", authclient.GenProviderRedirectURIRequest{ProviderID: "demo", ProviderRedirectURI: back, ResponseType: "x"}, authclient.ErrUnsupportedResponseType},
	}
	for _, tt := range refused {
		_, err := f.GenProviderRedirectURI(ctx, tt.in)
		if e := refusal(t, err, tt.want); e.Op != "GenProviderRedirectURI" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestGrantProviderTokenRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	to, err := f.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{ProviderID: "demo", ProviderRedirectURI: back, State: "s"})
	if err != nil {
		t.Fatal(err)
	}
	code := func(decision string) string { return f.consent(to.URI, decision).Query().Get("code") }
	spent, late := code("allow"), code("allow")
	if _, err := f.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{ProviderID: "demo", ProviderCode: spent}); err != nil {
		t.Fatal(err)
	}
	f.clock.advance(5 * time.Minute)
	tests := []struct {
		name string
		in   authclient.GrantProviderTokenRequest
		want error
	}{
		{"the provider fails", authclient.GrantProviderTokenRequest{ProviderID: "demo", ProviderCode: code("fail")}, authclient.ErrFailedPrecondition},
		{"spent", authclient.GrantProviderTokenRequest{ProviderID: "demo", ProviderCode: spent}, authclient.ErrFailedPrecondition},
		{"late", authclient.GrantProviderTokenRequest{ProviderID: "demo", ProviderCode: late}, authclient.ErrFailedPrecondition},
		{"made up", authclient.GrantProviderTokenRequest{ProviderID: "demo", ProviderCode: "x"}, authclient.ErrFailedPrecondition},
		{"of another provider", authclient.GrantProviderTokenRequest{ProviderID: "wx_open", ProviderCode: code("allow")}, authclient.ErrFailedPrecondition},
		{"for another address", authclient.GrantProviderTokenRequest{ProviderID: "demo", ProviderCode: code("allow"), ProviderRedirectURI: "https://other.example/"}, authclient.ErrFailedPrecondition},
		{"nothing", authclient.GrantProviderTokenRequest{ProviderID: "demo"}, authclient.ErrInvalidArgument},
		{"no such provider", authclient.GrantProviderTokenRequest{ProviderID: "none", ProviderCode: "x"}, authclient.ErrProviderNotEnabled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			granted, err := f.GrantProviderToken(ctx, tt.in)
			if refusal(t, err, tt.want); granted != nil {
				t.Errorf("got %+v", granted)
			}
		})
	}
	if denied := f.consent(to.URI, "deny").Query(); denied.Get("error") != "access_denied" || denied.Get("state") != "s" || denied.Has("code") {
		t.Errorf("who says no is sent back with %v", denied)
	}
}

func TestSignInWithProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()

	strict := authclient.SignInWithProviderRequest{ProviderToken: f.identity("p-1", "name", "Li"), ProviderID: "demo", ForceDisableSignUp: true}
	_, err := f.SignInWithProvider(ctx, strict)
	if e := refusal(t, err, authclient.ErrNotFound); e.Op != "SignInWithProvider" || e.Status != http.StatusNotFound {
		t.Errorf("got %v", e)
	}
	strict.ForceDisableSignUp = false // the token is still good
	signedUp, err := f.SignInWithProvider(ctx, strict)
	if err != nil {
		t.Fatal(err)
	}
	info := f.info(signedUp)
	want := []authclient.ProfileProvider{{ID: "demo", ProviderUserID: "p-1", Name: "Li"}}
	if diff := cmp.Diff(want, info.Providers); diff != "" || info.Name != "Li" || info.HasPassword {
		t.Errorf("signed up as %+v, providers (-want +got):\n%s", info, diff)
	}
	_, err = f.SignInWithProvider(ctx, strict)
	refusal(t, err, authclient.ErrPermissionDenied) // used up

	f.settings(`{"providers":{"demo":{"AutoSignUpWithProviderUser":false}}}`)
	again, err := f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{
		ProviderToken: f.identity("p-1", "name", "Lili"), ForceDisableSignUp: true, SyncProfile: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if again.Sub != signedUp.Sub || f.info(again).Name != "Lili" {
		t.Errorf("signed in as %s with name %q, want %s and the provider's", again.Sub, f.info(again).Name, signedUp.Sub)
	}
	_, err = f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: f.identity("p-2")})
	refusal(t, err, authclient.ErrNotFound)

	// An address that the provider vouches for leads to its account.
	if known := f.through("p-3", "email", demoEmail); known.Sub != f.demo().Sub {
		t.Error("the demo person's address does not sign in the demo person")
	}
	f.setStatus(signedUp.Sub, "BLOCKED")
	_, err = f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: f.identity("p-1")})
	refusal(t, err, authclient.ErrUserBlocked)
	late := f.identity("p-1")
	f.clock.advance(time.Hour)
	_, err = f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: late})
	refusal(t, err, authclient.ErrPermissionDenied)
	_, err = f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: f.identity("p-1"), ProviderID: "wx_open"})
	refusal(t, err, authclient.ErrInvalidArgument)
}

// An identity can go into a new account, with an address or alone.
func TestSignUpWithProviderToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	withAddress, err := f.SignUp(ctx, authclient.SignUpRequest{
		Email: "a@b.cn", VerificationToken: f.verified("a@b.cn"), ProviderToken: f.identity("p-1", "name", "Li"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if info := f.info(withAddress); info.Email != "a@b.cn" || info.Name != "Li" || len(info.Providers) != 1 {
		t.Errorf("signed up as %+v", info)
	}
	if f.through("p-1").Sub != withAddress.Sub {
		t.Error("the identity does not lead to the new account")
	}
	_, err = f.SignUp(ctx, authclient.SignUpRequest{Email: "c@b.cn", VerificationToken: f.verified("c@b.cn"), ProviderToken: f.identity("p-1")})
	refusal(t, err, authclient.ErrFailedPrecondition)
	_, err = f.SignUp(ctx, authclient.SignUpRequest{ProviderToken: "made up"})
	refusal(t, err, authclient.ErrPermissionDenied)

	// An anonymous person keeps the account.
	anonymous, err := f.SignInAnonymously(ctx, authclient.WithDeviceID("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := f.SignUp(ctx, authclient.SignUpRequest{ProviderToken: f.identity("p-2"), AnonymousToken: anonymous.AccessToken})
	if err != nil {
		t.Fatal(err)
	}
	if alone.Sub != anonymous.Sub || alone.Scope == "anonymous" {
		t.Errorf("signed up as %s with scope %q, want %s", alone.Sub, alone.Scope, anonymous.Sub)
	}
	_, err = f.SignUp(ctx, authclient.SignUpRequest{ProviderToken: f.identity("p-3"), AnonymousToken: alone.AccessToken})
	refusal(t, err, authclient.ErrInvalidArgument)
}

func TestBindProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	s := f.state(f.demo())
	list := func() []authclient.BoundProvider {
		t.Helper()
		got, err := s.GetProviders(ctx, authclient.WithLocale("en-US"))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	free := []authclient.BoundProvider{
		{ID: "demo", Name: "Demo identity provider"}, {ID: "wx_mp", Name: "WeChat Official Account"}, {ID: "wx_open", Name: "WeChat Open Platform"},
	}
	if diff := cmp.Diff(free, list()); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	if err := s.BindWithProvider(ctx, f.identity("p-1", "name", "Li")); err != nil {
		t.Fatal(err)
	}
	bound := append([]authclient.BoundProvider{{
		ID: "demo", Name: "Demo identity provider", ProviderUserID: "p-1", ProviderUserName: "Li", Bind: true,
	}}, free[1:]...)
	if diff := cmp.Diff(bound, list()); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
	if err := s.BindWithProvider(ctx, f.identity("p-1")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	refusal(t, s.BindWithProvider(ctx, f.identity("p-2")), authclient.ErrFailedPrecondition) // one of each provider
	refusal(t, s.BindWithProvider(ctx, "made up"), authclient.ErrPermissionDenied)
	if f.through("p-1").Sub != s.Credentials().Sub {
		t.Error("the bound identity does not sign in")
	}

	if err := s.UnbindProvider(ctx, "demo"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(free, list()); diff != "" {
		t.Errorf("unbound (-want +got):\n%s", diff)
	}
	refusal(t, s.UnbindProvider(ctx, "demo"), authclient.ErrNotFound)
	refusal(t, s.UnbindProvider(ctx, "../me"), authclient.ErrNotFound) // no other address than its own
	if _, err := s.GetUserInfo(ctx); err != nil {
		t.Error(err)
	}
	lastWay := f.state(f.through("p-3"))
	refusal(t, lastWay.UnbindProvider(ctx, "demo"), authclient.ErrFailedPrecondition)
}

// transToken is the provider_trans_token in a refusal to bind.
func transToken(t *testing.T, err error) string {
	t.Helper()
	e := refusal(t, err, authclient.ErrAlreadyExists)
	if len(e.Details) != 1 {
		t.Fatalf("got details %s, want one", e.Details)
	}
	var detail struct {
		Token string `json:"provider_trans_token"`
	}
	if err := json.Unmarshal(e.Details[0], &detail); err != nil {
		t.Fatal(err)
	}
	return detail.Token
}

func TestChangeBoundProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	other := f.through("p-1") // who has nothing else
	s := f.state(f.demo())
	token := transToken(t, s.BindWithProvider(ctx, f.identity("p-1")))
	_, err := s.ChangeBoundProvider(ctx, "wx_open", token)
	refusal(t, err, authclient.ErrInvalidArgument)
	client, err := s.ChangeBoundProvider(ctx, "demo", token)
	if err != nil || client != "demo-env" {
		t.Fatalf("got client %q, %v; want demo-env", client, err)
	}
	if f.through("p-1").Sub != s.Credentials().Sub {
		t.Error("the identity did not move")
	}
	_, err = f.AsUser(other.AccessToken).GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated) // nobody could have come back
	_, err = s.ChangeBoundProvider(ctx, "demo", token)
	refusal(t, err, authclient.ErrPermissionDenied) // used up
}

func TestTransByProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	owner := f.through("p-1")
	s := f.state(f.demo())
	creds, err := s.TransByProvider(ctx, f.identity("p-1"))
	if err != nil {
		t.Fatal(err)
	}
	if creds.Sub != owner.Sub || f.info(creds).Sub != owner.Sub {
		t.Errorf("went over to %s, want %s", creds.Sub, owner.Sub)
	}
	_, err = s.GetUserInfo(ctx)
	refusal(t, err, authclient.ErrUnauthenticated) // the login before is over
	_, err = f.state(creds).TransByProvider(ctx, "made up")
	refusal(t, err, authclient.ErrPermissionDenied)
}

func TestMiniProgram(t *testing.T) {
	t.Parallel()
	const app = "wx0123456789abcdef"
	type request = authclient.MiniProgramRequest
	tests := []struct {
		name    string
		signIn  func(*authclient.Client, context.Context, request, ...authclient.CallOption) (*authclient.Credentials, error)
		in, bad request
		user    string // at WeChat
		phone   string
	}{
		{"SignInWithOpenID", (*authclient.Client).SignInWithOpenID,
			request{AppID: app, Code: "openid:o-1"}, request{AppID: app, Code: "x"}, "o-1", ""},
		{"SignInWithUnionID", (*authclient.Client).SignInWithUnionID,
			request{AppID: app, Code: "unionid:u-1"}, request{AppID: app, Code: "openid:o-1"}, "u-1", ""},
		{"SignInWithPhoneAuth", (*authclient.Client).SignInWithPhoneAuth,
			request{AppID: app, Code: "openid:o-2", PhoneCode: "phone:13800000002"}, request{AppID: app, Code: "openid:o-2", PhoneCode: "x"}, "o-2", "+86 13800000002"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx := t.Context()
			signedUp, err := tt.signIn(f.Client, ctx, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			info := f.info(signedUp)
			if len(info.Providers) != 1 || info.Providers[0].ID != app || info.Providers[0].ProviderUserID != tt.user || info.PhoneNumber != tt.phone {
				t.Errorf("signed up as %+v", info)
			}
			again, err := tt.signIn(f.Client, ctx, tt.in)
			if err != nil || again.Sub != signedUp.Sub {
				t.Errorf("signed up as %s, in as %v, %v", signedUp.Sub, again, err)
			}
			_, err = tt.signIn(f.Client, ctx, tt.bad)
			if e := refusal(t, err, authclient.ErrFailedPrecondition); e.Op != "GrantProviderToken" {
				t.Errorf("a bad code fails %s", e.Op)
			}
			if n := f.seen.count("POST /auth/v1/signin/with/provider"); n != 2 {
				t.Errorf("%d sign-ins, want 2", n)
			}
			f.settings(`{"providers":{"wx_micro_app":{"On":false}}}`)
			_, err = tt.signIn(f.Client, ctx, tt.in)
			refusal(t, err, authclient.ErrProviderNotEnabled)
		})
	}
}

func TestPatchProviderToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	const app = "wx0123456789abcdef"
	granted, err := f.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
		ProviderID: app, ProviderCode: "openid:o-1", ProviderParams: &authclient.ProviderParams{ProviderCodeType: "open_id", AppID: app},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := authclient.PatchProviderTokenRequest{ProviderToken: granted.ProviderToken, ProviderID: "demo"}
	_, err = f.PatchProviderToken(ctx, in)
	refusal(t, err, authclient.ErrInvalidArgument)
	in.ProviderID, in.ProviderParams = app, authclient.ProviderParams{EncryptedData: "???", IV: "iv"}
	_, err = f.PatchProviderToken(ctx, in)
	refusal(t, err, authclient.ErrFailedPrecondition)
	in.ProviderParams = authclient.ProviderParams{
		EncryptedData: base64.StdEncoding.EncodeToString([]byte(`{"nickName":"韩梅梅"}`)), IV: "iv",
		Code: "phone:13800000003", ProviderCodeType: "phone",
	}
	patched, err := f.PatchProviderToken(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	want := authclient.ProviderProfile{ProviderID: app, Sub: "o-1", Name: "韩梅梅", PhoneNumber: "+86 13800000003"}
	want.Meta.AppID, want.Meta.OpenID = app, "o-1"
	if diff := cmp.Diff(want, patched.ProviderProfile); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	_, err = f.PatchProviderToken(ctx, in)
	refusal(t, err, authclient.ErrPermissionDenied) // the token before is void
	creds, err := f.SignInWithProvider(ctx, authclient.SignInWithProviderRequest{ProviderToken: patched.ProviderToken})
	if err != nil {
		t.Fatal(err)
	}
	if info := f.info(creds); info.PhoneNumber != "+86 13800000003" || info.Name != "韩梅梅" {
		t.Errorf("signed up as %+v", info)
	}
}
