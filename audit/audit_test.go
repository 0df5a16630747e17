package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var testKey = Key{ID: "2026-11", Bytes: []byte("a log key of more than thirty-two bytes")}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("audit.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("audit.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func check(s *jsonschema.Schema, line []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// full is an event with everything.
var full = Event{
	Name: SignIn, Outcome: Refused, Reason: "tcb_refused", Code: "invalid_password", Method: ByPassword, Provider: "wx_open", What: Password,
	Flow: "sign-in-sms", Calling: "86", Rule: "password of person", Texts: strings.Repeat("0a", 16), Sub: "123", Identifier: "wang@example.com",
	Request: Request{
		EnvID: "demo", ClientID: "demo", ConfigVersion: "env", Address: "192.0.2.1", RequestID: "0123456789abcdef",
		TraceID: strings.Repeat("4f", 16), Session: "a session's id",
	},
}

// TestSchema: what is written is of the schema, which refuses what is not.
func TestSchema(t *testing.T) {
	t.Parallel()
	s := schema(t)
	var out bytes.Buffer
	l, err := Open(Config{Writer: &out, Key: testKey, Now: func() time.Time { return time.Date(2026, 11, 27, 8, 0, 0, 123456789, time.FixedZone("CST", 8*3600)) }})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(full)
	line := out.Bytes()
	if err := check(s, line); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for _, secret := range []string{"wang", "123\"", "a session's id", string(testKey.Bytes)} {
		if bytes.Contains(line, []byte(secret)) {
			t.Errorf("%q is in the line %s", secret, line)
		}
	}
	if !bytes.Contains(line, []byte(`"time":"2026-11-27T00:00:00.123Z"`)) {
		t.Errorf("the time of %s", line)
	}
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 23 {
		t.Errorf("%d fields, and full has not all", len(fields))
	}
	for name, bad := range map[string]any{
		"v": 2, "event": "other", "outcome": "", "reason": "because", "method": "magic", "person": "wang", "session": "x", "address": "here",
		"texts": "", "time": "now", "calling_code": "+86", "unknown": "x", "key_id": "", "request_id": "a b",
	} {
		broken := map[string]any{}
		for k, v := range fields {
			broken[k] = v
		}
		broken[name] = bad
		text, err := json.Marshal(broken)
		if err != nil {
			t.Fatal(err)
		}
		if check(s, text) == nil {
			t.Errorf("the schema takes %s %v", name, bad)
		}
	}
}

// TestLists: the schema has the lists of the source.
func TestLists(t *testing.T) {
	t.Parallel()
	var doc struct {
		Properties map[string]struct{ Enum []string }
	}
	if err := json.Unmarshal(Schema, &doc); err != nil {
		t.Fatal(err)
	}
	names, outcomes, methods := []string{}, []string{}, []string{}
	for _, n := range Names {
		names = append(names, string(n))
	}
	for _, o := range Outcomes {
		outcomes = append(outcomes, string(o))
	}
	for _, m := range Methods {
		methods = append(methods, string(m))
	}
	for field, want := range map[string][]string{"event": names, "outcome": outcomes, "method": methods} {
		if got := doc.Properties[field].Enum; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}

// TestHashes: one account and one identifier have one hash however they are written, and another in
// another environment or under another key.
func TestHashes(t *testing.T) {
	t.Parallel()
	other := Key{ID: "other", Bytes: []byte("another key of more than thirty-two bytes")}
	same := []string{"+86 13800138000", "+8613800138000", "13800138000", " +86 138-0013-8000 ", "１３８００１３８０００"}
	for _, typed := range same {
		if got, want := testKey.Identifier("demo", typed), testKey.Identifier("demo", same[0]); got != want || len(got) != 32 {
			t.Errorf("%q is %s, want %s", typed, got, want)
		}
	}
	if testKey.Identifier("demo", "Wang@Example.com") != testKey.Identifier("demo", "wang@example.com") {
		t.Error("letters' case counts")
	}
	all := []string{
		testKey.Person("demo", "1"), testKey.Person("other", "1"), testKey.Person("demo", "2"), testKey.Identifier("demo", "1"),
		other.Person("demo", "1"), testKey.hasher().of("session", "1"), testKey.Person("demo1", ""), testKey.Person("dem", "o1"),
	}
	for i, hash := range all {
		if slices.Index(all, hash) != i && hash != "" {
			t.Errorf("%d and %d are alike", i, slices.Index(all, hash))
		}
	}
	if testKey.Person("demo", "") != "" || testKey.Identifier("demo", " ") != "" || testKey.hasher().of("session", "") != "" {
		t.Error("nobody has a hash")
	}
}

// TestFile: nobody else may read it, lines are added to it, and one that was moved away is made anew.
func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{Path: path, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(full)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Write(full)
	l.Write(full)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	again, err := Open(Config{Path: path, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	again.Write(full)
	again.Close()
	for name, want := range map[string]int{path: 3, path + ".1": 1} {
		text, err := os.ReadFile(name)
		if err != nil || bytes.Count(text, []byte("\n")) != want {
			t.Errorf("%s: %d lines, %v, want %d", name, bytes.Count(text, []byte("\n")), err, want)
		}
	}
}

type broken struct{ err error }

func (b *broken) Write(p []byte) (int, error) { return len(p), b.err }

// TestLost: a line that cannot be written is counted, and no panic.
func TestLost(t *testing.T) {
	t.Parallel()
	to := &broken{errors.New("no room")}
	l, err := Open(Config{Writer: to, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(full)
	l.Write(full)
	if n, err := l.Lost(); n != 2 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	to.err = nil
	l.Write(full)
	if n, err := l.Lost(); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	var none *Log
	none.Write(full)
	if n, err := none.Lost(); n != 0 || err != nil || none.Close() != nil {
		t.Error("a log that is none")
	}
	for _, key := range []Key{{}, {ID: "x", Bytes: []byte("short")}, {Bytes: testKey.Bytes}} {
		if _, err := Open(Config{Writer: to, Key: key}); err == nil {
			t.Errorf("%+v is a key", key)
		}
	}
}

// TestDeadFile: a file that can no longer be written is opened anew.
func TestDeadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{Path: path, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	l.file.Close() // as a network ends it
	l.Write(full)
	if n, err := l.Lost(); n != 1 || err == nil {
		t.Errorf("%d lines lost, %v", n, err)
	}
	l.Write(full)
	l.Close()
	l.Write(full) // of a request that outlives the program's end
	l.Close()
	text, err := os.ReadFile(path)
	if n, lost := l.Lost(); bytes.Count(text, []byte("\n")) != 2 || err != nil || n != 1 || lost != nil {
		t.Errorf("%d lines, %v; %d lost, %v", bytes.Count(text, []byte("\n")), err, n, lost)
	}
}
