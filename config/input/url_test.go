package input

import (
	"net/url"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"https://app.example.com/", "http://127.0.0.1:8080/a?b=%#c", "https://[2001:db8::1]/", "https://EXAMPLE.com", "https://_dmarc.example.com",
	} {
		if complaint := CheckURL(s); complaint != "" {
			t.Errorf("CheckURL(%q) = %q", s, complaint)
		}
	}
	bad := []struct{ url, want string }{
		{"", "want an absolute URL"},
		{"//example.com", "want an absolute URL"},
		{"ftp://example.com", "want an absolute URL"},
		{"https:example.com", "want an absolute URL"},
		{"javascript:alert(1)", "want an absolute URL"},
		{"https://exa mple.com", "plain ASCII"},
		{"https://例え.jp", "plain ASCII"},
		{`https://example.com\@evil.example`, "backslash"},
		{"https://user@example.com", "user name or password"},
		{"https://example.com:0/", "the port"},
		{"https://example.com:080/", "the port"},
		{"https://127.1/", "not a host name"},
		{"https://0x7f.0.0.1/", "not a host name"},
		{"https://[::ffff:127.0.0.1%25eth0]/", "not a host name"},
		{"https://" + strings.Repeat("a", 64) + ".com/", "not a host name"},
	}
	for _, tt := range bad {
		if complaint := CheckURL(tt.url); !strings.Contains(complaint, tt.want) {
			t.Errorf("CheckURL(%q) = %q, want %q", tt.url, complaint, tt.want)
		}
	}
}

func TestCheckHostPort(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"app.example.com": "", "app.example.com:8443": "", "[::1]:80": "", "xn--bcher-kva.example": "",
		"bücher.example": `"xn--bcher-kva.example"`, "例え.jp:8443": `"xn--r8jz45g.jp"`, "ａpp.example.com": `"app.example.com"`,
		"bü cher.example": "not a host name", "app.example.com.": "not a host name", "a..b": "not a host name",
	} {
		if got := CheckHostPort(host); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("CheckHostPort(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestOriginOf(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://app.example.com/a?b#c":   "https://app.example.com",
		"HTTPS://App.Example.COM:443":     "https://app.example.com",
		"http://app.example.com:80/":      "http://app.example.com",
		"http://app.example.com:443/":     "http://app.example.com:443",
		"https://app.example.com:":        "https://app.example.com",
		"https://user@app.example.com":    "https://app.example.com",
		"https://bücher.example:8443/":    "https://xn--bcher-kva.example:8443",
		"https://BÜCHER.example/":         "https://xn--bcher-kva.example",
		"http://[::1]:3000/":              "http://[::1]:3000",
		"http://[2001:DB8::1]":            "http://[2001:db8::1]",
		"https://app.example.com./":       "https://app.example.com.", // to browsers another origin
		"https://under_score.example.com": "https://under_score.example.com",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := OriginOf(u); got != want {
			t.Errorf("OriginOf(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.1": true, "[::1]": true, "::1": true,
		"": false, "0.0.0.0": false, "localhost.example.com": false, "192.0.2.1": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %t", host, got)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		`a"b`: `"a\"b"`, "hunter2@example.com": "(not shown)", strings.Repeat("字", 61): `"` + strings.Repeat("字", 60) + `…"`,
	} {
		if got := Quote(s); got != want {
			t.Errorf("Quote(%q) = %s, want %s", s, got, want)
		}
	}
}
