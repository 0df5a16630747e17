package authclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// TCB voids a refresh token when it is used: of a crowd that finds the access
// token expired, one may use it, and the others must wait for what it gets.
func TestConcurrentRefresh(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	creds := f.demo()
	var told atomic.Int64
	s := f.LoginState(*creds, f.clock.now().Add(2*time.Hour), func(what authclient.StateChange, _ authclient.Credentials) {
		if what == authclient.SignedIn {
			told.Add(1)
		}
	})
	for round := range 3 {
		f.clock.advance(2 * time.Hour)
		got := make([]string, 100)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range got {
			wg.Go(func() {
				<-start
				token, err := s.GetAccessToken(t.Context())
				if err != nil {
					t.Error(err)
				}
				got[i] = token
			})
		}
		close(start)
		wg.Wait()
		for _, token := range got {
			if token == "" || token != got[0] || token == creds.AccessToken {
				t.Fatal("the callers got different tokens, or an old one")
			}
		}
		if n := f.seen.count("POST /auth/v1/token"); n != round+1 || told.Load() != int64(n) {
			t.Fatalf("%d refreshes, told of %d; want %d", n, told.Load(), round+1)
		}
	}
}

// refreshes is a transport for /v1/token whose answers wait for release. Its
// tokens are "access-1", "access-2", …
type refreshes struct {
	release chan struct{}
	asked   atomic.Int64
}

func (r *refreshes) client(t *testing.T) *authclient.Client {
	t.Helper()
	return newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(req *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(req.URL.Path, "/v1/token") {
			return response(200, `{}`), nil
		}
		n := r.asked.Add(1)
		select {
		case <-r.release:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
		return response(200, fmt.Sprintf(`{"access_token":"access-%d","refresh_token":"refresh-%d","expires_in":7200,"sub":"1"}`, n, n)), nil
	})}})
}

// All hundred wait at the same moment for the one refresh, which goes on
// although the caller that began it goes away.
func TestRefreshOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &refreshes{release: make(chan struct{})}
		var changes []change
		s := api.client(t).LoginState(authclient.Credentials{RefreshToken: "refresh-0"}, time.Now(), recorded(&changes))

		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.GetAccessToken(first)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, authclient.ErrUnreachable) {
				t.Errorf("who went away got error %v, want the context's", err)
			}
		})
		synctest.Wait()
		var served atomic.Int64
		for range 100 {
			wg.Go(func() {
				if token, err := s.GetAccessToken(t.Context()); err != nil || token != "access-1" {
					t.Errorf("got %q, %v; want access-1", token, err)
				}
				served.Add(1)
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		if served.Load() != 0 || api.asked.Load() != 1 {
			t.Errorf("%d callers served by %d refreshes before there was an answer", served.Load(), api.asked.Load())
		}
		close(api.release)
		wg.Wait()
		if api.asked.Load() != 1 || s.Credentials().RefreshToken != "refresh-1" {
			t.Errorf("%d refreshes, refresh token %q; want 1 and refresh-1", api.asked.Load(), s.Credentials().RefreshToken)
		}
		if diff := cmp.Diff([]change{{authclient.SignedIn, "", true}}, changes); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

// Even when nobody waits any more, the new refresh token is kept: the old one is void.
func TestRefreshThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &refreshes{release: make(chan struct{})}
		s := api.client(t).LoginState(authclient.Credentials{RefreshToken: "refresh-0"}, time.Now(), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.GetAccessToken(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the context's", err)
		}
		close(api.release)
		synctest.Wait()
		token, err := s.GetAccessToken(t.Context())
		if err != nil || token != "access-1" || api.asked.Load() != 1 {
			t.Errorf("got %q, %v after %d refreshes; want access-1 after 1", token, err, api.asked.Load())
		}
	})
}

// A refresh that hangs ends with the client's timeout and leaves the way free.
func TestRefreshHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &refreshes{release: make(chan struct{})}
		s := api.client(t).LoginState(authclient.Credentials{RefreshToken: "refresh-0"}, time.Now(), nil)
		start := time.Now()
		_, err := s.GetAccessToken(t.Context())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("got error %v after %v, want the deadline's after 10s", err, time.Since(start))
		}
		close(api.release)
		if token, err := s.GetAccessToken(t.Context()); err != nil || token != "access-2" {
			t.Errorf("got %q, %v; want access-2", token, err)
		}
	})
}

