package authclient

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

const (
	maxAnswer = 1 << 20 // bytes; TCB's largest answers are a few KiB
	maxTries  = 3       // of a GET, as in @cloudbase/oauth@3.3.3 src/oauth2client/oauth2client.ts, defaultRetry
)

// Call names a call of TCB's API. Error.Call tells which one an error came
// from, and GetCaptchaData takes it. Calls can be compared with ==.
type Call struct {
	Method string // of HTTP
	Path   string // below /auth, without the id that some paths go on with: a device_id is a secret
}

// String is the call as the SDK writes it, "POST:/v1/signin"
// (@cloudbase/oauth@3.3.3 src/captcha/captcha.ts, request).
func (c Call) String() string { return c.Method + ":" + c.Path }

// Calls that a program may want a captcha for before it makes them. Each has the
// name of its method.
var (
	CallSignUp                 = Call{"POST", "/v1/signup"}             // Client.SignUp
	CallSignIn                 = Call{"POST", "/v1/signin"}             // Client.SignIn
	CallSignInAnonymously      = Call{"POST", "/v1/signin/anonymously"} // Client.SignInAnonymously
	CallGetVerification        = Call{"POST", "/v1/verification"}       // Client.GetVerification, User.GetVerification
	CallGenProviderRedirectURI = Call{"GET", "/v1/provider/uri"}        // Client.GenProviderRedirectURI
	CallGetMiniProgramQRCode   = Call{"POST", "/v1/qrcode/generate"}    // Client.GetMiniProgramQRCode

	CallModifyPasswordWithoutLogin = Call{"POST", "/v2/signin/password/update"} // Client.ModifyPasswordWithoutLogin
)

// What two methods make alike.
var (
	callToken   = Call{"POST", "/v1/token"}         // Client.RefreshToken, Client.GrantToken
	callContact = Call{"PATCH", "/v1/user/contact"} // User.BindPhoneNumber, User.BindEmail
)

// request is one call with what it carries. The caller is identified by bearer
// when it is set, else by client_id in the query and, with a secret, Basic
// authorization, or without one the publishable key.
type request struct {
	op     string // the method of this package
	call   Call
	rest   string // of the path, after call.Path
	query  url.Values
	body   any
	bearer string
	basic  bool // Basic authorization without a secret too, where there is no publishable key either

	codeIsResult bool // a `code` in the answer is no error
	withPassword bool // it signs somebody in by one: see DemandOf
}

// failed is the error of a request that TCB did not refuse.
func (r request) failed(code string, cause error) *Error {
	return &Error{Op: r.op, Call: r.call, Code: code, Remaining: -1, cause: cause}
}

// local is the error of a request that cannot be written.
func (r request) local(cause error) *Error {
	e := r.failed("local", cause)
	e.NotSent = true
	return e
}

// caller makes requests as somebody: a Client as an app, a User as a person.
type caller interface {
	do(ctx context.Context, in request, out any, opts []CallOption) error
}

// call makes a request and decodes its answer into a T.
func call[T any](ctx context.Context, as caller, in request, opts []CallOption) (*T, error) {
	out := new(T)
	if err := as.do(ctx, in, out, opts); err != nil {
		return nil, err
	}
	return out, nil
}

// queryOf is a query of those fields that have a value.
func queryOf(fields map[string]string) url.Values {
	query := url.Values{}
	for name, value := range fields {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// do makes a request as the app and decodes the answer into out, which may be
// nil. Every error it returns is an *Error.
func (c *Client) do(ctx context.Context, in request, out any, opts []CallOption) error {
	began := c.now()
	err := c.tries(ctx, in, out, opts)
	if c.observe != nil {
		done := CallDone{Op: in.op, Took: c.now().Sub(began)}
		if err != nil {
			done.Code = err.Code
		}
		c.observe(done)
	}
	if err == nil {
		return nil // and not a nil *Error
	}
	return err
}

// tries makes a request until it went well, or another try is not worth it.
func (c *Client) tries(ctx context.Context, in request, out any, opts []CallOption) *Error {
	var o callOptions
	for _, opt := range opts {
		opt(&o)
	}
	var body []byte
	if in.body != nil {
		var err error
		if body, err = json.Marshal(in.body); err != nil {
			return in.local(errors.New("the request cannot be written as JSON"))
		}
	}
	ctx, cancel := within(ctx, c.timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // asked again: select does not say which of two came first
		return in.failed("unreachable", ctx.Err())
	}
	for try := 1; ; try++ {
		err := c.once(ctx, in, &o, body, out)
		if err == nil {
			return nil
		}
		if out != nil { // what a refusal has in fields of the same names is none of the next answer's
			reflect.ValueOf(out).Elem().SetZero()
		}
		wait := time.Duration(try) * 100 * time.Millisecond
		if in.call.Method != http.MethodGet || try == maxTries || !err.retryable(wait) || ctx.Err() != nil {
			return err
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			if err.Code == "unreachable" {
				err.cause = ctx.Err()
			}
			return err
		}
	}
}

// Within may be implemented by a context that makes shorter ones with fewer timers than
// context.WithTimeout, as one that has a deadline of its own, but no timer yet. A call that would end
// sooner than its context asks it, and cancels what it gets before the call returns.
type Within interface {
	context.Context
	// Within is context.WithTimeout of the context.
	Within(time.Duration) (context.Context, context.CancelFunc)
}

// within is ctx with at most so much time.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if at, ok := ctx.Deadline(); ok && time.Until(at) <= d {
		return ctx, func() {}
	}
	if own, ok := ctx.(Within); ok {
		return own.Within(d)
	}
	return context.WithTimeout(ctx, d)
}

