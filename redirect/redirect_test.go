package redirect

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// redirectCases are those of the pages' own tests, which say in the file how each list is to be
// read.
type redirectCases struct {
	AllowList []string       `json:"allow_list"`
	Cases     []redirectCase `json:"cases"`
	OwnOrigin []redirectCase `json:"own_origin"`
	NextParam []redirectCase `json:"next_param"`
}

type redirectCase struct{ ID, URI, Expect string }

const publicOrigin = "https://login.example.net"

func readRedirectCases(t testing.TB) (c redirectCases) {
	t.Helper()
	data, err := os.ReadFile("../handlers/testdata/redirect_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := readRedirectCases(t)
	if len(cases.Cases) < 100 || len(cases.OwnOrigin) < 20 {
		t.Fatalf("only %d and %d cases", len(cases.Cases), len(cases.OwnOrigin))
	}
	for _, c := range cases.Cases {
		if got := Check(publicOrigin, c.URI, cases.AllowList, true); (got != Refused) != (c.Expect == "accept") {
			t.Errorf("%s: %q is %d, want %s", c.ID, c.URI, got, c.Expect)
		}
		if got := Check(publicOrigin, c.URI, cases.AllowList, false); got == WithCode {
			t.Errorf("%s: %q is for a code that nobody asked for", c.ID, c.URI)
		}
	}
	for _, c := range cases.OwnOrigin {
		if got := Check(publicOrigin, c.URI, cases.AllowList, false); (got == OwnOrigin) != (c.Expect == "accept") {
			t.Errorf("%s: %q is %d, want %s", c.ID, c.URI, got, c.Expect)
		}
	}
}

func FuzzCheck(f *testing.F) {
	cases := readRedirectCases(f)
	for _, list := range [][]redirectCase{cases.Cases, cases.OwnOrigin, cases.NextParam} {
		for _, c := range list {
			f.Add(publicOrigin, c.URI)
		}
	}
	f.Add("http://127.0.0.1:8080", "http://127.0.0.1:8080/a b")
	f.Add("http://[::1]:8080", "http://[::1]:8080/\u2066")
	f.Add("http://localhost:8080", "http://localhost:80801/")
	origins := []string{publicOrigin, "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"}
	f.Fuzz(func(t *testing.T, origin, uri string) {
		if !slices.Contains(origins, origin) {
			origin = publicOrigin
		}
		without := Check(origin, uri, cases.AllowList, false)
		with := Check(origin, uri, cases.AllowList, true)
		if without == WithCode || (without == OwnOrigin) != (with == OwnOrigin) {
			t.Fatalf("%q: %v without the code flow, %v with it", uri, without, with)
		}
		switch with {
		case OwnOrigin:
			checkOwnTarget(t, origin, uri)
		case WithCode:
			checkRegistered(t, uri, cases.AllowList)
		}
	})
}

func checkOwnTarget(t *testing.T, origin, uri string) {
	t.Helper()
	rest, ok := strings.CutPrefix(uri, origin)
	if !ok || rest != "" && !strings.ContainsRune("/?#", rune(rest[0])) {
		t.Fatalf("%q is not on %s", uri, origin)
	}
	if !utf8.ValidString(uri) {
		t.Fatalf("%q is no text", uri)
	}
	path, _, _ := strings.Cut(rest, "?")
	path, _, _ = strings.Cut(path, "#")
	if strings.Contains(path, `\`) {
		t.Fatalf("%q has a backslash in its path", uri)
	}
	for _, r := range uri {
		if unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("%q has %U", uri, r)
		}
	}
	if u, err := url.Parse(uri); err == nil && (u.Scheme+"://"+u.Host != origin || u.User != nil || u.Opaque != "") {
		t.Fatalf("%q goes to %s as net/url reads it", uri, u.Host)
	}
}

func checkRegistered(t *testing.T, uri string, allowed []string) {
	t.Helper()
	if slices.Contains(allowed, uri) {
		return
	}
	// Then it is a registered loopback address but for its port.
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) {
		t.Fatalf("%q is neither registered nor on loopback (%v)", uri, err)
	}
	for _, entry := range allowed {
		e, err := url.Parse(entry)
		if err == nil && e.Hostname() == u.Hostname() && strings.TrimPrefix(entry, "http://"+e.Host) == strings.TrimPrefix(uri, "http://"+u.Host) {
			return
		}
	}
	t.Fatalf("%q differs from what is registered by more than its port", uri)
}
