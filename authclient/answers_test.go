package authclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
)

// answer is an API that says the same to everybody.
func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// broken sends some bytes and resets the connection.
func broken(bytes string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		buffered.WriteString(bytes)
		buffered.Flush()
		conn.(*net.TCPConn).SetLinger(0) // closing now resets
		conn.Close()
	}
}

// hanging answers nothing, or no more after some bytes, until the caller has gone.
func hanging(bytes string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does a server notice that the caller goes
		if bytes != "" {
			io.WriteString(w, bytes)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

const (
	userInfo    = `{"sub":"1","name":"Wang"}`
	credentials = `{"token_type":"Bearer","access_token":"a.b.c","refresh_token":"m.r","expires_in":7200,"sub":"1"}`
)

// serve runs an API for one test. Connections are not kept, so that the number
// of requests is that of the client's tries.
func serve(t testing.TB, api http.Handler, cfg authclient.Config) *authclient.Client {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	cfg.Endpoint, cfg.HTTPClient = server.URL, &http.Client{Transport: transport}
	return newClient(t, cfg)
}

// Whatever a server answers becomes an *Error: TCB's own where it is one, else
// "unreachable". A POST is sent once. A GET is repeated, at most twice, where
// there was no answer of TCB's or TCB says that it is away.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	big := `{"sub":"1","access_token":"a","expires_in":1,"pad":"` + strings.Repeat("x", 5<<20) + `"}`
	full := fmt.Sprintf(`{"sub":"1","pad":%q}`, strings.Repeat("x", 1<<20-len(`{"sub":"1","pad":""}`)))
	tests := []struct {
		name   string
		api    http.HandlerFunc
		want   authclient.Error // Code "" means that the answer is fine
		tries  int              // of a GET
		void   bool             // whether the answer will do for a call that wants nothing of it
		tokens bool             // whether it will do as credentials
	}{
		{"profile", answer(200, userInfo), authclient.Error{}, 1, true, false},
		{"credentials", answer(200, credentials+"\n"), authclient.Error{}, 1, true, true},
		{"created", answer(201, userInfo), authclient.Error{}, 1, true, false},
		{"exactly 1 MiB", answer(200, full), authclient.Error{}, 1, true, false},

		{"5 MiB", answer(200, big), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"truncated JSON", answer(200, credentials[:40]), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"two objects", answer(200, `{"sub":"1"}{"sub":"1"}`), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"HTML", answer(200, `<!doctype html><title>Welcome</title>`), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"HTML of a gateway", answer(502, `<html>Bad gateway</html>`), authclient.Error{Code: "unreachable", Status: 502}, 3, false, false},
		{"empty", answer(200, ""), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"no content", answer(204, ""), authclient.Error{Code: "unreachable", Status: 204}, 3, false, false},
		{"array", answer(200, `[{"sub":"1"}]`), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"null", answer(200, " null\n"), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"string", answer(200, `"ok"`), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"deep", answer(200, strings.Repeat(`{"a":`, 20_000)), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"wrong types", answer(200, `{"sub":1,"access_token":[],"expires_in":"soon"}`), authclient.Error{Code: "unreachable", Status: 200}, 3, true, false},
		{"nothing in it", answer(200, `{}`), authclient.Error{Code: "unreachable", Status: 200}, 3, true, false},
		{"nothing in the fields", answer(200, `{"sub":"","access_token":"","expires_in":0}`), authclient.Error{Code: "unreachable", Status: 200}, 3, true, false},
		{"a failure without a code", answer(500, `{}`), authclient.Error{Code: "unreachable", Status: 500}, 3, false, false},
		{"a failure with a profile", answer(403, userInfo), authclient.Error{Code: "unreachable", Status: 403}, 1, false, false},
		{"HTML of a wall", answer(403, `<html>Forbidden</html>`), authclient.Error{Code: "unreachable", Status: 403}, 1, false, false},
		{"falsy errors", answer(200, `{"sub":"1","error":"","code":0}`), authclient.Error{}, 1, true, false},
		{"null and false errors", answer(200, `{"sub":"1","error":null,"code":false}`), authclient.Error{}, 1, true, false},

		{"no answer", broken(""), authclient.Error{Code: "unreachable"}, 3, false, false},
		{"reset in the body", broken("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"sub\":\"1\""), authclient.Error{Code: "unreachable", Status: 200}, 3, false, false},
		{"not HTTP", broken("+OK ready\r\n"), authclient.Error{Code: "unreachable"}, 3, false, false},

		{"moved", answer(301, "", "Location", "/auth/v1/elsewhere"), authclient.Error{Code: "unreachable", Status: 301}, 3, false, false},
		{"see other", answer(303, userInfo, "Location", "/auth/v1/elsewhere"), authclient.Error{Code: "unreachable", Status: 303}, 3, false, false},
		{"redirect that keeps the method", answer(307, "", "Location", "/auth/v1/elsewhere"), authclient.Error{Code: "unreachable", Status: 307}, 3, false, false},
		{"redirect that keeps it for good", answer(308, "", "Location", "/auth/v1/elsewhere"), authclient.Error{Code: "unreachable", Status: 308}, 3, false, false},
		{"redirect with an error", answer(302, `{"error":"login_required"}`, "Location", "/x"), authclient.Error{Code: "login_required", Status: 302}, 1, false, false},

		{"error", answer(400, `{"error":"invalid_argument","error_code":3,"error_description":"bad"}`),
			authclient.Error{Code: "invalid_argument", ErrorCode: 3, Description: "bad", Status: 400}, 1, false, false},
		{"error in a 200", answer(200, `{"error":"not_found","error_code":"5","sub":"1"}`), authclient.Error{Code: "not_found", ErrorCode: 5, Status: 200}, 1, false, false},
		{"code in a 200", answer(200, `{"code":"INVALID_ENV","message":"no such env","sub":"1"}`), authclient.Error{Code: "INVALID_ENV", Description: "no such env", Status: 200}, 1, false, false},
		{"error before code", answer(200, `{"code":"b","message":"B","error":"a","error_description":"A"}`), authclient.Error{Code: "a", Description: "A", Status: 200}, 1, false, false},
		{"error is a number", answer(400, `{"error":16}`), authclient.Error{Code: "unknown", Status: 400}, 1, false, false},
		{"error is true", answer(400, `{"error":true}`), authclient.Error{Code: "unknown", Status: 400}, 1, false, false},
		{"error is an object", answer(400, `{"error":{"code":"not_found","message":"m"}}`), authclient.Error{Code: "unknown", Status: 400}, 1, false, false},
		{"error is an array", answer(400, `{"error":[]}`), authclient.Error{Code: "unknown", Status: 400}, 1, false, false},
		{"error is a sentence", answer(400, `{"error":"no\nway"}`), authclient.Error{Code: "unknown", Status: 400}, 1, false, false},
		{"error is endless", answer(400, `{"error":"`+strings.Repeat("a", 65)+`"}`), authclient.Error{Code: "unknown", Status: 400}, 1, false, false},
		{"description is an object", answer(400, `{"error":"internal","error_description":{"zh":1}}`), authclient.Error{Code: "internal", Description: `{"zh":1}`, Status: 400}, 1, false, false},
		{"number too big", answer(400, `{"error":"internal","error_code":1e300}`), authclient.Error{Code: "internal", Status: 400}, 1, false, false},
		{"a number", answer(401, `{"error_code":16,"error_description":"who?"}`), authclient.Error{Code: "unauthenticated", ErrorCode: 16, Description: "who?", Status: 401}, 1, false, false},
		{"a number of TCB's", answer(400, `{"error":"","error_code":"4001"}`), authclient.Error{Code: "captcha_required", ErrorCode: 4001, Status: 400}, 1, false, false},
		{"an unknown number", answer(500, `{"error_code":99}`), authclient.Error{Code: "unknown", ErrorCode: 99, Status: 500}, 1, false, false},
		{"no number", answer(401, `{"error_code":0}`), authclient.Error{Code: "unreachable", Status: 401}, 1, false, false},
		{"a number in a success", answer(200, `{"sub":"1","error_code":16}`), authclient.Error{}, 1, true, false},
		{"away in a 4xx", answer(400, `{"error":"unavailable"}`), authclient.Error{Code: "unavailable", Status: 400}, 1, false, false},
		{"away", answer(503, `{"error":"unavailable"}`), authclient.Error{Code: "unavailable", Status: 503}, 3, false, false},
		{"ill", answer(500, `{"error":"internal"}`), authclient.Error{Code: "internal", Status: 500}, 1, false, false},
	}

	// All at once: most GETs pause twice.
	type result struct {
		tokens, void, get error
		posts, gets       atomic.Int64
		redirected        atomic.Bool
	}
	results := make([]result, len(tests))
	var wg sync.WaitGroup
	for i, tt := range tests {
		res := &results[i]
		client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/elsewhere"):
				res.redirected.Store(true)
			case r.Method == http.MethodGet:
				res.gets.Add(1)
			default:
				res.posts.Add(1)
			}
			io.Copy(io.Discard, r.Body)
			tt.api(w, r)
		}), authclient.Config{})
		wg.Go(func() {
			_, res.tokens = client.SignIn(t.Context(), authclient.SignInRequest{Username: "u", Password: "p"})
			res.void = client.ResetPassword(t.Context(), authclient.ResetPasswordRequest{})
			_, res.get = client.AsUser("token").GetUserInfo(t.Context())
		})
	}
	wg.Wait()

	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := &results[i]
			posts, gets, redirected := res.posts.Load(), res.gets.Load(), res.redirected.Load()
			if posts != 2 || gets != int64(tt.tries) || redirected {
				t.Errorf("%d requests for two POSTs and %d for a GET, followed a redirect: %t; want 2, %d, false", posts, gets, redirected, tt.tries)
			}
			for _, call := range []struct {
				op   string
				err  error
				fine bool
			}{
				{"SignIn", res.tokens, tt.tokens},
				{"ResetPassword", res.void, tt.void},
				{"GetUserInfo", res.get, tt.want.Code == ""},
			} {
				if call.fine {
					if call.err != nil {
						t.Errorf("%s: %v, want no error", call.op, call.err)
					}
					continue
				}
				var got *authclient.Error
				if !errors.As(call.err, &got) {
					t.Errorf("%s: got error %v, want an *Error", call.op, call.err)
					continue
				}
				want := tt.want
				if want.Code == "" { // fine as a profile only
					want.Code, want.Status = "unreachable", got.Status
				}
				if got.Op != call.op || got.Code != want.Code || got.ErrorCode != want.ErrorCode || got.Status != want.Status ||
					got.Description != want.Description || got.Remaining != -1 || got.RetryAfter != 0 || got.RequestID == "" {
					t.Errorf("%s: got %#v, want %#v", call.op, got, want)
				}
				if (got.Unwrap() != nil) != (got.Code == "unreachable") {
					t.Errorf("%s: cause %v of %s", call.op, got.Unwrap(), got.Code)
				}
			}
		})
	}
}

