package input

import (
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
