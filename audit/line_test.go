package audit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sameLine wants of a line what encoding/json makes of it.
func sameLine(t *testing.T, l *line) {
	t.Helper()
	var want bytes.Buffer
	wantErr := json.NewEncoder(&want).Encode(l)
	got, err := l.append([]byte{})
	if (err == nil) != (wantErr == nil) || err == nil && string(got) != want.String() {
		t.Errorf("it writes %s(%v), encoding/json %s(%v)", got, err, want.String(), wantErr)
	}
}

// TestLine: a line is what encoding/json makes of it, with each of its fields and without, and of plain
// words is not left to that.
func TestLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 9, 8, 7, 650e6, time.UTC)
	texts := reflect.TypeFor[line]().NumField() - 2 // all but the version and the time
	all := &line{V: Version, Time: at}
	for i := range texts {
		for _, text := range []string{"", "a b", `a"b`, "<", "登录", "\n", "\xff"} {
			one := &line{V: Version, Time: at, Event: SignIn, Outcome: OK}
			reflect.ValueOf(one).Elem().Field(2 + i).SetString(text)
			sameLine(t, one)
			if _, plain := one.appendPlain(nil); plain != (text == "" || text == "a b") {
				t.Errorf("%s: %q is plain: %t", reflect.TypeFor[line]().Field(2+i).Name, text, plain)
			}
		}
		reflect.ValueOf(all).Elem().Field(2 + i).SetString(strings.Repeat("x", i+1))
	}
	sameLine(t, all)
	for _, at := range []time.Time{{}, at.In(time.FixedZone("", 3600)), at.AddDate(9000, 0, 0), at.AddDate(-3000, 0, 0)} {
		sameLine(t, &line{Time: at})
	}
}

func FuzzLine(f *testing.F) {
	f.Add("sign_in", "ok", "demo", "2001:db8::1", int64(1))
	f.Add("a\"b", "\\", "\u2028\xff<&>", "", int64(-62135596801))
	f.Fuzz(func(t *testing.T, event, outcome, env, address string, seconds int64) {
		sameLine(t, &line{V: Version, Time: time.Unix(seconds, 1e6).UTC(), Event: Name(event), Outcome: Outcome(outcome), EnvID: env, Address: address})
	})
}

// TestHashesStay: an account has one hash for as long as its key lives, whatever stood in the lines
// between: operators keep lines of years.
func TestHashesStay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l, err := Open(Config{Writer: &out, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	other := full
	other.Sub, other.Identifier, other.Session = strings.Repeat("4", 200), "", "another"
	for _, e := range []Event{full, other, full} {
		l.Write(e)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, i := range []int{0, 2} {
		var got line
		if err := json.Unmarshal(lines[i], &got); err != nil {
			t.Fatal(err)
		}
		if got.Person != "0f120172529a29f54095c887d5969453" || got.Identifier != "6074d00e2105effc4b0ae7ef8d3a814a" || got.Session != "81bed33a86c2fd48fe6d6621976ba578" {
			t.Errorf("line %d has the hashes %s, %s, %s", i, got.Person, got.Identifier, got.Session)
		}
	}
}
