package authclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tcb-login/authclient"
)

// held is the error of a transport that sends nothing.
type held struct{}

func (held) Error() string             { return "held back" }
func (held) RetryAfter() time.Duration { return 7 * time.Second }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestNotSent: what a transport holds back is not tried again, and says when it is worth it.
func TestNotSent(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	var done []authclient.CallDone
	client, err := authclient.New(authclient.Config{
		Env: "demo", Observe: func(d authclient.CallDone) { done = append(done, d) },
		HTTPClient: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			tries.Add(1)
			return nil, held{}
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.IsUsernameRegistered(t.Context(), "wang") // a GET
	var api *authclient.Error
	if !errors.As(err, &api) || !api.NotSent || api.RetryAfter != 7*time.Second || !errors.Is(err, authclient.ErrUnreachable) {
		t.Errorf("%#v", err)
	}
	if n := tries.Load(); n != 1 {
		t.Errorf("%d tries", n)
	}
	if len(done) != 1 || done[0].Op != "IsUsernameRegistered" || done[0].Code != "unreachable" {
		t.Errorf("observed %+v", done)
	}
}

// TestTrace: calls carry the names of the request that they are made for, each with an ending of its
// own, and none where there is none.
func TestTrace(t *testing.T) {
	t.Parallel()
	var got []http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Clone())
		_, _ = io.WriteString(w, `{"exist":true}`)
	}))
	defer srv.Close()
	var done []authclient.CallDone
	client, err := authclient.New(authclient.Config{Env: "demo", Endpoint: srv.URL, Observe: func(d authclient.CallDone) { done = append(done, d) }})
	if err != nil {
		t.Fatal(err)
	}
	trace := &authclient.Trace{RequestID: "abc", TraceID: strings.Repeat("4f", 16), Sampled: true}
	for _, ctx := range []context.Context{t.Context(), authclient.WithTrace(t.Context(), trace), authclient.WithTrace(t.Context(), trace)} {
		if _, err := client.IsUsernameRegistered(ctx, "wang"); err != nil {
			t.Fatal(err)
		}
	}
	if got[0].Get("Traceparent") != "" || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got[0].Get("X-Request-Id")) {
		t.Errorf("without a trace: %v", got[0])
	}
	for _, h := range got[1:] {
		if !regexp.MustCompile(`^00-(4f){16}-[0-9a-f]{16}-01$`).MatchString(h.Get("Traceparent")) || !regexp.MustCompile(`^abc-[0-9a-f]{8}$`).MatchString(h.Get("X-Request-Id")) {
			t.Errorf("with a trace: %v", h)
		}
	}
	if got[1].Get("X-Request-Id") == got[2].Get("X-Request-Id") || got[1].Get("Traceparent") == got[2].Get("Traceparent") {
		t.Error("two calls have one name")
	}
	if len(done) != 3 || done[0].Code != "" || done[0].Took <= 0 {
		t.Errorf("observed %+v", done)
	}
}
