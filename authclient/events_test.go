package authclient_test

import (
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

func TestLoginGroups(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.demo()
	f.control(http.MethodPut, "users/"+first.Sub, `{"groups":["editor","admin"]}`, &struct{}{})
	creds := f.demo()
	s := f.state(creds)
	for _, group := range []string{"editor", "admin"} {
		if !slices.Contains(s.LoginGroups(), group) {
			t.Errorf("got groups %v, want %s among them", s.LoginGroups(), group)
		}
	}
	ids := []string{}
	for _, g := range f.info(creds).Groups {
		ids = append(ids, g.ID)
	}
	if diff := cmp.Diff(s.LoginGroups(), ids); diff != "" {
		t.Errorf("groups of the profile (-of the login +got):\n%s", diff)
	}
	s.LoginGroups()[0] = "changed"
	if slices.Contains(s.LoginGroups(), "changed") {
		t.Error("a caller can change the groups")
	}
}

func TestLoginStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	creds := f.demo()
	s := f.state(creds)
	got, err := s.GetLoginState(ctx)
	if err != nil || !s.HasLoginState() {
		t.Fatalf("there is no login: %v", err)
	}
	if diff := cmp.Diff(creds, got); diff != "" {
		t.Error("other credentials than those given")
	}
	f.clock.advance(2 * time.Hour)
	if got, err = s.GetLoginState(ctx); err != nil || got.AccessToken == creds.AccessToken || got.AccessToken == "" {
		t.Errorf("after the token's end: %v, %v; want new credentials", got, err)
	}
	f.clock.advance(2 * time.Hour)
	f.settings(`{"faults":[{"path":"/auth/v1/token","error":"unavailable","times":1}]}`)
	_, err = s.GetLoginState(ctx)
	refusal(t, err, authclient.ErrUnavailable)
	if !s.HasLoginState() {
		t.Error("an outage ended the login")
	}
	if err := f.Revoke(ctx, s.Credentials().RefreshToken); err != nil {
		t.Fatal(err)
	}
	if got, err := s.GetLoginState(ctx); got != nil || err != nil || s.HasLoginState() {
		t.Errorf("when it is over: %v, %v; want neither", got, err)
	}
}

func TestOnLoginStateChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	var told []string
	listener := func(name string) func(authclient.StateChange, authclient.Credentials) {
		return func(what authclient.StateChange, _ authclient.Credentials) {
			told = append(told, name+" "+string(what))
		}
	}
	s := f.LoginState(*f.demo(), f.clock.now(), listener("first"))
	s.OnLoginStateChanged(listener("second"))
	if _, err := s.GetAccessToken(ctx); err != nil {
		t.Fatal(err)
	}
	s.OnLoginStateChanged(listener("third"))
	if _, err := s.SignOut(ctx, authclient.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"first sign_in", "second sign_in", "first sign_out", "second sign_out", "third sign_out"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// Listeners may come while others are being told: this one holds the telling up
// until one more has come. For the race detector.
func TestOnLoginStateChangedConcurrently(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var added, told atomic.Int64
	s := f.LoginState(*f.demo(), f.clock.now(), func(authclient.StateChange, authclient.Credentials) {
		for n := added.Load(); added.Load() < n+2; {
			runtime.Gosched()
		}
		told.Add(1)
	})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.OnLoginStateChanged(func(authclient.StateChange, authclient.Credentials) {})
				added.Add(1)
				runtime.Gosched()
			}
		}
	})
	for range 3 {
		if _, err := s.GetAccessToken(t.Context()); err != nil {
			t.Error(err)
		}
		f.clock.advance(2 * time.Hour)
	}
	close(stop)
	wg.Wait()
	if told.Load() != 3 {
		t.Errorf("told %d times, want 3", told.Load())
	}
}