// What TCB says of tries left and of waiting, in every form it was seen in.
func TestErrorDetails(t *testing.T) {
	t.Parallel()
	const month = 31 * 24 * time.Hour
	tests := []struct {
		name       string
		body       string
		header     string
		remaining  int
		retryAfter time.Duration
		details    int
	}{
		{"none", `{"error":"e"}`, "", -1, 0, 0},
		{"remaining", `{"error":"e","details":[{"remaining":3}]}`, "", 3, 0, 1},
		{"none remaining", `{"error":"e","details":[{"remaining":0}]}`, "", 0, 0, 1},
		{"limit_remaining", `{"error":"e","details":[{"limit_remaining":2}]}`, "", 2, 0, 1},
		{"as a string", `{"error":"e","details":[{"remaining":"4"}]}`, "", 4, 0, 1},
		{"nonsense remaining", `{"error":"e","details":[{"remaining":"many"}]}`, "", -1, 0, 1},
		{"fewer than none", `{"error":"e","details":[{"remaining":"-2"}]}`, "", -1, 0, 1},
		{"far too many", `{"error":"e","details":[{"remaining":1e300}]}`, "", -1, 0, 1},
		{"null remaining", `{"error":"e","details":[{"remaining":null}]}`, "", -1, 0, 1},
		{"retry_in", `{"error":"e","details":[{"@type":"t","retry_in":600}]}`, "", -1, 10 * time.Minute, 1},
		{"retry_delay", `{"error":"e","details":[{"retry_delay":"1800s"}]}`, "", -1, 30 * time.Minute, 1},
		{"retry_delay as a number", `{"error":"e","details":[{"retry_delay":90}]}`, "", -1, 90 * time.Second, 1},
		{"retry_delay of a fraction", `{"error":"e","details":[{"retry_delay":"1.5s"}]}`, "", -1, 1500 * time.Millisecond, 1},
		{"negative", `{"error":"e","retry_after":-1,"details":[{"retry_in":-5},{"retry_delay":"-5s"}]}`, "-5", -1, 0, 2},
		{"endless", `{"error":"e","details":[{"retry_in":1e300}]}`, "", -1, month, 1},
		{"endless delay", `{"error":"e","details":[{"retry_delay":"999999h"}]}`, "", -1, month, 1},
		{"retry_after", `{"error":"e","retry_after":30}`, "", -1, 30 * time.Second, 0},
		{"retryAfter", `{"error":"e","retryAfter":"31"}`, "", -1, 31 * time.Second, 0},
		{"several entries", `{"error":"e","details":[{"remaining":1},{"retry_in":5},7,"x",null,[]]}`, "", 1, 5 * time.Second, 6},
		{"details of another kind", `{"error":"e","details":{"remaining":1}}`, "", -1, 0, 0},
		{"header", `{"error":"e"}`, "12", -1, 12 * time.Second, 0},
		{"header of the distant future", `{"error":"e"}`, "99999999999", -1, month, 0},
		{"header of nonsense", `{"error":"e"}`, "soon", -1, 0, 0},
		{"the body before the header", `{"error":"e","retry_after":30}`, "12", -1, 30 * time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, answer(429, tt.body, "Retry-After", tt.header), authclient.Config{})
			_, err := client.Verify(t.Context(), authclient.VerifyRequest{})
			var e *authclient.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			if e.Code != "e" || e.Remaining != tt.remaining || e.RetryAfter != tt.retryAfter || len(e.Details) != tt.details {
				t.Errorf("got %s, %d left, %v to wait, %d details; want e, %d, %v, %d",
					e.Code, e.Remaining, e.RetryAfter, len(e.Details), tt.remaining, tt.retryAfter, tt.details)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answered string
		ours           bool
	}{
		{"the server's", "their-id", false},
		{"none", "", true},
		{"too long", strings.Repeat("i", 129), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sent string
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header.Get("X-Request-Id")
				answer(500, `{"error":"internal"}`, "X-Request-Id", tt.answered)(w, r)
			}), authclient.Config{})
			err := client.Revoke(t.Context(), "x")
			want := tt.answered
			if tt.ours {
				want = sent
			}
			if e := refusal(t, err, authclient.ErrInternal); e.RequestID != want || len(sent) != 32 {
				t.Errorf("sent %q, got %q, want %q", sent, e.RequestID, want)
			}
		})
	}
}

