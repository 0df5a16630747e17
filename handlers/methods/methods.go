// Package methods is of requests with a method that a path does not have, or that HTTP does not know.
// It knows no pages.
package methods

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Unknown is the method of requests with one that HTTP does not know.
const Unknown = "UNKNOWN"

// All are those that an app routes, once Catch is called on it.
var All = append(slices.Clone(fiber.DefaultMethods), Unknown)

// Catch has an app's own server send it all methods: see Caught. An app that another's server hands
// requests to is not asked by that one's, so whoever does that needs Caught.
func Catch(app *fiber.App) {
	server := app.Server()
	server.Handler = Caught(server.Handler)
}

// Caught sends requests with a method that Fiber does not know through an app's handlers. Fiber
// answers them itself, before any handler, and without the headers that every answer of ours has.
func Caught(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if !slices.Contains(All, string(ctx.Method())) {
			ctx.Request.Header.SetMethod(Unknown)
		}
		next(ctx)
	}
}

// Table says which methods a path has. Its zero value has no paths.
type Table struct {
	plain    map[string][]string
	patterns []pattern
}

type pattern struct{ path, begins, method string }

// Add gives a path a method. It may have Fiber's parameters.
func (t *Table) Add(path, method string) {
	if i := strings.IndexAny(path, ":*+"); i >= 0 {
		t.patterns = append(t.patterns, pattern{path, path[:i], method})
		return
	}
	if t.plain == nil {
		t.plain = map[string][]string{}
	}
	path = strings.TrimRight(path, "/")
	t.plain[path] = append(t.plain[path], method)
}

// At are a path's methods, as Allow has them; empty where there is no such path.
func (t *Table) At(path string) string {
	path = strings.TrimRight(path, "/")
	found := slices.Clone(t.plain[path])
	for _, p := range t.patterns {
		if strings.HasPrefix(path, p.begins) && fiber.RoutePatternMatch(path, p.path, fiber.Config{CaseSensitive: true}) {
			found = append(found, p.method)
		}
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), ", ")
}
