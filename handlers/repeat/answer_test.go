package repeat

import (
	"slices"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// TestRequestOf: the order of fields makes no difference, nor does the token; everything else does.
func TestRequestOf(t *testing.T) {
	t.Parallel()
	of := func(address, body string) string {
		var form fasthttp.Args
		form.Parse(body)
		return string(RequestOf(address, &form, "token"))
	}
	same := []string{"a=1&b=2&token=x", "b=2&a=1&token=y", "b=2&token=z&a=1"}
	for _, body := range same {
		if of("/", body) != of("/", same[0]) {
			t.Errorf("%s is not %s", body, same[0])
		}
	}
	seen := map[string]string{of("/", same[0]): same[0]}
	for _, body := range []string{
		"", "a=1", "a=1&b=", "a=1&b=2&b=2", "a=2&b=1", "a=1b&=2", "a=1&b=2&c=", "a1=&b=2", "a=&=", "=a&=", "a=1%01b%012", "a=1%0Ab=2",
		"a=a&b=b", "a=b&b=a", "ab=ab",
	} {
		if other, has := seen[of("/", body)]; has {
			t.Errorf("%s is %s", body, other)
		}
		seen[of("/", body)] = body
	}
	if of("/a", "b=1") == of("/", "ab=1") || of("/", "a=1") == of("/x", "a=1") {
		t.Error("the address makes no difference")
	}
}

// TestGive: an answer comes back as it was, with its cookies or without, and nothing else is one.
func TestGive(t *testing.T) {
	t.Parallel()
	app := fiber.New()
	made := func(change func(c *fiber.Ctx)) *fiber.Ctx {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		change(c)
		return c
	}
	first := made(func(c *fiber.Ctx) {
		c.Set("Location", "/next?a=b")
		c.Set("Referrer-Policy", "no-referrer")
		c.Set("X-Other", "of its own")
		c.Response().Header.Add("Set-Cookie", "one=1; Path=/; HttpOnly")
		c.Response().Header.Add("Set-Cookie", "two=2; Path=/x")
		_ = c.Status(fiber.StatusSeeOther).SendString("a page")
	})
	room := AnswerOf(first, 5, 7)
	if cap(room) < len(room)+7 || string(room[:5]) != "\x00\x00\x00\x00\x00" {
		t.Errorf("%d of %d bytes, %q in front", len(room), cap(room), room[:5])
	}
	answer := room[5:]
	for _, cookies := range []bool{true, false} {
		c := made(func(*fiber.Ctx) {})
		if !Give(c, answer, cookies) {
			t.Fatal("it is not given")
		}
		resp := c.Response()
		if resp.StatusCode() != fiber.StatusSeeOther || string(resp.Body()) != "a page" || string(resp.Header.Peek("X-Other")) != "" {
			t.Errorf("it is\n%s", resp)
		}
		for _, name := range kept {
			if got, want := string(resp.Header.Peek(name)), string(first.Response().Header.Peek(name)); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		var want []string
		if cookies {
			want = []string{"one=1; Path=/; HttpOnly", "two=2; Path=/x"}
		}
		var got []string
		for _, cookie := range resp.Header.Cookies() {
			got = append(got, string(cookie))
		}
		if !slices.Equal(got, want) {
			t.Errorf("cookies %q, want %q", got, want)
		}
	}
	for n := range answer {
		c := made(func(*fiber.Ctx) {})
		if Give(c, answer[:n], true) || c.Response().StatusCode() != fiber.StatusOK || len(c.Response().Body()) > 0 {
			t.Fatalf("%d bytes of it are given", n)
		}
	}
	if Give(made(func(*fiber.Ctx) {}), append(slices.Clone(answer), 0), true) {
		t.Error("more than it is given")
	}
	if AnswerOf(made(func(c *fiber.Ctx) { c.Status(fiber.StatusBadRequest) }), 0, 0) != nil {
		t.Error("a refusal is kept")
	}
}
