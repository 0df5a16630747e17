package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// runBare is the bare program: for each answer a route that makes its calls and sends it.
func runBare(args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "")
	file := flags.String("answers", "", "")
	backend := flags.String("backend", "", "address of the stub")
	instead := flags.String("instead-of", "", "origin of ours, for which answers name this one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var answers []answer
	if err := readJSON(*file, &answers); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadBufferSize: 16 << 10})
	client := newCaller()
	for _, a := range answers {
		if *instead != "" {
			a.move(*instead, "http://"+ln.Addr().String())
		}
		app.All(a.Path, func(c *fiber.Ctx) error {
			for _, made := range a.Calls {
				if err := made.make(client, *backend); err != nil {
					return err
				}
			}
			return a.send(c)
		})
	}
	go obey()
	return app.Listener(ln)
}

// move has an answer name another origin: styles and scripts are allowed of one alone.
func (a *answer) move(from, to string) {
	for i, h := range a.Headers {
		a.Headers[i].Value = strings.ReplaceAll(h.Value, from, to)
	}
	a.Body = bytes.ReplaceAll(a.Body, []byte(from), []byte(to))
}

func (a *answer) send(c *fiber.Ctx) error {
	c.Status(a.Status)
	for _, h := range a.Headers {
		switch h.Name {
		case "Set-Cookie": // there may be several
			c.Response().Header.Add(h.Name, h.Value)
		default:
			c.Response().Header.Set(h.Name, h.Value)
		}
	}
	return c.Send(a.Body)
}

// newCaller keeps connections as our client of TCB does.
func newCaller() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 256
	return &http.Client{Transport: t, Timeout: 10 * time.Second}
}

func (c call) make(client *http.Client, backend string) error {
	req, err := http.NewRequest(c.Method, backend+c.Path, bytes.NewReader(c.Body))
	if err != nil {
		return err
	}
	for _, h := range c.Headers {
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

// obey is how a child of ours is told what to do: each line on its input is a question, answered by
// how many objects it has ever allocated. It ends with its input, so that none outlives its parent.
func obey() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
	os.Exit(0)
}
