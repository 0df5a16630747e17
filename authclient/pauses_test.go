package authclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

func TestRetryPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			if len(at) < 3 {
				return response(503, `{"error":"unavailable"}`), nil
			}
			return response(200, userInfo), nil
		})}})
		if _, err := client.AsUser("token").GetUserInfo(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond}, at); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
	})
}

func TestCancelledPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			tries++
			return nil, io.ErrUnexpectedEOF
		})}})
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := client.AsUser("token").GetUserInfo(ctx)
		refusal(t, err, authclient.ErrUnreachable)
		if !errors.Is(err, context.DeadlineExceeded) || tries != 2 || time.Since(start) != 150*time.Millisecond {
			t.Errorf("got error %v after %d tries and %v; want the context's after 2 and 150ms", err, tries, time.Since(start))
		}
	})
}

// withinOf is a context that makes those that end before it.
type withinOf struct {
	context.Context
	asked int
}

func (w *withinOf) Within(d time.Duration) (context.Context, context.CancelFunc) {
	w.asked++
	return context.WithTimeout(w.Context, d)
}

// A call has the client's timeout, or less where its caller's time is up before.
func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}})
		less, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		more, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		own := &withinOf{Context: t.Context()}
		for _, tt := range []struct {
			ctx  context.Context
			want time.Duration
		}{{less, 3 * time.Second}, {more, 10 * time.Second}, {t.Context(), 10 * time.Second}, {own, 10 * time.Second}} {
			start := time.Now()
			_, err := client.AsUser("token").GetUserInfo(tt.ctx)
			refusal(t, err, authclient.ErrUnreachable)
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != tt.want {
				t.Errorf("got error %v after %v, want the deadline's after %v", err, took, tt.want)
			}
		}
		if own.asked != 1 {
			t.Errorf("the context was asked for another %d times, want once", own.asked)
		}
	})
}

// The timeout is of the whole call, waiting for a free slot included.
func TestTimeoutWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		release := make(chan struct{})
		client := newClient(t, authclient.Config{MaxInFlight: 1, HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			tries.Add(1)
			<-release // whatever the context says, as a bad transport does
			return nil, io.ErrUnexpectedEOF
		})}})
		var wg sync.WaitGroup
		call := func() {
			_, err := client.AsUser("token").GetUserInfo(t.Context())
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, authclient.ErrUnreachable) {
				t.Errorf("got error %v, want unreachable by the deadline", err)
			}
		}
		wg.Go(call)
		synctest.Wait()
		start := time.Now()
		call()
		if took := time.Since(start); took != 10*time.Second || tries.Load() != 1 {
			t.Errorf("waited %v, with %d tries; want 10s and the first call's one", took, tries.Load())
		}
		close(release)
		wg.Wait()
		if tries.Load() != 1 {
			t.Errorf("%d tries after the deadline, want none", tries.Load()-1)
		}
	})
}

// Nothing is sent for a caller who has gone, even by a transport that would.
func TestCancelledBeforehand(t *testing.T) {
	t.Parallel()
	client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return response(200, `{}`), nil
	})}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if err := client.Revoke(ctx, "x"); !errors.Is(err, context.Canceled) || !errors.Is(err, authclient.ErrUnreachable) {
			t.Fatalf("got error %v, want unreachable by the context", err)
		}
	}
}

func TestMaxInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most, all atomic.Int64
		release := make(chan struct{})
		client := newClient(t, authclient.Config{MaxInFlight: 3, HTTPClient: &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			all.Add(1)
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-release
			return response(200, `{}`), nil
		})}})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := client.Revoke(t.Context(), "x"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := now.Load(); n != 3 {
			t.Errorf("%d calls in flight, want 3", n)
		}
		// Who gives up waiting has sent nothing.
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if err := client.Revoke(ctx, "x"); !errors.Is(err, context.Canceled) || !errors.Is(err, authclient.ErrUnreachable) {
				t.Errorf("got error %v, want unreachable by the context", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		wg.Wait()
		if most.Load() > 3 || all.Load() != 10 {
			t.Errorf("%d calls, up to %d at once; want 10 and 3", all.Load(), most.Load())
		}
	})
}

// TestRetryAfter: how long to wait is read of whoever says it, and who is told to wait is not asked again at once.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const page = "<html>Too many requests</html>"
	now := newClock().now
	tests := []struct {
		name, header, body string
		status             int
		want               error
		wait               time.Duration
		tries              int // of a GET
	}{
		{"a gateway's limit", "12", page, 429, authclient.ErrResourceExhausted, 12 * time.Second, 1},
		{"a limit in JSON", "12", `{"detail":"slow down"}`, 429, authclient.ErrResourceExhausted, 12 * time.Second, 1},
		{"an empty limit", "", "", 429, authclient.ErrResourceExhausted, 0, 1},
		{"TCB's own code", "12", `{"error":"aborted"}`, 429, authclient.ErrAborted, 12 * time.Second, 1},
		{"a time", "Sun, 22 Nov 2026 12:01:30 GMT", page, 429, authclient.ErrResourceExhausted, 90 * time.Second, 1},
		{"a time of TCB's", "Sun, 22 Nov 2026 12:01:30 GMT", `{"error":"resource_exhausted"}`, 400, authclient.ErrResourceExhausted, 90 * time.Second, 1},
		{"a time that has passed", "Sun, 22 Nov 2026 11:00:00 GMT", page, 503, authclient.ErrUnreachable, 0, 3},
		{"a time far away", "Sun, 22 Nov 9999 11:00:00 GMT", page, 503, authclient.ErrUnreachable, 31 * 24 * time.Hour, 1},
		{"endless", "18446744073709551615", page, 503, authclient.ErrUnreachable, 31 * 24 * time.Hour, 1},
		{"down for long", "60", page, 503, authclient.ErrUnreachable, time.Minute, 1},
		{"down for long, says TCB", "60", `{"error":"unavailable"}`, 503, authclient.ErrUnavailable, time.Minute, 1},
		{"down for a moment", "0", page, 503, authclient.ErrUnreachable, 0, 3},
		{"nonsense", "-1.5", page, 503, authclient.ErrUnreachable, 0, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries++
				answer(tt.status, tt.body, "Retry-After", tt.header)(w, r)
			}), authclient.Config{Now: now})
			_, err := client.AsUser("token").GetUserInfo(t.Context())
			if e := refusal(t, err, tt.want); e.RetryAfter != tt.wait || e.Status != tt.status || tries != tt.tries {
				t.Errorf("got %v to wait with status %d after %d tries; want %v, %d, %d", e.RetryAfter, e.Status, tries, tt.wait, tt.status, tt.tries)
			}
		})
	}
}
