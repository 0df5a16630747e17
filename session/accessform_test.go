package session

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// jwt makes a token of three parts.
func jwt(parts ...string) string {
	for i := range parts {
		parts[i] = base64.RawURLEncoding.EncodeToString([]byte(parts[i]))
	}
	return strings.Join(parts, ".")
}

// TestAccessForm: a login comes back as it was, and its token to the letter. A JWT takes less room.
func TestAccessForm(t *testing.T) {
	t.Parallel()
	long := jwt(`{"alg":"RS256"}`, strings.Repeat(`{"sub":"1"}`, 60), strings.Repeat("\x00\xff", 128))
	tests := []struct {
		name, token string
		shorter     bool
	}{
		{"none", "", false},
		{"a JWT", long, true},
		{"of empty parts", "..", false},
		{"two parts", jwt("a", "b"), false},
		{"four parts", jwt("a", "b", "c", "d"), false},
		{"padded", long + "==", false},
		{"bits left over", long[:len(long)-2] + "_x", false},
		{"a part of an impossible length", "a.b.c", false},
		{"base64 of the other alphabet", "+/+/.+/+/.+/+/", false},
		{"a line's end, which decoders pass over", long[:8] + "\n" + long[8:], false},
		{"two of them", long[:8] + "\r\n" + long[8:], false},
		{"one that is alone", "\n.\n.\n", false},
		{"no text", "\xff\x00\xfe", false},
		{"opaque", strings.Repeat("x", 4096), false},
	}
	for _, tt := range tests {
		want := Access{
			AccessToken: tt.token, Sub: "小林", ExpiresAt: midnight.Unix(), Anonymous: true, DeviceID: "device", Login: "login",
			AuthAt: -1, SudoToken: tt.token, SudoUntil: 1 << 62,
		}
		form := want.appendTo(nil)
		var got Access
		if !got.read(form) || got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
		if shorter := len(form) < 2*len(tt.token); shorter != tt.shorter {
			t.Errorf("%s: %d bytes for two tokens of %d", tt.name, len(form), len(tt.token))
		}
		if len(form) > want.size() {
			t.Errorf("%s: %d bytes, and room for %d", tt.name, len(form), want.size())
		}
	}
}

// TestAccessFormBroken: what is cut off, goes on or is of another form is read as nothing.
func TestAccessFormBroken(t *testing.T) {
	t.Parallel()
	a := Access{AccessToken: jwt("head", "claims", "signature"), Sub: "lin", SudoToken: "sudo", ExpiresAt: 1}
	form := string(a.appendTo(nil))
	broken := []string{form + "\x00", "\x02" + form[1:], "\x01\x02" + form[2:], "\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "{", "[]", `"`}
	for n := range len(form) {
		broken = append(broken, form[:n])
	}
	for _, text := range broken {
		got := Access{Sub: "before"}
		if got.read([]byte(text)) || got != (Access{Sub: "before"}) {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// TestAccessOfBefore: a login that the version before sealed, as JSON, is read.
func TestAccessOfBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	want := Access{
		AccessToken: jwt("head", "claims", "signature"), Sub: "lin", ExpiresAt: 1, Anonymous: true, DeviceID: "device", Login: "login",
		AuthAt: midnight.Unix(), SudoToken: "sudo", SudoUntil: midnight.Unix(),
	}
	before, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.seal(associated(s.id, scope, accessPurpose), json.RawMessage(before), time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	set := s.setAccessCookie(s.accessName(scope)+"0", "1"+sealed, 60)
	if got, ok := b.load(browser(t, cookies(t, s), []string{set})).Access(scope); !ok || got != want {
		t.Errorf("%v %+v, want %+v", ok, got, want)
	}
}

// FuzzAccessForm: every token comes back to the letter, and no bytes crash who reads them.
func FuzzAccessForm(f *testing.F) {
	for _, token := range []string{"", "..", jwt("head", "claims", "signature"), "QQ.QQ.QR", "Q\nQ.QQ.QQ", "a.b.c"} {
		want := Access{AccessToken: token}
		f.Add(token, want.appendTo(nil))
	}
	f.Fuzz(func(t *testing.T, token string, form []byte) {
		want := Access{AccessToken: token, SudoToken: token + ".", Sub: "lin"}
		var got Access
		if !got.read(want.appendTo(nil)) || got != want {
			t.Fatalf("%q came back as %q", token, got.AccessToken)
		}
		var other Access
		other.read(form)
	})
}