// Who keeps credentials by the callback must hear of a sign-out last, however
// slow it was to take the refreshed ones in.
func TestChangesAreToldInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := &refreshes{release: make(chan struct{})}
		close(api.release)
		slow := make(chan struct{})
		var mu sync.Mutex
		var told []authclient.StateChange
		s := api.client(t).LoginState(authclient.Credentials{RefreshToken: "refresh-0"}, time.Now(), func(what authclient.StateChange, _ authclient.Credentials) {
			if what == authclient.SignedIn {
				<-slow
			}
			mu.Lock()
			defer mu.Unlock()
			told = append(told, what)
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.GetAccessToken(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // the callback is at it
		wg.Go(func() {
			if _, err := s.SignOut(t.Context(), authclient.SignOutRequest{}); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		close(slow)
		wg.Wait()
		if diff := cmp.Diff([]authclient.StateChange{authclient.SignedIn, authclient.SignedOut}, told); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

// A server that keeps the refresh token leaves it out; it stays in use then.
func TestRefreshTokenKept(t *testing.T) {
	t.Parallel()
	client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		return response(200, `{"access_token":"new","expires_in":7200}`), nil
	})}})
	s := client.LoginState(authclient.Credentials{RefreshToken: "old"}, time.Time{}, nil)
	if _, err := s.GetAccessToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held := s.Credentials(); held.RefreshToken != "old" || held.AccessToken != "new" {
		t.Errorf("got refresh token %q and access token %q, want old and new", held.RefreshToken, held.AccessToken)
	}
}

// Many people use one login while it is refreshed, ended and read: for -race.
func TestLoginStateConcurrently(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.LoginState(*f.demo(), f.clock.now(), func(authclient.StateChange, authclient.Credentials) {})
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			var err error
			switch {
			case i == 20:
				_, err = s.SignOut(t.Context(), authclient.SignOutRequest{})
			case i%3 == 0:
				_, err = s.GetUserInfo(t.Context())
			case i%3 == 1:
				_, err = s.GetAccessToken(t.Context())
			default:
				_ = s.LoginScope() + s.String()
			}
			if err != nil && !errors.Is(err, authclient.ErrUnauthenticated) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.seen.count("POST /auth/v1/token"); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
	if held := s.Credentials(); held.AccessToken != "" {
		t.Error("tokens are held after the sign-out")
	}
}