// A server that never answers costs no more than the timeout, headers or not.
func TestHanging(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"", `{"sub":`} {
		t.Run(fmt.Sprintf("after %d bytes", len(sent)), func(t *testing.T) {
			t.Parallel()
			client := serve(t, hanging(sent), authclient.Config{Timeout: 50 * time.Millisecond})
			_, post := client.SignIn(t.Context(), authclient.SignInRequest{})
			_, get := client.AsUser("token").GetUserInfo(t.Context())
			for _, err := range []error{post, get} {
				refusal(t, err, authclient.ErrUnreachable)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want the deadline's", err)
				}
			}
		})
	}
}

// The caller's going away says more than how the connection broke then.
func TestCancelledCall(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"", `{"sub":`} {
		t.Run(fmt.Sprintf("after %d bytes", len(sent)), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer hanging(sent)(w, r)
				cancel()
			}), authclient.Config{})
			_, err := client.AsUser("token").GetUserInfo(ctx)
			refusal(t, err, authclient.ErrUnreachable)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want the context's", err)
			}
		})
	}
}

// transport is a server without a network, so that time can be a bubble's.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// Errors go into logs: neither the URL, whose query can hold a captcha token,
// nor any secret of the request may get there, not even by a server's doing.
func TestErrorsTellNoSecret(t *testing.T) {
	t.Parallel()
	const captcha, password, device, access = "v1.CAPTCHA+tok/en=", "S3cret-pass", "DEVICE-device-DEVICE", "ACCESS.token.value"
	echo := func(w http.ResponseWriter, r *http.Request) {
		broken(r.Method+" "+r.URL.RequestURI()+" HTTP/1.1\r\nAuthorization: "+r.Header.Get("Authorization")+"\r\n\r\n")(w, r)
	}
	tests := []struct {
		name string
		api  http.HandlerFunc
	}{
		{"error", answer(400, `{"error":"invalid_argument","error_description":"`+captcha+password+access+`"}`)},
		{"secret as the code", answer(400, `{"error":"`+captcha+`"}`)},
		{"reset", broken("")},
		{"request as the answer", func(w http.ResponseWriter, r *http.Request) { answer(200, r.URL.RequestURI()+captcha+access)(w, r) }},
		{"request as a status line", echo},
		{"request in a header line", func(w http.ResponseWriter, r *http.Request) {
			broken("HTTP/1.1 200 OK\r\n"+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+"\r\n\r\n")(w, r)
		}},
		{"request in a bad Location", func(w http.ResponseWriter, r *http.Request) {
			answer(302, "", "Location", "http://[::1"+r.URL.RequestURI())(w, r)
		}},
		{"decoded request in a bad Location", func(w http.ResponseWriter, r *http.Request) {
			answer(302, "", "Location", "http://[::1"+r.URL.Query().Get("captcha_token")+r.Header.Get("Authorization"))(w, r)
		}},
		{"hanging", hanging("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, tt.api, authclient.Config{Timeout: 100 * time.Millisecond})
			opts := []authclient.CallOption{authclient.WithCaptchaToken(captcha), authclient.WithDeviceID(device)}
			_, post := client.SignIn(t.Context(), authclient.SignInRequest{Username: "wang", Password: password}, opts...)
			_, get := client.AsUser(access).GetUserInfo(t.Context(), opts...)
			_, name := client.IsUsernameRegistered(t.Context(), "wang@example.com", opts...)
			for _, err := range []error{post, get, name} {
				if err == nil {
					t.Fatal("no error")
				}
				tellsNothing(t, err, captcha, password, device, access, "CAPTCHA", "captcha_token", "client_id", "http:", "/auth/", "wang")
			}
		})
	}
	t.Run("a transport that repeats the URL", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, authclient.Config{HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			_, err := http.NewRequest("GET", r.URL.String()+"\x7f", nil)
			return nil, fmt.Errorf("inner client: %w", err)
		})}})
		_, err := client.SignIn(t.Context(), authclient.SignInRequest{}, authclient.WithCaptchaToken(captcha))
		tellsNothing(t, err, "CAPTCHA", "captcha_token", "tencentcloudapi")
	})
	t.Run("a refusal to dial", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		client := newClient(t, authclient.Config{Endpoint: server.URL, HTTPClient: server.Client()})
		_, err := client.SignIn(t.Context(), authclient.SignInRequest{}, authclient.WithCaptchaToken(captcha))
		tellsNothing(t, err, "CAPTCHA", "captcha_token", "http:", "/auth/")
		var op *net.OpError
		if !errors.As(err, &op) {
			t.Errorf("got %v: the connection's own error is lost", err)
		}
	})
}

