package notes

import (
	"encoding/json"
	"testing"
	"time"

	"tcb-login/config/loginpage"
)

// FuzzNotes: whatever another version has written into the cookie, notes are read, changed and
// written again, and say of nobody what was said of another.
func FuzzNotes(f *testing.F) {
	for _, s := range []string{
		`{}`, `null`, `[]`, `{"p":null}`, `{"p":{"x":null}}`, `{"a":null,"r":true}`, `{"p":{"x":{"t":1e18,"s":-1,"q":9,"n":true,"r":99,"o":1}}}`,
		`{"p":{"a":null,"b":{"t":1},"c":{"t":2},"d":{},"e":{},"f":{}}}`, `{"a":{"1":"x","2":"x","3":"x","4":"x","5":"x","6":"x","7":"x","8":"x","9":"x"}}`,
		`{"P":{"X":{"T":1}}}`, `{"p":{"x":{"a":null}}}`, "{", "\xff",
	} {
		f.Add([]byte(s), "sub")
	}
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	f.Fuzz(func(t *testing.T, data []byte, sub string) {
		n := New(now, func(n *Notes) bool { return json.Unmarshal(data, n) == nil })
		page := &loginpage.Page{Key: loginpage.Key{App: "a", Version: "1"}}
		page.Agreements = []loginpage.Agreement{{Label: "Terms"}}
		if n.Changed() {
			t.Error("reading has changed them")
		}
		other := n.Of("other " + sub)
		n.Agree(page)
		if got := n.SignIn(sub, page); got != page.Agreed() || n.AgreedTo(sub, page) != got {
			t.Errorf("agreed to %q, noted %q", got, n.AgreedTo(sub, page))
		}
		n.Change(sub, func(p *Person) { p.Seen = 5 })
		if len(n.People) > maxPeople || n.Reset || n.Of(sub).Seen != 5 || !n.Changed() {
			t.Errorf("%d people, reset %v, seen %d", len(n.People), n.Reset, n.Of(sub).Seen)
		}
		if after := n.Of("other " + sub); after.Review != other.Review && after.Review != ReviewNone || after.Seen != other.Seen && after.Seen != 0 {
			t.Errorf("of another it said %+v, and says %+v", other, after)
		}
		if _, err := json.Marshal(n); err != nil {
			t.Error(err)
		}
	})
}