// Calls that are cancelled, late, refused or broken off leave nothing running.
// Not parallel: it counts goroutines, and the tests that are have not begun.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		var calls atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			switch calls.Add(1) % 4 {
			case 0:
				hanging("")(w, r)
			case 1:
				hanging(`{"sub":`)(w, r)
			case 2:
				broken("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")(w, r)
			default:
				answer(400, `{"error":"invalid_grant"}`)(w, r)
			}
		}))
		defer server.Close()
		client := newClient(t, authclient.Config{
			Endpoint: server.URL, HTTPClient: server.Client(), Timeout: 50 * time.Millisecond, MaxInFlight: 8,
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for range 32 {
			s := client.LoginState(authclient.Credentials{RefreshToken: "r"}, time.Time{}, nil)
			wg.Go(func() {
				if _, err := s.GetUserInfo(ctx); err == nil {
					t.Error("no error")
				}
			})
		}
		wg.Wait()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for runtime.NumGoroutine() > before {
		if ctx.Err() != nil {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

// change is one call of a LoginState's callback.
type change struct {
	What   authclient.StateChange
	Scope  string
	Access bool // whether there is an access token
}

// recorded is a callback that keeps what it was told, for one goroutine at a time.
func recorded(into *[]change) func(authclient.StateChange, authclient.Credentials) {
	return func(what authclient.StateChange, creds authclient.Credentials) {
		*into = append(*into, change{what, creds.Scope, creds.AccessToken != ""})
	}
}

func TestLoginState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	var changes []change
	s := f.LoginState(*creds, f.clock.now().Add(7200*time.Second), recorded(&changes))
	if s.LoginScope() != "user" {
		t.Errorf("got scope %q, want user", s.LoginScope())
	}
	if diff := cmp.Diff(*creds, s.Credentials()); diff != "" {
		t.Error("the credentials are not those given")
	}

	f.clock.advance(7200*time.Second - 31*time.Second)
	token, err := s.GetAccessToken(ctx)
	if err != nil || token != creds.AccessToken || len(changes) > 0 {
		t.Fatalf("31 seconds before the end: %v, changes %v; want the same token", err, changes)
	}
	f.clock.advance(time.Second)
	token, err = s.GetAccessToken(ctx)
	if err != nil || token == creds.AccessToken {
		t.Fatalf("30 seconds before the end: %v; want a new token", err)
	}
	if held := s.Credentials(); held.AccessToken != token || held.RefreshToken == creds.RefreshToken {
		t.Error("the new tokens are not held")
	}
	info, err := s.GetUserInfo(ctx)
	if err != nil || info.Username != demoUsername {
		t.Errorf("got %+v, %v; want the demo person", info, err)
	}
	if n := f.seen.count("POST /auth/v1/token"); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
	if diff := cmp.Diff([]change{{authclient.SignedIn, "user", true}}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestLoginStateSignOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		in       authclient.SignOutRequest
		path     string
		redirect string
	}{
		{"without parameters", authclient.SignOutRequest{}, "POST /auth/v1/revoke", ""},
		{"with parameters", authclient.SignOutRequest{RedirectURI: "https://app.example/"}, "POST /auth/v1/user/signout", "https://app.example/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx := t.Context()
			creds := f.demo()
			var changes []change
			s := f.LoginState(*creds, f.clock.now().Add(2*time.Hour), recorded(&changes))

			path := strings.TrimPrefix(tt.path, "POST ")
			f.settings(fmt.Sprintf(`{"faults":[{"path":%q,"error":"unavailable","times":1}]}`, path))
			_, err := s.SignOut(ctx, tt.in)
			refusal(t, err, authclient.ErrUnavailable)
			if s.Credentials().AccessToken == "" || len(changes) > 0 {
				t.Error("a failed sign-out dropped the login")
			}

			out, err := s.SignOut(ctx, tt.in)
			if err != nil || out.RedirectURI != tt.redirect {
				t.Fatalf("got %v, %v; want %q", out, err, tt.redirect)
			}
			if n := f.seen.count(tt.path); n != 2 {
				t.Errorf("%d calls of %s, want 2", n, tt.path)
			}
			if got := s.Credentials(); got.AccessToken != "" || got.RefreshToken != "" {
				t.Error("tokens are held after the sign-out")
			}
			_, err = s.GetAccessToken(ctx)
			refusal(t, err, authclient.ErrUnauthenticated)
			_, err = f.AsUser(creds.AccessToken).GetUserInfo(ctx)
			refusal(t, err, authclient.ErrUnauthenticated)
			if _, err := s.SignOut(ctx, tt.in); err != nil {
				t.Errorf("signing out again: %v", err)
			}
			if diff := cmp.Diff([]change{{authclient.SignedOut, "", false}}, changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// A login that TCB ended is dropped, once, whichever call finds out.
func TestLoginStateEndedElsewhere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		expired bool
		call    func(context.Context, *authclient.LoginState) error
		want    error
		changes []change
	}{
		{"a call", false, func(ctx context.Context, s *authclient.LoginState) error {
			_, err := s.GetUserInfo(ctx)
			return err
		}, authclient.ErrUnauthenticated, []change{{authclient.CredentialsError, "", false}}},
		{"a refresh", true, func(ctx context.Context, s *authclient.LoginState) error {
			_, err := s.GetAccessToken(ctx)
			return err
		}, authclient.ErrUnauthenticated, []change{{authclient.CredentialsError, "", false}}},
		{"a sign-out", false, func(ctx context.Context, s *authclient.LoginState) error {
			_, err := s.SignOut(ctx, authclient.SignOutRequest{State: "s"})
			return err
		}, nil, []change{{authclient.SignedOut, "", false}}},
		{"a late sign-out", true, func(ctx context.Context, s *authclient.LoginState) error {
			_, err := s.SignOut(ctx, authclient.SignOutRequest{})
			return err
		}, nil, []change{{authclient.CredentialsError, "", false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			creds := f.demo()
			var changes []change
			s := f.LoginState(*creds, f.clock.now().Add(2*time.Hour), recorded(&changes))
			if err := f.Revoke(t.Context(), creds.AccessToken); err != nil {
				t.Fatal(err)
			}
			if tt.expired {
				f.clock.advance(2 * time.Hour)
			}
			if err := tt.call(t.Context(), s); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			_, err := s.GetUserInfo(t.Context())
			if e := refusal(t, err, authclient.ErrUnauthenticated); e.Remaining != -1 || e.Call.String() != "POST:/v1/token" {
				t.Errorf("got %d tries left of %s, want -1 of POST:/v1/token", e.Remaining, e.Call)
			}
			if diff := cmp.Diff(tt.changes, changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// An outage is no reason to lose a login.
func TestLoginStateOutage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	creds := f.demo()
	var changes []change
	s := f.LoginState(*creds, f.clock.now(), recorded(&changes))
	f.settings(`{"faults":[{"path":"/auth/v1/token","status":502,"body":"<html>Bad gateway</html>","times":1}]}`)
	_, err := s.GetAccessToken(t.Context())
	refusal(t, err, authclient.ErrUnreachable)
	if len(changes) > 0 || s.Credentials().RefreshToken != creds.RefreshToken {
		t.Errorf("changes %v, want none and the login kept", changes)
	}
	if _, err := s.GetAccessToken(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