// tellsNothing checks an error's text in every form that a log may choose.
func tellsNothing(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %s %q", err, err, err, err)} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the error tells %q: %s", secret, text)
			}
		}
		if strings.ContainsAny(text, "\r\n") {
			t.Errorf("the error has several lines: %q", text)
		}
	}
	for below := errors.Unwrap(err); below != nil; below = errors.Unwrap(below) {
		for _, secret := range secrets {
			if strings.Contains(below.Error(), secret) {
				t.Errorf("the error below tells %q: %v", secret, below)
			}
		}
	}
}

// A custom field in the profile stays available, and a second decoding does
// not change what the first one gave.
func TestUserInfoRaw(t *testing.T) {
	t.Parallel()
	buffer := []byte(`{"sub":"1","providers":[{"id":"wx_open","provider_user_id":"o1","name":"W","picture":"p"}],"meta":{"a":[1]}}`)
	sent := string(buffer)
	var info authclient.UserInfo
	if err := json.Unmarshal(buffer, &info); err != nil {
		t.Fatal(err)
	}
	copy(buffer, strings.Repeat(" ", len(buffer)))
	want := authclient.UserInfo{
		Sub: "1", Raw: json.RawMessage(sent),
		Providers: []authclient.ProfileProvider{{ID: "wx_open", ProviderUserID: "o1", Name: "W", Picture: "p"}},
	}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Errorf("user info (-want +got):\n%s", diff)
	}
}
