package handlers

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"tcb-login/handlers/web"
)

// bomb compresses a lot of nothing, once per writer, from the inside out.
func bomb(t *testing.T, around ...func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	inner := bytes.Repeat([]byte("a"), bombSize)
	for _, wrap := range around {
		var out bytes.Buffer
		w := wrap(&out)
		if _, err := w.Write(inner); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		inner = out.Bytes()
	}
	return inner
}

const (
	bombSize = 16 << 20
	// mayCost is what a refused request may allocate at most, the test's own
	// client included: far more than it does, far less than a bomb.
	mayCost = 4 << 20
)

// TestEncodedBodies: a body that would have to be decoded is refused by every
// route before anything reads it, and costs nothing. Not parallel: it looks at
// what the whole process allocates.
func TestEncodedBodies(t *testing.T) {
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	deflate := func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
	br := func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }
	twice, thrice := bomb(t, gz, gz), bomb(t, gz, gz, gz)
	plain := []byte("username=demo&password=x")
	tests := []struct {
		name      string
		encodings []string
		body      []byte
		refused   bool
	}{
		{"gzip in gzip in gzip", []string{"gzip, gzip, gzip"}, thrice, true},
		{"the same in three lines", []string{"gzip", "gzip", "gzip"}, thrice, true},
		{"gzip, gzip", []string{"gzip, gzip"}, twice, true},
		{"brotli", []string{"br"}, bomb(t, br), true},
		{"deflate in gzip", []string{"deflate, gzip"}, bomb(t, deflate, gz), true},
		{"in capitals", []string{"GZIP,gzip"}, twice, true},
		{"after identity", []string{"identity, gzip, gzip"}, twice, true},
		{"after identity, in two lines", []string{"identity", "gzip, gzip"}, twice, true},
		{"what nobody has heard of", []string{"snappy"}, plain, true},
		{"zstd", []string{"zstd"}, plain, true},
		{"an encoding that it does not have", []string{"gzip"}, plain, true},
		{"none at all", []string{"gzip"}, nil, true},
		{"identity", []string{"identity"}, plain, false},
		{"identity in capitals, twice", []string{"Identity, identity"}, plain, false},
		{"nothing named", []string{""}, plain, false},
	}
	s := newSite(t)
	b := s.browser() // whose token /session believes, so that it would read what comes
	var guard struct {
		Session string
		CSRF    string `json:"csrf_token"`
	}
	b.open("/account").script("guard", &guard)
	routes := 0
	for _, r := range s.rows(t) {
		if r.Post == nil {
			continue
		}
		routes++
		path := s.base + r.at()
		for _, tt := range tests {
			if len(tt.body) > web.BodyLimit {
				t.Fatalf("%s has %d bytes", tt.name, len(tt.body))
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.addr+path+"?"+entryQuery(appPage), bytes.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = strings.TrimPrefix(publicOrigin, "https://")
			req.Header = http.Header{"Content-Encoding": tt.encodings, "Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {publicOrigin}}
			if r.JSON {
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("X-CSRF-Token", guard.CSRF)
				req.Header.Set("Sec-Fetch-Site", "same-origin")
				for _, c := range b.cookies() {
					req.AddCookie(c)
				}
			}
			calls := s.backend.count("")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatalf("%s, %s: %v", path, tt.name, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if cost := after.TotalAlloc - before.TotalAlloc; tt.refused && cost > mayCost {
				t.Errorf("%s, %s: %d bytes cost %d MB", path, tt.name, len(tt.body), cost>>20)
			}
			if refused := resp.StatusCode == http.StatusUnsupportedMediaType; refused != tt.refused {
				t.Errorf("%s, %s: %s", path, tt.name, resp.Status)
				continue
			}
			if !tt.refused {
				continue
			}
			if got := s.backend.count(""); got != calls {
				t.Errorf("%s, %s: TCB was called", path, tt.name)
			}
			var answer handOffAnswer
			switch {
			case !r.JSON:
				if !bytes.Contains(body, []byte("error.page.unreadable")) {
					t.Errorf("%s, %s: %s", path, tt.name, body)
				}
			case json.Unmarshal(body, &answer) != nil || answer.Error != "unsupported_body":
				t.Errorf("%s, %s: %s", path, tt.name, body)
			}
		}
	}
	if routes < 15 {
		t.Errorf("%d routes take a POST", routes)
	}
}

// TestUnreadableSaysSo: the page is in the person's language and leads on.
func TestUnreadableSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	for _, l := range s.cfg.Messages.Locales() {
		lang := l.Locale()
		p := b.open("/sign-in", "lang="+lang)
		got := b.do(http.MethodPost, p.action(), p.filled(fields{"username": "demo", "password": demoPassword}), http.Header{"Content-Encoding": {"gzip"}})
		got.want(http.StatusUnsupportedMediaType, "error", "error.page.unreadable")
		if got.lang() != lang {
			t.Errorf("the page is in %q, want %q", got.lang(), lang)
		}
		b.click(got, "entry").want(http.StatusOK, "sign-in")
	}
}
