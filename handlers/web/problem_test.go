package web

import (
	"errors"
	"testing"

	"github.com/gofiber/fiber/v2"

	"tcb-login/authclient"
	"tcb-login/handlers/refusal"
)

// TestProblemOf: whatever breaks has a page, and what is not the person's doing is logged.
func TestProblemOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		lead   string
		logged bool
	}{
		{refusal.ErrMissing, 404, "error.page.missing", false},
		{fiber.ErrNotFound, 404, "error.page.missing", false},
		{fiber.ErrMethodNotAllowed, 405, "error.page.method", false},
		{fiber.ErrRequestEntityTooLarge, 413, "error.page.too_large", false},
		{fiber.ErrRequestHeaderFieldsTooLarge, 431, "error.page.too_large", false},
		{fiber.ErrRequestTimeout, 408, "error.page.timeout", false},
		{fiber.ErrTeapot, 418, "error.page.method", false},
		{fiber.ErrBadGateway, 500, "error.page.internal", true},
		{&authclient.Error{Code: "unavailable"}, 503, "error.unavailable", true},
		{&authclient.Error{Code: "internal"}, 502, "error.broken", true},
		{&authclient.Error{Code: "resource_exhausted", Status: 429}, 429, "error.unavailable", true},
		{&authclient.Error{Code: "quota_of_theirs", Status: 429}, 429, "error.unavailable", true},
		{&authclient.Error{Code: "not_found", Status: 404}, 502, "error.broken", true}, // nothing that a form could say
		{errors.New("x"), 500, "error.page.internal", true},
	} {
		var tr Trace
		p := problemOf(&tr, tt.err)
		if p.Status != tt.status || p.Lead != tt.lead || (tr.Err != nil) != tt.logged {
			t.Errorf("%v: %d %s, logged %v; want %d %s, %v", tt.err, p.Status, p.Lead, tr.Err, tt.status, tt.lead, tt.logged)
		}
	}
}
