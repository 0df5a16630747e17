// Package methods has requests with a method that HTTP does not know go through an app's handlers.
// Fiber answers them itself, before any handler, and without the headers that every answer of ours
// has. It knows no pages.
package methods

import (
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Unknown is the method of requests with one that HTTP does not know.
const Unknown = "UNKNOWN"

// All are those that an app routes, once Catch is called on it.
var All = append(slices.Clone(fiber.DefaultMethods), Unknown)

// Catch sends requests with a method that Fiber does not know through the app's handlers.
func Catch(app *fiber.App) {
	server := app.Server()
	next := server.Handler
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if !slices.Contains(All, string(ctx.Method())) {
			ctx.Request.Header.SetMethod(Unknown)
		}
		next(ctx)
	}
}
