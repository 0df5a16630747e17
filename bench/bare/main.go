// Command bare is what package bench compares our program with: a Fiber handler that sends what ours
// sent once, after the calls that ours made. It is a program of its own, built as ours is, since its
// start and memory are compared too.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/bench/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen at")
	file := flag.String("answers", "", "file with the answers")
	backend := flag.String("backend", "", "where calls go")
	instead := flag.String("instead-of", "", "origin in the answers, for which they are to name this one")
	flag.Parse()
	answers, err := wire.Read(*file)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if *instead != "" {
		for i := range answers {
			answers[i].Move(*instead, "http://"+ln.Addr().String())
		}
	}
	go wire.ObeyParent()
	return newApp(answers, *backend).Listener(ln)
}

// newApp has a route for each answer.
func newApp(answers []wire.Answer, backend string) *fiber.App {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadBufferSize: 16 << 10})
	client := newClient()
	for _, a := range answers {
		app.All(a.Path, func(c *fiber.Ctx) error {
			for _, call := range a.Calls {
				if err := repeat(client, backend, call); err != nil {
					return err
				}
			}
			return send(c, a)
		})
	}
	return app
}

func send(c *fiber.Ctx, a wire.Answer) error {
	c.Status(a.Status)
	for _, h := range a.Headers {
		if h.Name == "Set-Cookie" { // there may be several
			c.Response().Header.Add(h.Name, h.Value)
			continue
		}
		c.Response().Header.Set(h.Name, h.Value)
	}
	return c.Send(a.Body)
}

// newClient keeps connections as our client of TCB does.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 256
	return &http.Client{Transport: t, Timeout: 10 * time.Second}
}

// repeat makes a call.
func repeat(client *http.Client, backend string, call wire.Call) error {
	req, err := http.NewRequest(call.Method, backend+call.Path, bytes.NewReader(call.Body))
	if err != nil {
		return err
	}
	for _, h := range call.Headers {
		req.Header.Set(h.Name, h.Value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}
