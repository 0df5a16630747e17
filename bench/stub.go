package main

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"tcb-login/bench/wire"
)

// wrongPassword is the one that the stub takes for none.
const wrongPassword = "not-the-password-1"

// readinessCall is what our server asks now and then by itself, whatever it is measured at.
const readinessCall = "/auth/v1/checkIfUserExist"

// stubPrefix is where the stub is told what to do besides.
const stubPrefix = "/__stub/"

// A stub stands in for TCB. It keeps nothing: what it answers follows from what it is asked, and it
// answers at once, or, while it hangs, not at all.
type stub struct {
	now time.Time

	mu      sync.Mutex
	calls   []wire.Call // that were made since it was last told to record; nil while it does not
	record  bool
	unknown []string      // calls that it does not know
	hanging chan struct{} // closed when it hangs no more; nil while it does not
}

func runStub(args []string) error {
	flags := flag.NewFlagSet("stub", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &stub{now: time.Now()}
	go wire.ObeyParent()
	return (&fasthttp.Server{Handler: s.serve, ReadBufferSize: 16 << 10, NoDefaultServerHeader: true}).Serve(ln)
}

func (s *stub) serve(c *fasthttp.RequestCtx) {
	path := string(c.Path())
	if order, ok := strings.CutPrefix(path, stubPrefix); ok {
		s.order(c, order)
		return
	}
	s.mu.Lock()
	hanging := s.hanging
	if s.record && path != readinessCall {
		s.calls = append(s.calls, callOf(c))
	}
	s.mu.Unlock()
	if hanging != nil {
		<-hanging
	}
	status, body := s.answer(string(c.Method()), path, c)
	c.SetStatusCode(status)
	c.SetContentType("application/json; charset=utf-8")
	c.Response.Header.Set("X-Request-Id", string(c.Request.Header.Peek("X-Request-Id")))
	c.SetBodyString(body)
}

func callOf(c *fasthttp.RequestCtx) wire.Call {
	made := wire.Call{Method: string(c.Method()), Path: string(c.RequestURI()), Body: append([]byte(nil), c.PostBody()...)}
	for name, value := range c.Request.Header.All() {
		if !wire.Own[string(name)] {
			made.Headers = append(made.Headers, wire.Header{Name: string(name), Value: string(value)})
		}
	}
	return made
}

// order is what the stub is told: to record calls, to tell those, to hang and to go on.
func (s *stub) order(c *fasthttp.RequestCtx, order string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch order {
	case "record":
		s.record, s.calls = true, nil
	case "calls":
		s.record = false
		text, err := json.Marshal(s.calls)
		if err != nil {
			panic(err) // strings and bytes
		}
		c.SetBody(text)
	case "unknown":
		c.SetBodyString(strings.Join(s.unknown, "\n"))
	case "hang":
		if s.hanging == nil {
			s.hanging = make(chan struct{})
		}
	case "go-on":
		if s.hanging != nil {
			close(s.hanging)
			s.hanging = nil
		}
	default:
		c.SetStatusCode(fasthttp.StatusNotFound)
	}
}

// answer is TCB's to a call, in the form of its documents.
func (s *stub) answer(method, path string, c *fasthttp.RequestCtx) (status int, body string) {
	bearer := strings.TrimPrefix(string(c.Request.Header.Peek("Authorization")), "Bearer ")
	var in struct {
		Username       string
		Password       string
		PhoneNumber    string `json:"phone_number"`
		Email          string
		VerificationID string `json:"verification_id"`
	}
	if b := c.PostBody(); len(b) > 0 && json.Unmarshal(b, &in) != nil {
		return 400, `{"error":"invalid_argument","error_code":3,"error_description":"参数错误"}`
	}
	switch method + " " + path {
	case "POST /auth/v1/signin":
		if in.Password == wrongPassword {
			return 400, `{"error":"invalid_password","error_code":4003,"error_description":"用户名或密码不正确","details":[{"remaining":4}]}`
		}
		sub := personOf(in.Username)
		return 200, fmt.Sprintf(`{"token_type":"Bearer","access_token":%q,"refresh_token":"refresh-%s","expires_in":7200,"scope":"user","sub":%q,"groups":[]}`,
			accessToken(sub, s.now), sub, sub)
	case "GET /auth/v1/user/me", "PATCH /auth/v1/user/profile":
		if sub := subOf(bearer); sub != "" {
			return 200, userOf(sub)
		}
		return 401, `{"error":"unauthenticated","error_code":16,"error_description":"登录已失效，请重新登录"}`
	case "GET " + readinessCall:
		return 200, `{"exist":false}`
	case "POST /auth/v1/verification":
		id := base64.RawURLEncoding.EncodeToString([]byte(personOf(in.PhoneNumber + in.Email)))
		return 200, fmt.Sprintf(`{"verification_id":%q,"expires_in":600,"is_user":true}`, id)
	case "POST /auth/v1/verification/verify":
		return 200, fmt.Sprintf(`{"verification_token":"token-of-%s","expires_in":600}`, in.VerificationID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unknown) < 100 {
		s.unknown = append(s.unknown, method+" "+path)
	}
	return 501, `{"error":"unimplemented","error_code":12,"error_description":"该登录方式未开启"}`
}

func userOf(sub string) string {
	return fmt.Sprintf(`{"sub":%q,"name":"小林","username":"xiaolin","picture":"","phone_number":"+86 13800000000","email":"xiaolin@example.com",`+
		`"email_verified":true,"gender":"FEMALE","birthdate":"1990-01-31","locale":"zh-CN","zoneinfo":"Asia/Shanghai","status":"ACTIVE",`+
		`"has_password":true,"groups":[],"providers":[],"created_from":%q,"user_id":%q,"internal_user_type":""}`, sub, benchEnv, sub)
}
