package session

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// TestCookieOfBefore: a cookie that gorilla's own codec wrote, as versions before did, is read, and
// written anew when something changes.
func TestCookieOfBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.load("")
	s.SetLocale("zh-CN")
	var gorillas []securecookie.Codec
	for _, codec := range b.store.Codecs {
		if _, ok := codec.(*securecookie.SecureCookie); ok {
			gorillas = append(gorillas, codec)
		}
	}
	sealed, err := securecookie.EncodeMulti(s.raw.Name(), s.raw.Values, gorillas...)
	if err != nil {
		t.Fatal(err)
	}
	before := sessions.NewCookie(s.raw.Name(), sealed, s.raw.Options).String()
	read := b.load(browser(t, []string{before}))
	if !same(s, read) || read.Locale() != "zh-CN" || cookies(t, read) != nil {
		t.Error("a session of before is not read, or set anew without need")
	}
	read.SetLocale("en")
	now := cookies(t, read)
	if len(now[0]) >= len(before) || !same(s, b.load(browser(t, now))) {
		t.Errorf("it is not written as now: %d bytes, before %d", len(now[0]), len(before))
	}
}

// TestCookieValues: every value comes back, of names that we do not know too, and nothing that is no
// plain text is written.
func TestCookieValues(t *testing.T) {
	t.Parallel()
	codec := newBench(t).store.Codecs[0]
	for _, values := range []map[any]any{
		{}, {"id": "x"}, {"id": "", "other": "y", "": "z"}, {"locale": "zh-CN", "a": strings.Repeat("x", 2000)},
	} {
		text, err := codec.Encode("name", values)
		if err != nil {
			t.Fatal(err)
		}
		got := map[any]any{}
		if err := codec.Decode("name", text, &got); err != nil || !maps.Equal(got, values) {
			t.Errorf("%v, %v, want %v", got, err, values)
		}
		if err := codec.Decode("another name", text, &got); err == nil {
			t.Error("it opens under another name")
		}
	}
	for _, values := range []any{
		map[any]any{"a\x00": "b"}, map[any]any{"a": "b\x00"}, map[any]any{1: "b"}, map[any]any{"a": 1}, map[string]string{}, nil,
	} {
		if _, err := codec.Encode("name", values); err == nil {
			t.Errorf("%v is written", values)
		}
	}
	if _, err := codec.Encode("name", map[any]any{"a": strings.Repeat("x", maxCookie)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("what a browser would not keep is written: %v", err)
	}
	long := make([]byte, codec.(sealedCookie).aead.NonceSize())
	values, err := appendValues(0, 0, map[any]any{"a": strings.Repeat("x", maxCookie)})
	if err != nil {
		t.Fatal(err)
	}
	long = codec.(sealedCookie).aead.Seal(long, long, values, ofCookie("name"))
	if err := codec.Decode("name", encode("", long), &map[any]any{}); err == nil {
		t.Error("what is longer than any of ours is read")
	}
	got := map[any]any{}
	older, _ := json.Marshal(map[string]string{"id": "x", "locale": "en"})
	if err := (stringValues{}).Deserialize(older, &got); err != nil || !maps.Equal(got, map[any]any{"id": "x", "locale": "en"}) {
		t.Errorf("an older version's: %v, %v", got, err)
	}
}
