//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// onTCB is the app's name at TCB in docs/on-tcb.md.
const onTCB = "my-env-1250000000.tcloudbaseapp.com"

var shown = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// snippets are the blocks of a kind in docs/on-tcb.md.
func snippets(t *testing.T, kind string, want int) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/on-tcb.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range shown.FindAllStringSubmatch(string(page), -1) {
		if block[1] == kind {
			blocks = append(blocks, block[2])
		}
	}
	if len(blocks) != want {
		t.Fatalf("docs/on-tcb.md has %d blocks of %s, want %d", len(blocks), kind, want)
	}
	return blocks
}

// change replaces what a text has once.
func change(t *testing.T, text, from, to string) string {
	t.Helper()
	if n := strings.Count(text, from); n != 1 {
		t.Fatalf("%q is there %d times, want once", from, n)
	}
	return strings.Replace(text, from, to, 1)
}

// last is what follows the last time that a text has something.
func last(t *testing.T, text, begin string) string {
	t.Helper()
	i := strings.LastIndex(text, begin)
	if i < 0 {
		t.Fatalf("there is no %q", begin)
	}
	return strings.TrimSuffix(text[i:], "}\n")
}

// asked tells a server's caller what it was asked with.
func asked(who string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := ""
		if r.TLS != nil {
			name = r.TLS.ServerName
		}
		if r.URL.Path == "/folder" {
			w.Header().Set("Location", "https://"+onTCB+"/folder/")
			w.WriteHeader(http.StatusMovedPermanently)
		}
		_, _ = io.WriteString(w, strings.Join([]string{who, r.Host, name, r.Header.Get("X-Forwarded-For")}, " "))
	}
}

// hosting is a TLS server in TCB's place, and a file with the certificate to trust it by.
func hosting(t *testing.T) (address, trust string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: onTCB}, DNSNames: []string{onTCB},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(asked("tcb"))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not trust it hangs up
	s.StartTLS()
	t.Cleanup(s.Close)
	trust = filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.Listener.Addr().String(), trust
}

// TestOnTCB: with what docs/on-tcb.md says to put into the shipped configurations, the app's requests
// go to TCB by the names that it wants, and the page's to the page as the browser made them; a server
// whose certificate is another's gets nothing.
func TestOnTCB(t *testing.T) {
	t.Parallel()
	login := httptest.NewServer(asked("login"))
	t.Cleanup(login.Close)
	page := login.Listener.Addr().String()
	tcb, trust := hosting(t)
	_, elsewhere := hosting(t)
	// get asks the proxy.
	get := func(t *testing.T, origin, path string) (status int, location, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "192.0.2.1")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Location"), string(data)
	}
	for name, run := range map[string]func(t *testing.T, trust string) (origin string){
		"nginx": func(t *testing.T, trust string) string { return nginxOnTCB(t, page, tcb, trust) },
		"caddy": func(t *testing.T, trust string) string { return caddyOnTCB(t, page, tcb, trust) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := run(t, trust)
			host := strings.TrimPrefix(origin, "http://")
			if status, _, body := get(t, origin, "/orders/7"); status != http.StatusOK || !strings.HasPrefix(body, "tcb "+onTCB+" "+onTCB+" ") {
				t.Errorf("the app: %d, %s", status, body)
			}
			if _, location, _ := get(t, origin, "/folder"); location != origin+"/folder/" && location != "/folder/" {
				t.Errorf("a redirect leads to %s", location)
			}
			if status, _, body := get(t, origin, "/__auth/?env_id=e"); status != http.StatusOK || !strings.HasPrefix(body, "login "+host+"  ") {
				t.Errorf("the page: %d, %s", status, body)
			}
			if status, _, body := get(t, run(t, elsewhere), "/"); status != http.StatusBadGateway {
				t.Errorf("with another's certificate: %d, %s", status, body)
			}
		})
	}
	t.Run("front", func(t *testing.T) {
		t.Parallel()
		origin := frontOnTCB(t, page)
		if status, _, body := get(t, origin, "/orders/7"); status != http.StatusOK || body != "the app" {
			t.Errorf("the app: %d, %s", status, body)
		}
		// Caddy believes the gateway whom a request is from.
		if _, _, body := get(t, origin, "/__auth/"); body != "login "+strings.TrimPrefix(origin, "http://")+"  192.0.2.1, 127.0.0.1" {
			t.Errorf("the page: %s", body)
		}
	})
}

func nginxOnTCB(t *testing.T, login, tcb, trust string) (origin string) {
	t.Helper()
	snippet := snippets(t, "nginx", 1)[0]
	snippet = change(t, snippet, "proxy_pass https://$tcb;", "proxy_pass https://"+tcb+";")
	snippet = change(t, snippet, "/etc/ssl/certs/ca-certificates.crt", trust)
	front := listen(t)
	address, log := front.Addr().String(), filepath.Join(t.TempDir(), "log")
	site := nginxSite(t, "nginx.conf", address, log, "server 127.0.0.1:8080;", "server "+login+";")
	site = change(t, site, last(t, site, "    location / {\n"), strings.ReplaceAll(snippet, "/var/log/nginx/app.example.com.log", log))
	runNginx(t, front, site, log)
	return "http://" + address
}

func caddyOnTCB(t *testing.T, login, tcb, trust string) (origin string) {
	t.Helper()
	snippet := change(t, snippets(t, "caddy", 3)[0], "reverse_proxy https://"+onTCB+" {",
		"reverse_proxy https://"+tcb+" {\ntransport http {\ntls_server_name "+onTCB+"\n}\n")
	front := listenBeside(t)
	origin = "http://" + front.Addr().String()
	site := shipped(t, "Caddyfile", "\napp.example.com {", "\n"+origin+" {")
	site = change(t, site, last(t, site, "\thandle {\n"), snippet)
	runCaddy(t, site, "TCB_LOGIN="+login, "SSL_CERT_FILE="+trust)
	if err := front.Close(); err != nil {
		t.Error(err)
	}
	return origin
}

// frontOnTCB is the Caddy that runs on TCB itself, before the app's files.
func frontOnTCB(t *testing.T, login string) (origin string) {
	t.Helper()
	files := t.TempDir()
	if err := os.WriteFile(filepath.Join(files, "index.html"), []byte("the app"), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks := snippets(t, "caddy", 3)
	front := listenBeside(t)
	origin = "http://" + front.Addr().String()
	site := shipped(t, "Caddyfile", "\napp.example.com {", "\n"+origin+" {")
	site = change(t, site, last(t, site, "\thandle {\n"), change(t, blocks[1], "/srv", files))
	page := "reverse_proxy {$TCB_LOGIN:127.0.0.1:8080} {\n"
	site = change(t, site, page, page+change(t, blocks[2], "10.0.0.0/24", "127.0.0.0/24"))
	runCaddy(t, site, "TCB_LOGIN="+login)
	if err := front.Close(); err != nil {
		t.Error(err)
	}
	return origin
}
