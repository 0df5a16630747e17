package emulator

import (
	"bytes"
	"compress/gzip"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bomb is gzip of so many zero bytes, encoded so many times over.
func bomb(t *testing.T, size, times int) string {
	t.Helper()
	content := make([]byte, size)
	for range times {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		content = out.Bytes()
	}
	return string(content)
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	paths := []struct{ method, path string }{
		{"POST", "/auth/v1/signin?client_id=demo"},
		{"GET", "/auth/v1/certs"},
		{"POST", "/auth/v1/nothing-there"},
		{"PUT", "/__emulator/settings"},
		{"PUT", "/__emulator/users/1"},
		{"POST", "/__emulator/reset"},
		{"POST", "/demo-idp/demo/demo/authorize?redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"},
		{"POST", "/captcha/x"},
		{"POST", "/device"},
	}
	packed := bomb(t, 64<<20, 2)
	if len(packed) > 64<<10 {
		t.Fatalf("the bomb has %d bytes", len(packed))
	}
	for _, tt := range paths {
		for _, encoding := range []string{"gzip", "gzip, gzip", "identity, gzip", "br", "deflate", "GZIP", "x-unknown", " zstd "} {
			a := f.do(tt.method, tt.path, packed, "Content-Encoding", encoding)
			if a.status != http.StatusUnsupportedMediaType || a.body["error"] != "invalid_argument" {
				t.Errorf("%s %s with %q: got %d %.80v, want 415", tt.method, tt.path, encoding, a.status, a.body)
			}
		}
		a := f.do(tt.method, tt.path, strings.Repeat(" ", maxBody+1))
		if a.status != http.StatusRequestEntityTooLarge || a.body["error"] != "invalid_argument" {
			t.Errorf("%s %s with over 1 MiB: got %d %.80v, want 413", tt.method, tt.path, a.status, a.body)
		}
		if strings.HasPrefix(tt.path, "/auth/") && a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a page cannot read the refusal", tt.path)
		}
	}
	body := encode(t, object{"username": "demo", "password": demoPassword})
	f.do("POST", "/auth/v1/signin?client_id=demo", body, "Content-Encoding", "identity").ok()
	f.do("POST", "/auth/v1/signin?client_id=demo", body+strings.Repeat(" ", maxBody-len(body))).ok()
	f.do("PUT", "/__emulator/settings", `{"captcha":"risk"}`).ok()
}

// Nothing in this package may decode what a caller sends.
func TestNothingDecodes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			if strings.Contains(spec.Path.Value, "compress") || strings.Contains(spec.Path.Value, "archive/") {
				t.Errorf("%s imports %s", file, spec.Path.Value)
			}
		}
		if n := bytes.Count(source, []byte("r.Body, maxBody")); n > 0 && file != "serve.go" {
			t.Errorf("%s reads a body by itself", file)
		}
	}
}
