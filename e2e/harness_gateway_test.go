//go:build e2e

package e2e

import (
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gateway plays the app's own front door: the app on every path below /app, the login page below
// /__auth.
type gateway struct {
	origin  string
	server  *server
	client  atomic.Pointer[string] // the address it reports for its visitors
	forgets atomic.Pointer[string] // how the names of cookies begin that visitors do not bring back, if any do so
	proxy   *httputil.ReverseProxy
	http    *http.Server
	origins sync.Map // the Origin headers of forms that were posted through it
}

// newGateway serves the app and, in front of the binary at login, the login page. It closes the
// listener when the test ends.
func newGateway(t *testing.T, s *server, l net.Listener, login *url.URL) *gateway {
	g := &gateway{origin: "http://" + l.Addr().String(), server: s}
	g.from("203.0.113.1") // the server looks at its own pages as soon as they can be reached
	g.serve(l, login)
	t.Cleanup(func() { _ = g.http.Close() })
	return g
}

// from sets the visitors' address from now on, so that a test with many sends is not one visitor's
// flood.
func (g *gateway) from(address string) { g.client.Store(&address) }

// forget makes a request that of a browser which keeps some cookies, or none.
func (g *gateway) forget(r *http.Request) {
	prefix := g.forgets.Load()
	if prefix == nil {
		return
	}
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, *prefix) {
			r.AddCookie(c)
		}
	}
}

func (g *gateway) serve(l net.Listener, login *url.URL) {
	// A connection of its own for every request: none is shared with another test's gateway.
	g.proxy = &httputil.ReverseProxy{Transport: &http.Transport{DisableKeepAlives: true}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(login)
		r.Out.Host = r.In.Host
		if r.In.Header.Get("Sec-Fetch-Mode") == "navigate" && r.In.Method == http.MethodPost {
			g.origins.Store(r.In.Header.Get("Origin"), true)
		}
		r.Out.Header.Set("X-Forwarded-For", *g.client.Load())
		r.Out.Header.Set("X-Forwarded-Proto", "http")
	}}
	if g.server.noReferrer {
		g.proxy.ModifyResponse = func(r *http.Response) error {
			r.Header.Set("Referrer-Policy", "no-referrer")
			r.Header.Set("Cross-Origin-Opener-Policy", "same-origin")
			r.Header.Add("X-Frame-Options", "SAMEORIGIN")
			r.Header.Add("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; object-src 'none'")
			return nil
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/__auth", g.proxy)
	mux.HandleFunc("/__auth/", func(w http.ResponseWriter, r *http.Request) {
		g.forget(r)
		g.proxy.ServeHTTP(w, r)
	})
	mux.HandleFunc("/app/", g.page)
	mux.HandleFunc("/sdk.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		http.ServeFile(w, r, filepath.Join("build", g.server.sdk+".js"))
	})
	g.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := g.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
}

var appPage = template.Must(template.New("app").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The app</title>
<link rel="icon" href="data:,">
<h1>The app</h1>
<button id="login">Sign in</button>
<script src="/sdk.js"></script>
<script>
	const { env, region, clientId, endpoint, sdk, accessKey } = {{.}};
	window.app = cloudbase.init({ env, region, clientId, accessKey });
	if (sdk === "sdk2") {
		// 2.x takes its address when the auth object is made, so that is made again.
		app.registerEndPointWithKey({ url: endpoint, protocol: "http:", key: "CLOUD_API" });
		window.auth = app.auth({});
	} else {
		app.registerEndPointWithKey({ url: endpoint, protocol: "http:", key: "GATEWAY" });
		window.auth = app.auth();
	}
	document.getElementById("login").addEventListener("click", () => auth.toDefaultLoginPage({}));
	document.documentElement.dataset.ready = "yes";
</script>
</html>
`))

// page is the app: any path below /app, query and hash left alone.
func (g *gateway) page(w http.ResponseWriter, _ *http.Request) {
	config := map[string]string{
		"env": "demo", "region": "ap-shanghai", "sdk": g.server.sdk,
		"endpoint": "//" + g.server.emulator.url.Host,
	}
	if g.server.client != "demo" {
		config["clientId"] = g.server.client // else the SDK's own default, the environment's id
	}
	if g.server.accessKey {
		config["accessKey"] = g.server.publishable
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := appPage.Execute(w, config); err != nil {
		panic(err)
	}
}
