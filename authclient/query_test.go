package authclient_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tcb-login/authclient"
)

func TestQueryUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := t.Context()
	demo, other := f.demo(), f.registeredByPhone(phone)
	s := f.state(demo)
	demoProfile := authclient.SimpleUserProfile{Sub: demo.Sub, Name: "Demo", Email: demoEmail}
	otherProfile := authclient.SimpleUserProfile{Sub: other.Sub, PhoneNumber: phone}
	tests := []struct {
		name string
		in   authclient.QueryUserRequest
		want []authclient.SimpleUserProfile
	}{
		{"ids", authclient.QueryUserRequest{IDs: []string{demo.Sub, other.Sub, "nobody"}}, []authclient.SimpleUserProfile{demoProfile, otherProfile}},
		{"username", authclient.QueryUserRequest{Username: demoUsername}, []authclient.SimpleUserProfile{demoProfile}},
		{"address", authclient.QueryUserRequest{Email: demoEmail}, []authclient.SimpleUserProfile{demoProfile}},
		{"number", authclient.QueryUserRequest{PhoneNumber: phone}, []authclient.SimpleUserProfile{otherProfile}},
		{"bare number", authclient.QueryUserRequest{PhoneNumber: "13800000009"}, []authclient.SimpleUserProfile{otherProfile}},
		{"nobody", authclient.QueryUserRequest{Username: "nobody"}, nil},
	}
	sorted := cmpopts.SortSlices(func(a, b authclient.SimpleUserProfile) bool { return a.Sub < b.Sub })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.QueryUser(ctx, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Users, sorted, cmpopts.EquateEmpty()); diff != "" || got.Total != len(tt.want) {
				t.Errorf("total %d, users (-want +got):\n%s", got.Total, diff)
			}
		})
	}
	ids := strings.Split(strings.Repeat("nobody ", 51), " ")[:51]
	if got, err := s.QueryUser(ctx, authclient.QueryUserRequest{IDs: ids[:50]}); err != nil || got.Total != 0 {
		t.Errorf("fifty: %+v, %v", got, err)
	}
	for _, in := range []authclient.QueryUserRequest{{}, {IDs: ids}} {
		_, err := s.QueryUser(ctx, in)
		refusal(t, err, authclient.ErrInvalidArgument)
	}
	anonymous, err := f.SignInAnonymously(ctx, authclient.WithDeviceID("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	var key ticketKey
	f.control(http.MethodGet, "custom-login-key?env=demo-env", "", &key)
	f.SetCustomSignFunc(func(context.Context) (string, error) { return key.ticket("user-1", f.clock.now()) })
	custom, err := f.SignInWithCustomTicket(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, creds := range []*authclient.Credentials{anonymous, custom} {
		_, err := f.state(creds).QueryUser(ctx, authclient.QueryUserRequest{Username: demoUsername})
		refusal(t, err, authclient.ErrPermissionDenied)
	}
}

// The docs call total a string, TCB's samples a number.
func TestQueryUserTotal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		answer string
		want   int
		fails  bool
	}{
		{`{"total":2,"data":[]}`, 2, false},
		{`{"total":"2","data":[]}`, 2, false},
		{`{"data":[]}`, 0, false},
		{`{}`, 0, false},
		{`{"total":2,"data":[{"sub":"1"},{"sub":"2","picture":{}}]}`, 2, false},
		{`{"total":"two"}`, 0, true},
		{`{"total":1.5}`, 0, true},
		{`{"total":1,"data":[{"sub":1}]}`, 0, true},
		{`{"total":1,"data":{}}`, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.answer, func(t *testing.T) {
			t.Parallel()
			client := serve(t, answer(200, tt.answer), authclient.Config{})
			s := client.LoginState(authclient.Credentials{AccessToken: "a.b.c"}, time.Now().Add(time.Hour), nil)
			got, err := s.QueryUser(t.Context(), authclient.QueryUserRequest{Username: "u"})
			if tt.fails {
				refusal(t, err, authclient.ErrUnreachable)
			} else if err != nil || got.Total != tt.want {
				t.Errorf("got %+v, %v; want %d", got, err, tt.want)
			}
		})
	}
}
