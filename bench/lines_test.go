package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"tcb-login/bench/wire"
)

// newBench is a run whose stub and twin are in this process.
func newBench(t *testing.T) (*bench, *target) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: (&stub{now: time.Now()}).serve, ReadBufferSize: 16 << 10, CloseOnShutdown: true}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Shutdown() })
	b := &bench{dir: t.TempDir(), stub: &child{name: "stub", addr: ln.Addr().String()}, progress: io.Discard}
	addr, file, err := b.prepareOurs("twin", b.settings())
	if err != nil {
		t.Fatal(err)
	}
	app, listen, err := newTwin(file, func(name string) (string, bool) { return "q0Xm3Vn5Zs7Lw9Rt1Yp2Kd4Gh6Jb8Ec0Af" + name, true }, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	site, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Listener(site) }()
	t.Cleanup(func() { _ = app.Shutdown() })
	return b, newTarget(addr, "http://"+addr)
}

// Every line gets from our site what it is meant to measure, more than once, and makes the calls that
// the stub knows.
func TestLines(t *testing.T) {
	t.Parallel()
	b, target := newBench(t)
	const me, signIn = "GET /auth/v1/user/me", "POST /auth/v1/signin?client_id=bench"
	calls := map[string][]string{
		"get-portal":   {me},
		"post-right":   {signIn, me},
		"post-wrong":   {signIn},
		"post-send":    {"POST /auth/v1/verification?client_id=bench"},
		"post-verify":  {"POST /auth/v1/verification/verify?client_id=bench", signIn, me},
		"post-profile": {me, "PATCH /auth/v1/user/profile"},
	}
	for _, l := range lines() {
		shots, err := l.prepare(t.Context(), target, 5)
		if err != nil {
			t.Errorf("%s: %v", l.name, err)
			continue
		}
		if _, err := target.drive(t.Context(), 2, shots, l.want); err != nil {
			t.Errorf("%s: %v", l.name, err)
			continue
		}
		a, err := b.capture(t.Context(), l, target)
		if err != nil {
			t.Errorf("%s: %v", l.name, err)
			continue
		}
		var made []string
		for _, c := range a.Calls {
			made = append(made, c.Method+" "+c.Path)
		}
		if diff := cmp.Diff(calls[l.name], made); diff != "" {
			t.Errorf("%s: the calls: %s", l.name, diff)
		}
		if len(a.Calls) == 0 && hasCookie(a) != strings.HasSuffix(l.name, "-new") {
			t.Errorf("%s: a session cookie comes with the answer: %t", l.name, hasCookie(a))
		}
	}
	if unknown, err := b.order("unknown"); err != nil || len(unknown) > 0 {
		t.Errorf("the stub does not know %q (%v)", unknown, err)
	}
}

func hasCookie(a wire.Answer) bool {
	for _, h := range a.Headers {
		if h.Name == "Set-Cookie" {
			return true
		}
	}
	return false
}

// What is not what a line wants is an error, and not a fast answer.
func TestDriveChecks(t *testing.T) {
	t.Parallel()
	_, target := newBench(t)
	get := target.visitor().shot("GET", target.entry("/sign-in/email"), "")
	for _, tt := range []struct {
		want wanted
		ok   bool
	}{
		{wanted{200, `data-page="sign-in-email"`}, true},
		{wanted{200, `data-page="sign-in-sms"`}, false},
		{wanted{404, `data-page="sign-in-email"`}, false},
	} {
		if _, err := target.drive(t.Context(), 2, repeated(get, 4), tt.want); (err == nil) != tt.ok {
			t.Errorf("%v: %.80v", tt.want, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := target.drive(ended, 2, repeated(get, 4), wanted{status: 200}); err == nil {
		t.Error("a run that was to end went on")
	}
}

// The page, its style sheet and its script are what a browser loads.
func TestWholePage(t *testing.T) {
	t.Parallel()
	_, target := newBench(t)
	answers, err := target.wholePage(target.entry("/"))
	if err != nil || len(answers) != 3 {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	if answers[0].Path != "/__auth/" || !strings.HasSuffix(answers[1].Path, ".css") || !strings.HasSuffix(answers[2].Path, ".js") {
		t.Errorf("%s, %s, %s", answers[0].Path, answers[1].Path, answers[2].Path)
	}
}

// While the stub hangs nothing is answered; then everything is.
func TestHang(t *testing.T) {
	t.Parallel()
	b, _ := newBench(t)
	if _, err := b.order("hang"); err != nil {
		t.Fatal(err)
	}
	ask := func(within time.Duration) error {
		req, resp := &fasthttp.Request{}, &fasthttp.Response{}
		req.SetRequestURI(b.stub.origin() + "/auth/v1/user/me")
		return fasthttp.DoTimeout(req, resp, within)
	}
	if err := ask(50 * time.Millisecond); err == nil {
		t.Error("an answer while the stub hangs")
	}
	if _, err := b.order("go-on"); err != nil {
		t.Fatal(err)
	}
	if err := ask(patience); err != nil {
		t.Error(err)
	}
}

func TestFormOf(t *testing.T) {
	t.Parallel()
	const form = `<form id="form" method="post" action="/a?b=1&amp;c=2" novalidate>`
	action, fields, err := formOf(form + `<input type="hidden" name="csrf_token" value="x"><input type="hidden" name="form" value="a&#34;b"><input name="username" value="no">`)
	if err != nil || action != "/a?b=1&c=2" || fields.Encode() != "csrf_token=x&form=a%22b" {
		t.Errorf("%q, %q, %v", action, fields.Encode(), err)
	}
	for _, page := range []string{"", form, `<input type="hidden" name="csrf_token" value="x">`} {
		if _, _, err := formOf(page); err == nil {
			t.Errorf("%q: no error", page)
		}
	}
}

func TestVisitorsDiffer(t *testing.T) {
	t.Parallel()
	target := newTarget("127.0.0.1:1", "http://127.0.0.1:1")
	seen := map[string]bool{}
	for range 1000 {
		v := target.visitor()
		for _, what := range []string{v.address(), v.phone(), v.username()} {
			if seen[what] {
				t.Fatalf("%s twice", what)
			}
			seen[what] = true
		}
		if len(v.phone()) != 11 || net.ParseIP(v.address()) == nil {
			t.Fatalf("%s, %s", v.phone(), v.address())
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	if got := subOf(accessToken("somebody", time.Now())); got != "somebody" {
		t.Errorf("%q", got)
	}
	for _, token := range []string{"", "a.b", "a.%.c", "a.bm9uZQ.c"} {
		if got := subOf(token); got != "" {
			t.Errorf("%q: %q", token, got)
		}
	}
}

func TestWriteTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writeTree(dir, 3); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"__auth/env/login.config.json", "app-1/login.config.1.json", "app-2/login.config.1.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
