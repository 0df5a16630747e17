package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path"
	"regexp"
	"testing"

	"github.com/andybalholm/brotli"
)

var hashedName = regexp.MustCompile(`^([a-z]+)\.([0-9a-f]{12})(\.(?:css|js))$`)

// TestFiles: each file is there under a name that holds its hash, and every
// encoding is the same bytes.
func TestFiles(t *testing.T) {
	t.Parallel()
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := files.ReadDir("files")
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		plain, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		name := f.Name(e.Name())
		m := hashedName.FindStringSubmatch(name)
		sum := sha256.Sum256(plain)
		if m == nil || m[1]+m[3] != e.Name() || m[2] != hex.EncodeToString(sum[:6]) {
			t.Errorf("%s is named %q", e.Name(), name)
			continue
		}
		file, ok := f.Lookup(name)
		if !ok || !bytes.Equal(file.Plain, plain) {
			t.Errorf("%s is not there, or other bytes", name)
			continue
		}
		if want := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[path.Ext(name)]; file.Type != want {
			t.Errorf("%s has type %q, want %q", name, file.Type, want)
		}
		if got := gunzip(t, file.Gzip); file.Gzip != nil && !bytes.Equal(got, plain) {
			t.Errorf("%s: gzip is other bytes", name)
		}
		if got, err := io.ReadAll(brotli.NewReader(bytes.NewReader(file.Brotli))); file.Brotli != nil && (err != nil || !bytes.Equal(got, plain)) {
			t.Errorf("%s: brotli is other bytes, %v", name, err)
		}
		for encoding, body := range map[string][]byte{"gzip": file.Gzip, "brotli": file.Brotli} {
			if len(body) >= len(plain) || len(plain) > 500 && body == nil {
				t.Errorf("%s: %d bytes in %s, %d plain", name, len(body), encoding, len(plain))
			}
		}
		if bytes.Contains(bytes.ReplaceAll(plain, []byte("http://www.w3.org/2000/svg"), nil), []byte("://")) {
			t.Errorf("%s names another host", e.Name())
		}
		if _, ok := f.Lookup(e.Name()); ok {
			t.Errorf("%s is served without its hash", e.Name())
		}
	}
	for _, name := range []string{"", ".", "app", "../static.go", "files/app.css", "app.000000000000.css"} {
		if _, ok := f.Lookup(name); ok || f.Name(name) != "" {
			t.Errorf("%q is a file", name)
		}
	}
}

func gunzip(t *testing.T, body []byte) []byte {
	t.Helper()
	if body == nil {
		return nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestCompress: an encoding that saves nothing is left out.
func TestCompress(t *testing.T) {
	t.Parallel()
	small := &File{Plain: []byte("a")}
	if err := small.compress(); err != nil || small.Gzip != nil || small.Brotli != nil {
		t.Errorf("%+v, %v", small, err)
	}
	empty := &File{}
	if err := empty.compress(); err != nil || empty.Gzip != nil || empty.Brotli != nil {
		t.Errorf("%+v, %v", empty, err)
	}
}
