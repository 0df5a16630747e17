package handlers

import (
	"io"
	"log/slog"
	"testing"

	"github.com/valyala/fasthttp"

	"tcb-login/config/settings"
	"tcb-login/handlers/entry"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
)

// BenchmarkGetSignIn is the whole of a sign-in page but the network: session,
// CSRF, headers, rendering and the log line. With "cookie" the browser has been
// here before.
func BenchmarkGetSignIn(b *testing.B) {
	memory := limit.NewMemory(limit.MemoryConfig{})
	sessions, err := session.New(session.Config{Keys: [][]byte{make([]byte, session.MinKey)}, Deny: memory, BasePath: "/__auth"})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := i18n.Load()
	if err != nil {
		b.Fatal(err)
	}
	assets, err := static.Load()
	if err != nil {
		b.Fatal(err)
	}
	app, err := New(Config{
		Context: b.Context(), Settings: settings.Demo(), Origins: []string{"http://127.0.0.1:8080"},
		NewAuth:  func(settings.Environment, settings.Client) (entry.Auth, error) { return nil, nil },
		Sessions: sessions, Counter: memory, Outcomes: memory, Values: memory, Messages: messages, Static: assets,
		Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	handler := app.Handler()
	var c fasthttp.RequestCtx // a server uses them again too
	get := func(cookie string) *fasthttp.RequestCtx {
		c.ResetUserValues()
		c.Request.Reset()
		c.Response.Reset()
		c.Request.SetRequestURI("/__auth/?app_id=&env_id=demo&client_id=demo&config_version=env&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Forders")
		c.Request.Header.SetHost("127.0.0.1:8080")
		c.Request.Header.Set("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")
		if cookie != "" {
			c.Request.Header.SetCookie("tcb_login", cookie)
		}
		handler(&c)
		if c.Response.StatusCode() != 200 {
			b.Fatalf("status %d", c.Response.StatusCode())
		}
		return &c
	}
	var cookie fasthttp.Cookie
	if err := cookie.ParseBytes(get("").Response.Header.PeekCookie("tcb_login")); err != nil {
		b.Fatal(err)
	}
	for name, value := range map[string]string{"fresh": "", "cookie": string(cookie.Value())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				get(value)
			}
		})
	}
}
