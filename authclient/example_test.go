package authclient_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"time"

	"tcb-login/authclient"
)

// exampleAPI is an emulator for one example, which stands in for TCB.
func exampleAPI() (server *httptest.Server, stop func()) {
	dir, err := os.MkdirTemp("", "authclient-")
	if err != nil {
		log.Fatal(err)
	}
	server, closeAPI, err := startEmulator(dir, time.Now, func(api http.Handler) http.Handler { return api })
	if err != nil {
		log.Fatal(err)
	}
	return server, func() {
		if err := errors.Join(closeAPI(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleClient_SignIn() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.SignIn(ctx, authclient.SignInRequest{Username: "demo", Password: "a guess"})
	var refused *authclient.Error
	if errors.Is(err, authclient.ErrInvalidPassword) && errors.As(err, &refused) {
		fmt.Println("wrong password, tries left:", refused.Remaining)
	}
	creds, err := client.SignIn(ctx, authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(creds.TokenType, creds.ExpiresIn)
	// Output:
	// wrong password, tries left: 9
	// Bearer 7200
}

// A code by text message signs in who has an account and signs up who has none.
func ExampleClient_SignInWithSms() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	sent, err := client.GetVerification(ctx, authclient.GetVerificationRequest{
		PhoneNumber: "+86 13800000000",
		Usage:       "SIGN_IN",
	}, authclient.WithLocale("en-US"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("has an account:", sent.IsUser)

	message, err := lastMessage(api, "+86 13800000000") // what the person reads
	if err != nil {
		log.Fatal(err)
	}
	creds, err := client.SignInWithSms(ctx, authclient.SignInWithSmsRequest{
		Verification:     *sent,
		VerificationCode: message.Code,
		PhoneNumber:      "+86 13800000000",
	})
	if err != nil {
		log.Fatal(err)
	}
	info, err := client.AsUser(creds.AccessToken).GetUserInfo(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.PhoneNumber)
	// Output:
	// has an account: false
	// +86 13800000000
}

// A login that refreshes itself and tells whoever stores it.
func ExampleLoginState() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	creds, err := client.SignIn(ctx, authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"})
	if err != nil {
		log.Fatal(err)
	}
	expired := time.Now() // as if it had been stored two hours ago
	login := client.LoginState(*creds, expired, func(change authclient.StateChange, now authclient.Credentials) {
		fmt.Println("store:", change, "with a token:", now.AccessToken != "")
	})
	info, err := login.GetUserInfo(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Name)
	if _, err := login.SignOut(ctx, authclient.SignOutRequest{}); err != nil {
		log.Fatal(err)
	}
	_, err = login.GetAccessToken(ctx)
	fmt.Println(errors.Is(err, authclient.ErrUnauthenticated))
	// Output:
	// store: sign_in with a token: true
	// Demo
	// store: sign_out with a token: false
	// true
}

// A call that needs a captcha is made again with the token that a picture earned.
func ExampleWithCaptchaToken() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()
	if err := control(api, http.MethodPut, "settings", `{"captcha":"always"}`, &struct{}{}); err != nil {
		log.Fatal(err)
	}

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	in := authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"}
	if _, err = client.SignIn(ctx, in); !errors.Is(err, authclient.ErrCaptchaRequired) {
		log.Fatal(err)
	}
	picture, err := client.GetCaptchaData(ctx, authclient.CallSignIn)
	if err != nil {
		log.Fatal(err)
	}
	var read struct{ Key string } // what the person reads in picture.Data
	if err := control(api, http.MethodGet, "captcha/"+picture.Token, "", &read); err != nil {
		log.Fatal(err)
	}
	solved, err := client.VerifyCaptchaData(ctx, picture.Token, read.Key)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.SignIn(ctx, in, authclient.WithCaptchaToken(solved.CaptchaToken))
	fmt.Println("signed in:", err == nil)
	// Output: signed in: true
}

// CaptchaRetry makes a call with the rules of TCB's documents: the person solves a captcha where TCB
// asks for one, and one more where it does not take that.
func ExampleCaptchaRetry() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()
	if err := control(api, http.MethodPut, "settings", `{"captcha":"always"}`, &struct{}{}); err != nil {
		log.Fatal(err)
	}
	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	retry := authclient.CaptchaRetry{Solve: func(ctx context.Context, blocked authclient.Call, _ bool) (string, error) {
		picture, err := client.GetCaptchaData(ctx, blocked)
		if err != nil {
			return "", err
		}
		var read struct{ Key string } // what the person reads in picture.Data
		if err := control(api, http.MethodGet, "captcha/"+picture.Token, "", &read); err != nil {
			return "", err
		}
		solved, err := client.VerifyCaptchaData(ctx, picture.Token, read.Key)
		if err != nil {
			return "", err
		}
		return solved.CaptchaToken, nil
	}}
	err = retry.Do(ctx, func(ctx context.Context, opts ...authclient.CallOption) error {
		_, err := client.SignIn(ctx, authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"}, opts...)
		return err
	})
	fmt.Println("signed in:", err == nil)
	// Output: signed in: true
}

// What an error's text leaves out, its fields have.
func ExampleError() {
	api, stop := exampleAPI()
	defer stop()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.SignIn(context.Background(), authclient.SignInRequest{Username: "nobody", Password: "x"},
		authclient.WithLocale("en-US"))
	fmt.Println("log: ", err)
	var refused *authclient.Error
	if errors.As(err, &refused) {
		fmt.Println("show:", refused.Description)
	}
	// Output:
	// log:  authclient: SignIn: not_found (5), status 404
	// show: User not found
}

// The app sends the browser to the login page of its own origin.
func ExampleClient_ToDefaultLoginPage() {
	client, err := authclient.New(authclient.Config{Env: "env-1a2b3c"})
	if err != nil {
		log.Fatal(err)
	}
	page, err := client.ToDefaultLoginPage(authclient.DefaultLoginPageRequest{
		RedirectURI: "https://app.example/orders?page=2",
		Query:       []authclient.Param{{Name: "lang", Value: "en"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page)
	// Output:
	// https://app.example/__auth/?app_id=&env_id=env-1a2b3c&client_id=env-1a2b3c&config_version=env&redirect_uri=https%3A%2F%2Fapp.example%2Forders%3Fpage%3D2&lang=en
}

// Signing in through an identity provider: to it, back with a code, and on with
// the provider_token that the code is good for.
func ExampleClient_SignInWithProvider() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	const redirect = "https://app.example/callback"
	to, err := client.GenProviderRedirectURI(ctx, authclient.GenProviderRedirectURIRequest{
		ProviderID: "demo", ProviderRedirectURI: redirect, State: "remember and compare",
	})
	if err != nil {
		log.Fatal(err)
	}
	back, err := allow(to.URI, url.Values{"sub": {"42"}, "name": {"Li Lei"}}) // what the person does there
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("state:", back.Get("state"))
	granted, err := client.GrantProviderToken(ctx, authclient.GrantProviderTokenRequest{
		ProviderID: "demo", ProviderRedirectURI: redirect, ProviderCode: back.Get("code"),
	})
	if err != nil {
		log.Fatal(err)
	}
	in := authclient.SignInWithProviderRequest{ProviderToken: granted.ProviderToken, ForceDisableSignUp: true}
	_, err = client.SignInWithProvider(ctx, in)
	fmt.Println("new here:", errors.Is(err, authclient.ErrNotFound))
	in.ForceDisableSignUp = false
	creds, err := client.SignInWithProvider(ctx, in)
	if err != nil {
		log.Fatal(err)
	}
	info, err := client.AsUser(creds.AccessToken).GetUserInfo(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("welcome:", info.Name)
	// Output:
	// state: remember and compare
	// new here: true
	// welcome: Li Lei
}

// allow says yes on a provider's page and returns what the app gets back.
func allow(page string, as url.Values) (url.Values, error) {
	as.Set("decision", "allow")
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(page, as)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return nil, err
	}
	return back.Query(), nil
}

// Changes to the account need a sudo_token besides the login.
func ExampleUser_Sudo() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	creds, err := client.SignIn(ctx, authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"})
	if err != nil {
		log.Fatal(err)
	}
	login := client.AsUser(creds.AccessToken)
	sudo, err := login.Sudo(ctx, authclient.SudoRequest{Password: "Demo-pass-1"})
	if err != nil {
		log.Fatal(err)
	}

	const number = "+86 13800000000" // to be bound; a code proves it
	sent, err := login.GetVerification(ctx, authclient.GetVerificationRequest{PhoneNumber: number})
	if err != nil {
		log.Fatal(err)
	}
	message, err := lastMessage(api, number)
	if err != nil {
		log.Fatal(err)
	}
	proof, err := client.Verify(ctx, authclient.VerifyRequest{VerificationID: sent.VerificationID, VerificationCode: message.Code})
	if err != nil {
		log.Fatal(err)
	}
	err = login.BindPhoneNumber(ctx, authclient.BindPhoneNumberRequest{
		PhoneNumber: number, SudoToken: sudo.SudoToken, VerificationToken: proof.VerificationToken,
	})
	fmt.Println("bound:", err == nil)

	_, err = login.Sudo(ctx, authclient.SudoRequest{Password: "Demo-pass-1"}) // from now on it takes a code
	fmt.Println("by password:", !errors.Is(err, authclient.ErrFailedPrecondition))
	// Output:
	// bound: true
	// by password: false
}

// An app gets a code for the person and trades it for a login of its own. Only
// who made the challenge can do that (PKCE).
func ExampleUser_Authorize() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	creds, err := client.SignIn(ctx, authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"})
	if err != nil {
		log.Fatal(err)
	}
	login := client.AsUser(creds.AccessToken)

	verifier := rand.Text() + rand.Text() // the app's secret, for this once
	challenge := sha256.Sum256([]byte(verifier))
	granted, err := login.Authorize(ctx, authclient.AuthorizeRequest{
		ClientID: "web-app", ResponseType: "code", RedirectURI: "https://app.example/", Scope: "profile",
		CodeChallenge: base64.RawURLEncoding.EncodeToString(challenge[:]), CodeChallengeMethod: "S256",
	})
	if err != nil {
		log.Fatal(err)
	}

	app, err := authclient.New(authclient.Config{Env: "demo-env", ClientID: "web-app", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	own, err := app.GrantToken(ctx, authclient.GrantTokenRequest{
		GrantType: "authorization_code", Code: granted.Code, RedirectURI: "https://app.example/", CodeVerifier: verifier,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same person:", own.Sub == creds.Sub)
	// Output: the same person: true
}

// A device without a keyboard shows a code; somebody who is signed in elsewhere
// says yes; the device asks from time to time.
func ExampleClient_DeviceAuthorize() {
	api, stop := exampleAPI()
	defer stop()
	ctx := context.Background()

	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: api.URL})
	if err != nil {
		log.Fatal(err)
	}
	device, err := client.DeviceAuthorize(ctx, "profile")
	if err != nil {
		log.Fatal(err)
	}
	ask := authclient.GrantTokenRequest{GrantType: "device_code", DeviceCode: device.DeviceCode}
	_, err = client.GrantToken(ctx, ask)
	fmt.Println("wait:", errors.Is(err, authclient.ErrAuthorizationPending))
	_, err = client.GrantToken(ctx, ask) // before device.Interval seconds were over
	fmt.Println("wait longer:", errors.Is(err, authclient.ErrSlowDown))
	// Output:
	// wait: true
	// wait longer: true
}

// A server of yours lets in who brings an access token of the app.
func ExampleClient_VerifyAccessToken() {
	tcb, stop := exampleAPI()
	defer stop()
	client, err := authclient.New(authclient.Config{Env: "demo-env", Endpoint: tcb.URL})
	if err != nil {
		log.Fatal(err)
	}
	requireLogin := func(next func(http.ResponseWriter, *http.Request, *authclient.Claims)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			claims, err := client.VerifyAccessToken(r.Context(), token)
			switch {
			case errors.Is(err, authclient.ErrUnauthenticated):
				http.Error(w, "sign in first", http.StatusUnauthorized)
			case err != nil:
				http.Error(w, "try again later", http.StatusServiceUnavailable)
			default:
				next(w, r, claims)
			}
		}
	}
	api := requireLogin(func(w http.ResponseWriter, _ *http.Request, claims *authclient.Claims) {
		fmt.Fprintln(w, "not only a guest:", !claims.Anonymous())
	})

	creds, err := client.SignIn(context.Background(), authclient.SignInRequest{Username: "demo", Password: "Demo-pass-1"})
	if err != nil {
		log.Fatal(err)
	}
	for _, token := range []string{creds.AccessToken, "made up"} {
		answer, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/me", http.NoBody)
		request.Header.Set("Authorization", "Bearer "+token)
		api(answer, request)
		fmt.Print(answer.Code, " ", answer.Body)
	}
	// Output:
	// 200 not only a guest: true
	// 401 sign in first
}
