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
