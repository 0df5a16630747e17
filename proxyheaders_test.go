package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestProxyHeaders: a header that somebody's proxy adds and that keeps the pages from working is told
// by /readyz, which stays ready.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	var pages atomic.Pointer[url.URL]
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if to := pages.Load(); to != nil {
				r.SetURL(to)
			}
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Add("Content-Security-Policy", "script-src 'none'")
			r.Header.Add("X-Frame-Options", "SAMEORIGIN")
			return nil
		},
	})
	defer proxy.Close()
	settings := settingsFile(t, "public_origins: ["+proxy.URL+"]\nenvironments: [{id: demo}]\n")
	s := start(t, 3, nil, anywhere(t, "-emulator", "-settings", settings)...)
	to, err := url.Parse(s.urls["login"])
	if err != nil {
		t.Fatal(err)
	}
	pages.Store(to)
	wait(t, "the header is told", func() bool {
		resp, err := http.Get(s.urls["admin"] + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var said struct {
			Status   string
			Warnings []string
		}
		if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.Status != "ok" {
			t.Fatalf("%+v, %v", said, err)
		}
		return len(said.Warnings) == 1 && strings.Contains(said.Warnings[0], `"script-src 'none'"`)
	})
}
