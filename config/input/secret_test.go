package input

import (
	"strings"
	"testing"
)

func TestTrimSecret(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, want, invisible string
	}{
		{"s3cr3t", "s3cr3t", ""},
		{"s3cr3t\n", "s3cr3t", ""},
		{"s3cr3t\r\n\r\n", "s3cr3t", ""},
		{"\ufeffs3cr3t\r\n", "s3cr3t", ""},
		{" \ts3 cr3t \n", "s3 cr3t", ""},
		{"\ufeff \ns3cr3t", "s3cr3t", ""},
		{"", "", ""},
		{"\n", "", ""},
		{"\ufeff\r\n ", "", ""},
		{"s3cr3t\u200b", "s3cr3t\u200b", "U+200B"},
		{"s3cr3t\u200b\n", "s3cr3t\u200b", "U+200B"},
		{"\u00a0s3cr3t", "\u00a0s3cr3t", "U+00A0"},
		{"s3cr3t\u00a0 ", "s3cr3t\u00a0", "U+00A0"},
		{"s3cr3t\ufeff", "s3cr3t\ufeff", "U+FEFF"},
		{"\u3000s3cr3t", "\u3000s3cr3t", "U+3000"},
		{"s3cr3t\u2028", "s3cr3t\u2028", "U+2028"},
		{"\u200es3cr3t\u00a0", "\u200es3cr3t\u00a0", "U+200E"},
		{"s3cr3t\x00", "s3cr3t\x00", "U+0000"},
		{"s3cr3t\x1b", "s3cr3t\x1b", "U+001B"},
		{"s3cr3t\u3164", "s3cr3t\u3164", "U+3164"},
		{"s3cr3t\u2800", "s3cr3t\u2800", "U+2800"},
		{"s3cr3t\ufe0f", "s3cr3t\ufe0f", "U+FE0F"},
		{"s3\u200bcr3t", "s3\u200bcr3t", ""}, // within, it is as likely to be meant
		{"密码é", "密码é", ""},
		{" \xff\x00 \n", " \xff\x00 ", ""}, // random bytes
	}
	for _, tt := range tests {
		if got, invisible := TrimSecret(tt.in); got != tt.want || invisible != tt.invisible {
			t.Errorf("TrimSecret(%+q) = %+q, %q, want %+q, %q", tt.in, got, invisible, tt.want, tt.invisible)
		}
	}
}

func FuzzTrimSecret(f *testing.F) {
	for _, s := range []string{"\ufeffs3cr3t\r\n", "s\u200b", "\xff\n", " "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		secret, invisible := TrimSecret(s)
		if !strings.Contains(s, secret) || strings.HasSuffix(secret, "\n") || strings.HasSuffix(secret, "\r") {
			t.Errorf("TrimSecret(%+q) = %+q", s, secret)
		}
		if again, same := TrimSecret(secret); again != secret || same != invisible {
			t.Errorf("TrimSecret(%+q) = %+q, %q, and of that %+q, %q", s, secret, invisible, again, same)
		}
	})
}
