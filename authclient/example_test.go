package authclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
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
	// wrong password, tries left: 4
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
	info, err := client.GetUserInfo(ctx, creds.AccessToken)
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
	picture, err := client.GetCaptchaData(ctx, "POST:/v1/signin")
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
