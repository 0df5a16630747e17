package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

var hashedName = regexp.MustCompile(`^([a-zA-Z.-]+)\.([0-9a-f]{12})(\.(?:css|js|json))$`)

// TestFiles: each file is there under a name that holds its hash, every encoding
// is the same bytes, and what is no file of its own has no name.
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
		if ending := path.Ext(e.Name()); ending == ".gz" || ending == ".br" {
			if f.Name(e.Name()) != "" || f.Name(strings.TrimSuffix(e.Name(), ending)) == "" {
				t.Errorf("%s is a file of its own", e.Name())
			}
			continue
		}
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
		if want := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json"}[path.Ext(name)]; file.Type != want {
			t.Errorf("%s has type %q, want %q", name, file.Type, want)
		}
		if got := gunzip(t, file.Gzip); file.Gzip != nil && !bytes.Equal(got, plain) {
			t.Errorf("%s: gzip is other bytes", name)
		}
		if got, err := io.ReadAll(brotli.NewReader(bytes.NewReader(file.Brotli))); file.Brotli != nil && (err != nil || !bytes.Equal(got, plain)) {
			t.Errorf("%s: brotli is other bytes, %v", name, err)
		}
		for encoding, body := range map[string][]byte{"gzip": file.Gzip, "brotli": file.Brotli} {
			if len(body) >= len(plain) || body == nil {
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

// TestNewFile: what is made at run time is hashed and compressed too.
func TestNewFile(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("a{color:red}"), 100)
	file, err := NewFile("theme.css", body)
	if err != nil {
		t.Fatal(err)
	}
	if got := gunzip(t, file.Gzip); !bytes.Equal(got, body) || len(file.Gzip) >= len(body) {
		t.Errorf("gzip: %d bytes", len(file.Gzip))
	}
	if got, err := io.ReadAll(brotli.NewReader(bytes.NewReader(file.Brotli))); err != nil || !bytes.Equal(got, body) || len(file.Brotli) >= len(body) {
		t.Errorf("brotli: %d bytes, %v", len(file.Brotli), err)
	}
	if other, err := NewFile("theme.css", body[1:]); err != nil || other.Hash == file.Hash || other.Type != "text/css; charset=utf-8" {
		t.Errorf("other bytes: %+v, %v", other, err)
	}
	if _, err := NewFile("theme.png", body); err == nil {
		t.Error("a file without a media type is made")
	}
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
