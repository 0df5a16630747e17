package proxyheaders

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	origin = "https://app.example.com"
	own    = "default-src 'none'; script-src https://app.example.com/__auth/static/; form-action 'self'"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more http.Header
		want []string // what the problems hold, one after the other
	}{
		"nothing added":           {nil, nil},
		"what hurts nobody":       {http.Header{"X-Frame-Options": {"DENY"}, "Referrer-Policy": {"no-referrer"}, "Cross-Origin-Opener-Policy": {"same-origin"}}, nil},
		"frames":                  {http.Header{"Content-Security-Policy": {"frame-ancestors 'none'; upgrade-insecure-requests"}}, nil},
		"all of us, and pictures": {http.Header{"Content-Security-Policy": {"default-src 'self'; img-src 'self' data:"}}, nil},
		"everything":              {http.Header{"Content-Security-Policy": {"default-src * data:"}}, nil},
		"our host":                {http.Header{"Content-Security-Policy": {"default-src *.example.com data:; form-action https://app.example.com"}}, nil},
		"our host, in full":       {http.Header{"Content-Security-Policy": {"default-src HTTPS://App.example.com:443 data:; script-src https://app.example.com/__auth/static/; style-src app.example.com:*/__auth/; connect-src https://*.example.com/"}}, nil},
		"other paths":             {http.Header{"Content-Security-Policy": {"script-src https://app.example.com/app/; style-src app.example.com/__auth; connect-src https://app.example.com/__auth/static/"}}, []string{"scripts", "stylesheet", "portal"}},
		"other ports":             {http.Header{"Content-Security-Policy": {"script-src app.example.com:8443; style-src http://app.example.com; connect-src *.app.example.com"}}, []string{"scripts", "stylesheet", "portal"}},
		"by element":              {http.Header{"Content-Security-Policy": {"script-src 'self'; script-src-elem 'none'; style-src 'none'; style-src-elem 'self'"}}, []string{"scripts"}},
		"trusted types":           {http.Header{"Content-Security-Policy": {"require-trusted-types-for 'script'"}}, []string{"offering"}},
		"a referrer for all":      {http.Header{"Referrer-Policy": {"same-origin", "unsafe-url, nonsense"}}, []string{"Referrer-Policy"}},
		"a referrer over https":   {http.Header{"Referrer-Policy": {"No-Referrer-When-Downgrade"}}, []string{"Referrer-Policy"}},
		"another referrer":        {http.Header{"Referrer-Policy": {"unsafe-url", "strict-origin-when-cross-origin"}}, nil},
		"no pictures":             {http.Header{"Content-Security-Policy": {"default-src 'self'"}}, []string{"captcha"}},
		"no scripts":              {http.Header{"Content-Security-Policy": {"script-src 'none'"}}, []string{"scripts"}},
		"nonces":                  {http.Header{"Content-Security-Policy": {"script-src 'self' 'nonce-abc' 'strict-dynamic'"}}, []string{"scripts"}},
		"another's host":          {http.Header{"Content-Security-Policy": {"script-src https://cdn.example.net; STYLE-SRC 'self'; style-src 'none'"}}, []string{"scripts"}},
		"two in a line":           {http.Header{"Content-Security-Policy": {"connect-src 'none', form-action 'none'"}}, []string{"portal", "forms"}},
		"a sandbox":               {http.Header{"Content-Security-Policy": {"sandbox allow-forms allow-same-origin"}}, []string{"allow-scripts"}},
		"data cleared":            {http.Header{"Clear-Site-Data": {`"cache", "storage"`}}, []string{"Clear-Site-Data"}},
	} {
		h := http.Header{"Content-Security-Policy": {own}, "Cache-Control": {"no-store"}}
		for key, values := range tt.more {
			h[key] = append(h[key], values...)
		}
		got := Judge(h, origin, "/__auth")
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q, want %d problems", name, got, len(tt.want))
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: %q, want it to be about %s", name, got[i], want)
			}
		}
	}
	if got := Judge(http.Header{"Content-Security-Policy": {"default-src *  data:"}, "Cache-Control": {"public"}}, origin, "/__auth"); len(got) != 2 {
		t.Errorf("ours replaced: %q", got)
	}
}

// TestWatcher: what is wrong is found, said once, and gone when it is mended; who does not answer,
// or somebody else, says nothing.
func TestWatcher(t *testing.T) {
	t.Parallel()
	policy, page := "script-src 'none'", `<body data-page="error">`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Content-Security-Policy", "default-src 'none'; script-src http://"+r.Host+"/__auth/static/")
		w.Header().Add("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(page))
	}))
	defer srv.Close()
	var log strings.Builder
	w := New([]string{srv.URL, "http://127.0.0.1:1"}, "/__auth", slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		if !w.look(t.Context(), srv.URL) {
			t.Fatal("our own page is not known")
		}
	}
	if got := w.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], srv.URL+": Content-Security-Policy") {
		t.Errorf("problems: %q", got)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("it was logged %d times: %s", n, log.String())
	}
	if w.look(t.Context(), "http://127.0.0.1:1") {
		t.Error("nobody is known")
	}
	policy, page = "frame-ancestors 'none'", "<body>"
	if w.look(t.Context(), srv.URL) || len(w.Problems()) != 1 {
		t.Error("another's page counts")
	}
	page = `<body data-page="error">`
	if w.look(t.Context(), srv.URL); len(w.Problems()) != 0 {
		t.Errorf("mended, and still %q", w.Problems())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	w.Run(ctx) // ends
}
