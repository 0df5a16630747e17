package authclient

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
)

// A CallDone is one call that has ended, with all its tries, for counting.
type CallDone struct {
	Op   string        // the method of this package, as "SignIn"
	Code string        // Error.Code; empty where TCB did what it was asked
	Took time.Duration // with all tries and pauses
}

// unsent is what an error of an http.RoundTripper can have besides: the request never left, and
// another is worth a try so much later. Such a call is not repeated at once.
type unsent interface {
	error
	RetryAfter() time.Duration
}

func (e *Error) noteUnsent() {
	var held unsent
	if errors.As(e.cause, &held) {
		e.NotSent, e.RetryAfter = true, held.RetryAfter()
	}
}

// A Trace is the request of a caller's own that calls are made for, so that both can be found in
// TCB's logs by the names that they have in the caller's.
type Trace struct {
	RequestID string // X-Request-Id begins with it; each call has an ending of its own
	TraceID   string // of W3C Trace Context: 32 hexadecimal digits; empty: no traceparent
	Sampled   bool   // of traceparent: the caller records it
}

type traceKey struct{}

// WithTrace is a context whose calls carry t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// tryNames are the X-Request-Id and the traceparent of one try.
type tryNames struct{ requestID, traceparent string }

// namesOf makes them for a try. Where there is no trace, the traceparent is empty.
func namesOf(ctx context.Context) (n tryNames) {
	var b [16]byte
	rand.Read(b[:])
	t, _ := ctx.Value(traceKey{}).(*Trace)
	if t == nil || t.RequestID == "" {
		n.requestID = hex.EncodeToString(b[:])
	} else {
		n.requestID = t.RequestID + "-" + hex.EncodeToString(b[:4])
	}
	if t != nil && t.TraceID != "" {
		// https://www.w3.org/TR/trace-context/#traceparent-header: each call is a span of its own.
		flags := "-00"
		if t.Sampled {
			flags = "-01"
		}
		n.traceparent = "00-" + t.TraceID + "-" + hex.EncodeToString(b[8:]) + flags
	}
	return n
}
