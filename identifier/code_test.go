package identifier

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestNormalizeCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"123456": "123456", " 123 456 ": "123456", "123-456": "123456", "１２３４５６": "123456",
		"１２３　４５６": "123456", "123\u2013456": "123456", "\u200b123456\n": "123456", "12345a": "12345a",
		"": "", " - ": "", "\xff123456": "123456",
		"【App2】验证码：123456":                                "123456",
		"【App2】验证码：123456，5分钟内有效":                         "123456",
		"【App2】驗證碼：１２３４５６，5分鐘內有效":                         "123456",
		"【2024】您的验证码是 123456，请勿告知他人。":                     "123456",
		"Your App2 code is 123456. Valid for 10 minutes.": "123456",
		"123456 is your App2 code. Ref 654321":            "123456",
		"订单 654321，验证码 123456":                            "123456",
		"654321号订单的验证码为：123456":                           "123456",
		"G-123456":             "123456",
		"認証コードは123456です":       "123456",
		"인증번호 [123456]를 입력하세요": "123456",
		"您尾号 4321 的手机 13800138000 的验证码：123456": "123456",
		"【App2】验证码：123 456":                    "123456",
		"123-456 is your App2 code.":           "123456",
		"112233 445566":                        "112233",
		"code 1234567":                         "code1234567",
		"1234567":                              "1234567",
		"12345":                                "12345",
		"【App2】验证码：12345":                      "【App2】验证码:12345",
		"\u200f验证码\u200f：123\u200b456":         "123456",
	} {
		if got := NormalizeCode(in); got != want {
			t.Errorf("NormalizeCode(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCodesInMessages: what is found in a message; "" is nothing. Script is held against the same
// table (static/test).
func TestCodesInMessages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/codes.json")
	if err != nil {
		t.Fatal(err)
	}
	var tests [][2]string
	if err := json.Unmarshal(text, &tests); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		in, want := tt[0], tt[1]
		if got := NormalizeCode(in); got != want && (want != "" || IsCode(got)) {
			t.Errorf("NormalizeCode(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIsCode(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"123456": true, "000000": true,
		"": false, "12345": false, "1234567": false, "12345a": false, " 123456": false, "123456\n": false, "１２３４５６": false, "+12345": false,
	} {
		if got := IsCode(s); got != want {
			t.Errorf("IsCode(%q) = %t", s, got)
		}
	}
}

func BenchmarkNormalizeCode(b *testing.B) {
	for name, text := range map[string]string{"code": "123456", "message": "【App2】您的验证码为：123456，5分钟内有效", "long": strings.Repeat("+123456", 9000)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				NormalizeCode(text)
			}
		})
	}
}

func FuzzNormalizeCode(f *testing.F) {
	for _, s := range []string{"123 456", "１２３-４５６", "\xff", "\u200b1", "【App2】验证码：123456，5分钟内有效", "654321 code 123456 1234567", "到 12-3456 了", "Ref 1 123-456x", "A\u02d9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code := NormalizeCode(s)
		if again := NormalizeCode(code); again != code {
			t.Errorf("NormalizeCode(%q) = %q, and of that %q", s, code, again)
		}
		if run := regexp.MustCompile(`(^|[^0-9])[0-9]{6}([^0-9]|$)`); run.MatchString(s) && isASCII(s) && !IsCode(code) {
			t.Errorf("NormalizeCode(%q) = %q, which is no code", s, code)
		}
		if strings.ContainsFunc(code, unicode.IsSpace) || strings.Contains(code, "-") {
			t.Errorf("NormalizeCode(%q) = %q", s, code)
		}
	})
}
