package handlers

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp/fasthttputil"

	"tcb-login/handlers/methods"
)

// TestLive: another app takes the place of one that serves, while it is asked, and the server stays.
func TestLive(t *testing.T) {
	t.Parallel()
	saying := func(word string) *fiber.App {
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		app.Get("/", func(c *fiber.Ctx) error { return c.SendString(word) })
		return app
	}
	live := NewLive(saying("one"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- live.Listener(ln) }()
	client := &http.Client{Transport: &http.Transport{}}
	ask := func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String()+"/", nil)
		if err != nil {
			t.Error(err)
			return ""
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(body)
	}
	if got := ask(); got != "one" {
		t.Errorf("at first %q", got)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if got := ask(); got != "one" && got != "two" {
					t.Errorf("meanwhile %q", got)
				}
			}
		})
	}
	live.Replace(saying("two"))
	wg.Wait()
	if got := ask(); got != "two" {
		t.Errorf("then %q", got)
	}
	client.CloseIdleConnections()
	if err := live.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// askIn asks what is served in memory, by a connection of its own.
func askIn(t *testing.T, ln *fasthttputil.InmemoryListener, method, body string) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return ln.Dial() }}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://a.example/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(said)
}

// TestLiveMethods: a method that Fiber does not know reaches the handlers of the app that serves, the
// first and the one that took its place, as it does where an app's own server is asked.
func TestLiveMethods(t *testing.T) {
	t.Parallel()
	saying := func(word string) *fiber.App {
		app := fiber.New(fiber.Config{DisableStartupMessage: true, RequestMethods: methods.All})
		app.Use(func(c *fiber.Ctx) error {
			c.Set("X-App", word)
			return c.Status(fiber.StatusNotImplemented).SendString(c.Method())
		})
		return app
	}
	live := NewLive(saying("one"))
	ln := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- live.Listener(ln) }()
	for _, word := range []string{"one", "two"} {
		if word == "two" {
			live.Replace(saying(word))
		}
		for _, method := range []string{"BREW", "get", "PROPFIND", "UNKNOWN"} {
			resp, body := askIn(t, ln, method, "")
			if resp.StatusCode != http.StatusNotImplemented || resp.Header.Get("X-App") != word || body != methods.Unknown {
				t.Errorf("%s: %s of app %q: %q; want app %q", method, resp.Status, resp.Header.Get("X-App"), body, word)
			}
		}
	}
	if err := live.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestLiveEarly: what never becomes a request is answered by the app that serves now.
func TestLiveEarly(t *testing.T) {
	t.Parallel()
	saying := func(word string) *fiber.App {
		return fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 1, ErrorHandler: func(c *fiber.Ctx, err error) error {
			return c.Status(fiber.StatusRequestEntityTooLarge).SendString(word)
		}})
	}
	live := NewLive(saying("one"))
	ln := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- live.Listener(ln) }()
	for _, word := range []string{"one", "two", "three"} {
		if word != "one" {
			live.Replace(saying(word))
		}
		if resp, body := askIn(t, ln, http.MethodPost, "too long"); resp.StatusCode != http.StatusRequestEntityTooLarge || body != word {
			t.Errorf("%d %q, want %q", resp.StatusCode, body, word)
		}
	}
	if err := live.ShutdownWithContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
