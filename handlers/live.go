package handlers

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"tcb-login/handlers/methods"
)

// Live is an app that another can take the place of while it serves. Requests that have begun end in the app
// that they began in.
type Live struct {
	first *fiber.App // its server goes on
	now   atomic.Pointer[served]
}

// served is what an app answers requests with, and what never became one.
type served struct {
	request fasthttp.RequestHandler
	early   func(*fasthttp.RequestCtx, error)
}

// NewLive serves app until another takes its place.
func NewLive(app *fiber.App) *Live {
	l := &Live{first: app}
	l.Replace(app)
	server := app.Server()
	server.Handler = func(c *fasthttp.RequestCtx) { l.now.Load().request(c) }
	server.ErrorHandler = func(c *fasthttp.RequestCtx, err error) { l.now.Load().early(c, err) }
	return l
}

// Replace serves app from now on, as its own server would.
func (l *Live) Replace(app *fiber.App) {
	l.now.Store(&served{methods.Caught(app.Handler()), app.Server().ErrorHandler})
}

// Listener serves what comes in by ln.
func (l *Live) Listener(ln net.Listener) error { return l.first.Listener(ln) }

// ShutdownWithContext ends the server.
func (l *Live) ShutdownWithContext(ctx context.Context) error {
	return l.first.ShutdownWithContext(ctx)
}