// retryable reports whether the same call may go better so much later: there was no answer of
// TCB's, or TCB itself says that it is away for the moment. A 4xx says that the request is at fault,
// and who is told to wait longer comes too soon.
func (e *Error) retryable(wait time.Duration) bool {
	return !e.NotSent && (e.Code == "unreachable" || e.Code == "unavailable") && e.Status/100 != 4 && e.RetryAfter <= wait
}

func (c *Client) once(ctx context.Context, in request, o *callOptions, body []byte, out any) *Error {
	names := namesOf(ctx)
	requestID := names.requestID
	fail := func(resp *http.Response, cause error) *Error {
		if ctx.Err() != nil {
			cause = ctx.Err() // why we stopped says more than how the connection broke
		}
		e := in.failed("unreachable", cause)
		e.RequestID = requestID
		e.noteUnsent()
		if resp != nil {
			e.noteAnswer(resp, c.now())
		}
		return e
	}
	req, err := c.httpRequest(ctx, in, o, body, names)
	if err != nil {
		e := fail(nil, errors.New("the request cannot be built"))
		e.NotSent = true
		return e
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fail(nil, causeOf(err))
	}
	defer resp.Body.Close()
	if id := resp.Header.Get("X-Request-Id"); id != "" && len(id) <= 128 {
		requestID = id
	}
	answer, err := readAnswer(resp)
	if err != nil {
		return fail(resp, causeOf(err))
	}
	if len(answer) > maxAnswer {
		return fail(resp, errors.New("the answer is over 1 MiB"))
	}
	var said errorBody
	wrong := decode(answer, out, &said)
	if wrong == errNoObject {
		return fail(resp, wrong)
	}
	if in.codeIsResult {
		said.Code = nil
	}
	failed := resp.StatusCode < 200 || resp.StatusCode > 299
	if e := said.apiError(failed); e != nil {
		e.Op, e.Call, e.RequestID = in.op, in.call, requestID
		e.withPassword = in.withPassword
		e.noteAnswer(resp, c.now())
		return e
	}
	if failed {
		return fail(resp, errors.New("a failure without an error code"))
	}
	if wrong != nil {
		return fail(resp, wrong)
	}
	return nil
}

// query is what stands in a call's URL after the path, with its question mark.
func (c *Client) query(in *request, o *callOptions) string {
	if in.query == nil && o.captchaToken == "" { // as of most calls
		if in.bearer != "" {
			return ""
		}
		return c.ownQuery
	}
	query := url.Values{}
	for k, v := range in.query {
		query[k] = v
	}
	if in.bearer == "" && !query.Has("client_id") {
		query.Set("client_id", c.clientID)
	}
	if o.captchaToken != "" {
		query.Set("captcha_token", o.captchaToken)
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

func (c *Client) httpRequest(ctx context.Context, in request, o *callOptions, body []byte, names tryNames) (*http.Request, error) {
	target := c.base + in.call.Path + in.rest + c.query(&in, o)
	var content io.Reader = http.NoBody
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, in.call.Method, target, content)
	if err != nil {
		return nil, err
	}
	values := make([]string, 0, 9) // all in one place, for which Header.Set would make nine
	set := func(canonical, value string) {
		if strings.ContainsFunc(value, notOfHeader) {
			err = errors.New("a header cannot be sent") // and is not shown
		}
		if value != "" {
			values = append(values, value)
			req.Header[canonical] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("Accept", "application/json")
	if body != nil {
		set("Content-Type", "application/json")
	}
	switch {
	case in.bearer != "":
		set("Authorization", "Bearer "+in.bearer)
	case c.publishableKey != "" && c.clientSecret == "":
		set("Authorization", "Bearer "+c.publishableKey)
	case c.clientSecret != "" || in.basic:
		req.SetBasicAuth(c.clientID, c.clientSecret)
	}
	set("Accept-Language", o.locale)
	set("X-Device-Id", o.deviceID)
	set("X-Forwarded-For", o.clientAddress)
	set("User-Agent", cmp.Or(o.userAgent, c.userAgent))
	set("X-Request-Id", names.requestID)
	set("Traceparent", names.traceparent)
	return req, err
}

// notOfHeader finds what cannot stand in a header's value (RFC 9110 §5.5).
func notOfHeader(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
