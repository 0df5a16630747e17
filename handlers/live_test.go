package handlers

import (
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
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
