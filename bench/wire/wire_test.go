package wire

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFile(t *testing.T) {
	t.Parallel()
	want := []Answer{{Path: "/a", Status: 303, Headers: []Header{{"Location", "/b"}}, Body: []byte{0, 255}, Calls: []Call{{Method: "GET", Path: "/c"}}}}
	file := filepath.Join(t.TempDir(), "answers.json")
	if err := Write(file, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Read(file + "-none"); err == nil {
		t.Error("a file that is not there")
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	a := Answer{Headers: []Header{{"Content-Security-Policy", "script-src http://127.0.0.1:1/s/"}}, Body: []byte(`<a href="http://127.0.0.1:1/">`)}
	a.Move("http://127.0.0.1:1", "http://127.0.0.1:2")
	if a.Headers[0].Value != "script-src http://127.0.0.1:2/s/" || string(a.Body) != `<a href="http://127.0.0.1:2/">` {
		t.Errorf("%+v", a)
	}
}

// Each question is answered by a number that only grows.
func TestObey(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Obey(strings.NewReader("\n\n"), &out)
	var last uint64
	lines := strings.Fields(out.String())
	for _, line := range lines {
		n, err := strconv.ParseUint(line, 10, 64)
		if err != nil || n < last || n == 0 {
			t.Errorf("%q after %d: %v", line, last, err)
		}
		last = n
	}
	if len(lines) != 2 {
		t.Errorf("%d answers, want 2", len(lines))
	}
}
