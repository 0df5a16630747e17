package authclient_test

import (
	"testing"
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
	// TCB has nothing to judge then: it does not say that a login is over.
	_, err := f.RefreshToken(t.Context(), "")
	refusal(t, err, authclient.ErrInvalidRequest)
}
