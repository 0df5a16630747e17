package captcha

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestPageAddress(t *testing.T) {
	t.Parallel()
	const tcb, emulator = "https://demo.ap-shanghai.tcb-api.example", "http://127.0.0.1:8081"
	for _, tt := range []struct {
		page, endpoint string
		want           bool
	}{
		{"https://captcha.example/x?y=z", tcb, true},
		{"https://captcha.example/x", "", true},
		{"http://127.0.0.1:8081/captcha/x", emulator, true},
		{"http://localhost:8081/captcha/x", emulator, true},
		{"http://127.0.0.1:8081/captcha/x", tcb, false},
		{"http://127.0.0.1:8081/captcha/x", "", false},
		{"http://captcha.example/x", emulator, false},
		{"https://me@captcha.example/", tcb, false},
		{"https://me:pw@captcha.example/", tcb, false},
		{"https://", tcb, false},
		{"//captcha.example", tcb, false},
		{"/captcha", tcb, false},
		{"javascript:alert(1)", tcb, false},
		{"data:text/html,x", tcb, false},
		{"https://captcha.example/\x00", tcb, false},
		{"", tcb, false},
	} {
		if got := PageAddress(tt.page, tt.endpoint); got != tt.want {
			t.Errorf("%q with %q: %t", tt.page, tt.endpoint, got)
		}
	}
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]time.Duration{
		"600": 590 * time.Second, "": time.Minute, "x": time.Minute, "6e2": time.Minute, "5": 0, "0": 0, "-600": 0,
		"99999999": time.Hour - 10*time.Second, "99999999999999999999": time.Minute,
	} {
		if got := TokenLife(given); got != want {
			t.Errorf("%q: %v, want %v", given, got, want)
		}
	}
}

func FuzzCallback(f *testing.F) {
	for _, s := range []string{"", "v1.abc", "验证未完成", "<b>\u202eno", "\xff", strings.Repeat("e\u0301", 300), "https://a@b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		said := Said(s)
		if !utf8.ValidString(said) || utf8.RuneCountInString(said) > maxSaid+1 {
			t.Errorf("%q is said as %q", s, said)
		}
		for _, r := range said {
			if r != ' ' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Cf, unicode.Cc, unicode.Bidi_Control) {
				t.Errorf("%q is said with %U", s, r)
			}
		}
		if Said(said) != said && utf8.RuneCountInString(said) <= maxSaid {
			t.Errorf("%q is said otherwise the second time", said)
		}
		if IsToken(s) && url.QueryEscape(s) == "" {
			t.Errorf("%q is a token", s)
		}
		if PageAddress(s, "https://tcb.example") {
			if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.User != nil {
				t.Errorf("%q is an address to go to", s)
			}
		}
		if life := TokenLife(s); life < 0 || life > maxToken {
			t.Errorf("%q lives %v", s, life)
		}
	})
}
