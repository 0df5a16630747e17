package notes

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tcb-login/config/loginpage"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func fresh(now *time.Time) *Notes {
	return New(func() time.Time { return *now }, func(*Notes) bool { return false })
}

func page(version, text string) *loginpage.Page {
	return &loginpage.Page{Key: loginpage.Key{Env: "demo", App: "a", Version: version}, Agreements: []loginpage.Agreement{
		{Label: "Terms", Text: []loginpage.Block{{Kind: loginpage.BlockParagraph, Runs: []loginpage.Run{{Text: text}}}}},
	}}
}

// What is agreed to is of the page, its texts, and of who signs in next.
func TestAgree(t *testing.T) {
	t.Parallel()
	now := noon
	n := fresh(&now)
	one, changed, other, none := page("1", "Be kind."), page("1", "Be very kind."), page("2", "Be kind."), &loginpage.Page{}
	if got := n.SignIn("ada", one); got != "" || n.Changed() {
		t.Errorf("agreed to %q by nobody", got)
	}
	n.Agree(one)
	if got := n.SignIn("ada", changed); got != "" {
		t.Error("agreed to other texts")
	}
	if got := n.SignIn("ada", other); got != "" {
		t.Error("agreed to another page's")
	}
	if got := n.SignIn("ada", none); got != "" {
		t.Error("agreed to nothing")
	}
	if got := n.SignIn("ada", one); got != one.Agreed() || n.AgreedTo("ada", one) != got || !n.Changed() {
		t.Errorf("agreed to %q", got)
	}
	if n.AgreedTo("bob", one) != "" || n.SignIn("bob", one) != "" {
		t.Error("another person has agreed by that")
	}
	if one.Agreed() == changed.Agreed() || none.Agreed() != "" {
		t.Error("the hash is not of the texts")
	}
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	now := noon
	n := fresh(&now)
	n.ResetPassword()
	n.SignIn("ada", &loginpage.Page{})
	n.SignIn("bob", &loginpage.Page{})
	if n.Of("ada").Review != ReviewDue || n.Of("bob").Review != ReviewNone {
		t.Errorf("ada %v, bob %v", n.Of("ada").Review, n.Of("bob").Review)
	}
}

// However much happens in a browser, its notes fit into a cookie, and the newest are kept.
func TestBounds(t *testing.T) {
	t.Parallel()
	now := noon
	n := fresh(&now)
	for i := range 50 {
		now = now.Add(time.Second)
		sub := fmt.Sprint("person-", i)
		for j := range 50 {
			p := page(fmt.Sprint(j), "Be kind.")
			n.Agree(p)
			if n.SignIn(sub, p) == "" || n.AgreedTo(sub, p) == "" {
				t.Fatalf("%s has not agreed to page %d", sub, j)
			}
			n.Agree(p)
		}
		n.Change(sub, func(p *Person) {
			p.Seen, p.Asked, p.News, p.Own = now.Unix(), now.Unix(), true, now.Unix()
			for j := range 50 {
				p.End(fmt.Sprint("device-", j), now.Add(time.Duration(j)*time.Second))
			}
		})
	}
	for i := range 50 {
		if known := n.Of(fmt.Sprint("person-", i)).Seen != 0; known != (i >= 46) {
			t.Errorf("person %d is known: %t", i, known)
		}
	}
	data, err := json.Marshal(n)
	if err != nil || len(data) > 2700 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	read := New(n.now, func(into *Notes) bool { return json.Unmarshal(data, into) == nil })
	if read.Of("person-49").Seen != now.Unix() || read.Changed() {
		t.Errorf("read back: %+v", read.Of("person-49"))
	}
}

// TestEnded: a login that began before its device's logins were ended is over, and no other.
func TestEnded(t *testing.T) {
	t.Parallel()
	now := noon
	n := fresh(&now)
	n.Change("ada", func(p *Person) { p.End("phone", noon) })
	tests := []struct {
		sub, device, began string
		want               bool
	}{
		{"ada", "phone", noon.Add(-time.Hour).Format(time.RFC3339), true},
		{"ada", "phone", noon.Format(time.RFC3339), true},
		{"ada", "phone", noon.Add(time.Second).Format(time.RFC3339), false},
		{"ada", "laptop", noon.Add(-time.Hour).Format(time.RFC3339), false},
		{"bob", "phone", noon.Add(-time.Hour).Format(time.RFC3339), false},
		{"ada", "phone", "lately", false},
	}
	for _, tt := range tests {
		if got := n.Of(tt.sub).HasEnded(tt.device, tt.began); got != tt.want {
			t.Errorf("%s on %s since %s is over: %t", tt.sub, tt.device, tt.began, got)
		}
	}
	// The newest are kept, and a device that is ended again counts once.
	n.Change("ada", func(p *Person) {
		for i := range maxEnded {
			p.End(fmt.Sprint("tablet-", i), noon.Add(time.Duration(i+1)*time.Minute))
		}
		p.End("tablet-0", noon.Add(time.Hour))
	})
	ada := n.Of("ada")
	if ada.HasEnded("phone", noon.Format(time.RFC3339)) || !ada.HasEnded("tablet-0", noon.Format(time.RFC3339)) || len(ada.Ended) != maxEnded {
		t.Errorf("%d are noted: %v", len(ada.Ended), ada.Ended)
	}
	if data, err := json.Marshal(n); err != nil || strings.Contains(string(data), "tablet") {
		t.Errorf("a device_id is in the cookie: %s, %v", data, err)
	}
}

// TestEndOthers: all devices but one have ended, as far as they said which they are.
func TestEndOthers(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	var p Person
	p.End("a", at.Add(-time.Hour))
	p.EndOthers("mine", at)
	before, after := at.Add(-time.Minute).Format(time.RFC3339), at.Add(time.Minute).Format(time.RFC3339)
	for id, want := range map[string]bool{"a": true, "b": true, "mine": false, "": false} {
		if p.HasEnded(id, before) != want || p.HasEnded(id, after) {
			t.Errorf("%q: before %v, after %v; want %v, false", id, p.HasEnded(id, before), p.HasEnded(id, after), want)
		}
	}
}
