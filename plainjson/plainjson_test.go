package plainjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"
)

// TestAppend: every character of ASCII is taken as encoding/json writes it, or not at all.
func TestAppend(t *testing.T) {
	t.Parallel()
	for c := range rune(unicode.MaxASCII + 1) {
		text := "a" + string(c) + "b"
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got, plain := Append([]byte("x"), text)
		same := string(want) == `"`+text+`"` && c != 0x7f // which nothing need escape
		if plain != same || plain && string(got) != "x"+string(want) || !plain && string(got) != "x" {
			t.Errorf("%q: %s, %t", text, got, plain)
		}
	}
	for _, text := range []string{"登录", "\xff", "\u2028"} {
		if _, plain := Append(nil, text); plain {
			t.Errorf("%q is plain", text)
		}
	}
	if got, plain := Append(nil, ""); !plain || !bytes.Equal(got, []byte(`""`)) {
		t.Errorf("no text: %s", got)
	}
}
