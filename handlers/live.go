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
	now   atomic.Pointer[fasthttp.RequestHandler]
}

// NewLive serves app until another takes its place.
func NewLive(app *fiber.App) *Live {
	l := &Live{first: app}
	l.Replace(app)
	app.Server().Handler = func(c *fasthttp.RequestCtx) { (*l.now.Load())(c) }
	return l
}

// Replace serves app from now on, as its own server would.
func (l *Live) Replace(app *fiber.App) {
	handler := methods.Caught(app.Handler())
	l.now.Store(&handler)
}

// Listener serves what comes in by ln.
func (l *Live) Listener(ln net.Listener) error { return l.first.Listener(ln) }

// ShutdownWithContext ends the server.
func (l *Live) ShutdownWithContext(ctx context.Context) error {
	return l.first.ShutdownWithContext(ctx)
}
