package authclient_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// Without a refresh token a login ends with its access token, and TCB is not asked for another one.
func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	creds := f.demo()
	creds.RefreshToken = ""
	var changes []change
	s := f.LoginState(*creds, f.clock.now().Add(time.Hour), recorded(&changes))
	if _, err := s.GetAccessToken(t.Context()); err != nil || len(changes) > 0 {
		t.Fatalf("before its end: %v, changes %v", err, changes)
	}
	f.clock.advance(time.Hour)
	for range 2 {
		_, err := s.GetAccessToken(t.Context())
		refusal(t, err, authclient.ErrUnauthenticated)
	}
	if n := f.seen.count("POST /auth/v1/token"); n != 0 || s.HasLoginState() {
		t.Errorf("%d refreshes, there is a login: %t; want neither", n, s.HasLoginState())
	}
	if diff := cmp.Diff([]change{{authclient.CredentialsError, "", false}}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// What ends the login at TCB ends it here, by whichever way it is called.
func TestUserOfLoginStateEndsIt(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	calls := map[string]func(*authclient.User) error{
		"SignOut": func(u *authclient.User) error {
			_, err := u.SignOut(ctx, authclient.SignOutRequest{})
			return err
		},
		"SignOut with parameters": func(u *authclient.User) error {
			_, err := u.SignOut(ctx, authclient.SignOutRequest{State: "s"})
			return err
		},
		"DeleteMe": func(u *authclient.User) error {
			_, err := u.DeleteMe(ctx, "")
			return err
		},
		"RevokeAllDevices": func(u *authclient.User) error { return u.RevokeAllDevices(ctx) },
		"TransByProvider": func(u *authclient.User) error {
			creds, err := u.TransByProvider(ctx, "pt")
			if err == nil && creds.AccessToken != "a.b.c" {
				t.Error("the other account's credentials are lost")
			}
			return err
		},
	}
	for name, call := range calls {
		status := 400
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := credentials
			if status != 200 {
				body = `{"error":"permission_denied"}`
			}
			answer(status, body)(w, r)
		}), authclient.Config{})
		var changes []change
		s := client.LoginState(authclient.Credentials{AccessToken: "x"}, time.Now().Add(time.Hour), recorded(&changes))
		if err := call(s.User); err == nil || !s.HasLoginState() {
			t.Errorf("%s: refused with %v, there is a login: %t", name, err, s.HasLoginState())
		}
		status = 200
		if err := call(s.User); err != nil || s.HasLoginState() {
			t.Errorf("%s: %v, there is a login: %t", name, err, s.HasLoginState())
		}
		if diff := cmp.Diff([]change{{authclient.SignedOut, "", false}}, changes); diff != "" {
			t.Errorf("%s: changes (-want +got):\n%s", name, diff)
		}
	}
}

// A token that TCB refuses while it is being exchanged is an old one: that another call was too late with it
// says nothing of the login.
func TestRefusedWhileRefreshing(t *testing.T) {
	t.Parallel()
	for _, outcome := range []struct {
		answer  string
		fails   error
		changes []change
	}{
		{`{"access_token":"new","refresh_token":"r2","expires_in":7200}`, nil, []change{{authclient.SignedIn, "", true}}},
		{`{"error":"invalid_grant"}`, authclient.ErrUnauthenticated, []change{{authclient.CredentialsError, "", false}}},
		{`{"error":"internal"}`, authclient.ErrInternal, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			now := newClock()
			late, exchanged := make(chan struct{}), make(chan struct{})
			client := newClient(t, authclient.Config{Now: now.now, HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/v1/token") {
					<-exchanged
					return response(200, outcome.answer), nil
				}
				<-late
				return response(401, `{"error":"unauthenticated"}`), nil
			})}})
			var changes []change
			s := client.LoginState(authclient.Credentials{AccessToken: "old", RefreshToken: "r"}, now.now().Add(time.Hour), recorded(&changes))
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := s.GetUserInfo(t.Context())
				refusal(t, err, authclient.ErrUnauthenticated)
			})
			synctest.Wait() // it is on its way with the old token
			now.advance(time.Hour)
			wg.Go(func() {
				held, err := s.GetLoginState(t.Context())
				switch {
				case outcome.fails == nil && (err != nil || held == nil || held.AccessToken != "new"):
					t.Errorf("%s: got %v, %v", outcome.answer, held, err)
				case outcome.fails == authclient.ErrUnauthenticated && (err != nil || held != nil):
					t.Errorf("%s: got %v, %v; want neither", outcome.answer, held, err)
				case outcome.fails == authclient.ErrInternal:
					refusal(t, err, outcome.fails)
				}
			})
			synctest.Wait()
			close(late)
			synctest.Wait()
			if len(changes) > 0 || !s.HasLoginState() {
				t.Errorf("%s: the login ended before the refresh: %v", outcome.answer, changes)
			}
			close(exchanged)
			wg.Wait()
			if diff := cmp.Diff(outcome.changes, changes); diff != "" {
				t.Errorf("%s: changes (-want +got):\n%s", outcome.answer, diff)
			}
		})
	}
}

// TestGetLoginStateWhole: who asks while somebody signs out gets the login or nil, and never an empty one.
func TestGetLoginStateWhole(t *testing.T) {
	t.Parallel()
	client := serve(t, answer(200, `{}`), authclient.Config{})
	for range 50 {
		s := client.LoginState(authclient.Credentials{AccessToken: "a"}, time.Now().Add(time.Hour), nil)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.RevokeAllDevices(t.Context()); err != nil {
				t.Error(err)
			}
		})
		for s.HasLoginState() {
			if got, err := s.GetLoginState(t.Context()); err != nil || got != nil && got.AccessToken == "" {
				t.Fatalf("got %v, %v", got, err)
			}
		}
		wg.Wait()
	}
}
