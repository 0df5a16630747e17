package loginpage

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcb-login/theme"
)

func TestParseJSON(t *testing.T) {
	t.Parallel()
	data := []byte("{\n \"ключ\": [1e3, \"\\u0041\", true, null, {}, []],\r\n\t\"b\" : -0.5\n}")
	root, failures := parseJSON(data)
	if len(failures) > 0 {
		t.Fatal(failures)
	}
	lines := newLines(data)
	at := func(offset int) [2]int {
		line, column := lines.position(offset)
		return [2]int{line, column}
	}
	list := root.members[0].value
	tests := []struct {
		name string
		got  [2]int
		want [2]int
	}{
		{"root", at(root.at), [2]int{1, 1}},
		{"key", at(root.members[0].at), [2]int{2, 2}},
		{"list", at(list.at), [2]int{2, 10}},
		{"number", at(list.items[0].at), [2]int{2, 11}},
		{"text", at(list.items[1].at), [2]int{2, 16}},
		{"object", at(list.items[4].at), [2]int{2, 38}},
		{"second key", at(root.members[1].at), [2]int{3, 2}},
		{"second value", at(root.members[1].value.at), [2]int{3, 8}},
		{"end", at(len(data)), [2]int{4, 2}},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s is at %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	kinds := []jsonKind{jsonNumber, jsonString, jsonBool, jsonNull, jsonObject, jsonArray}
	for i, want := range kinds {
		if got := list.items[i].kind; got != want {
			t.Errorf("item %d is %v, want %v", i, got, want)
		}
	}
	if list.items[0].text != "1e3" || list.items[1].text != "A" || !list.items[2].yes {
		t.Errorf("values: %+v", list.items)
	}
}

// As many keys as fit take a time that grows with their number and not faster, doubled ones too.
func TestParseJSONLarge(t *testing.T) {
	took := func(keys int) time.Duration {
		data := []byte("{" + strings.Repeat("\"a\":1,\n", keys) + "\"b\":1}")
		start := time.Now()
		_, failures := parseJSON(data)
		if len(failures) < keys/2 {
			t.Fatalf("%d duplicates of %d", len(failures), keys)
		}
		return time.Since(start)
	}
	const most = maxConfig/7 - 2
	few, many := time.Hour, time.Hour
	for try := range 50 { // the machine has other things to do: the quickest tell, after some or many
		few, many = min(few, took(most/16)), min(many, took(most))
		if try >= 4 && many <= 64*few {
			return
		}
	}
	t.Errorf("16 times the keys take %v in place of %v", many, few)
}

func FuzzParseJSON(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no test data", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`[1,,2] {"a" 1} "\ud800" 1.e5 [}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, failures := parseJSON(data)
		if root == nil && len(failures) == 0 {
			t.Fatal("neither a document nor a reason")
		}
		if root != nil && !json.Valid(data) {
			t.Fatal("took what is no JSON")
		}
		lines := newLines(data)
		check := func(at int) {
			if at < 0 || at > len(data) {
				t.Fatalf("offset %d of %d", at, len(data))
			}
			line, column := lines.position(at)
			if line < 1 || line > bytes.Count(data, []byte("\n"))+1 || column < 1 || column > len(data)+1 {
				t.Fatalf("position %d:%d", line, column)
			}
		}
		for _, failure := range failures {
			check(failure.at)
			if failure.message == "" || strings.ContainsAny(failure.message, "\r\n") {
				t.Errorf("odd message %q", failure.message)
			}
		}
		var walk func(n *jsonNode)
		walk = func(n *jsonNode) {
			check(n.at)
			if first := map[jsonKind]string{jsonString: `"`, jsonArray: "[", jsonObject: "{", jsonNull: "n", jsonBool: "tf", jsonNumber: "-0123456789"}[n.kind]; !strings.Contains(first, string(data[n.at])) {
				t.Fatalf("%v begins with %q", n.kind, data[n.at])
			}
			for _, item := range n.items {
				walk(item)
			}
			for _, m := range n.members {
				check(m.at)
				if data[m.at] != '"' {
					t.Fatalf("a key begins with %q", data[m.at])
				}
				walk(m.value)
			}
		}
		if root != nil {
			walk(root)
		}
	})
}

// A config that parses is complete; one that does not says where.
func FuzzLoginConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no test data", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	root, err := os.OpenRoot("testdata/files")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data string) {
		p := &parser{
			file: "f.json", dir: "__auth/env", tree: newTreeReader(root), lines: newLines([]byte(data)), source: sourceOf(""),
			page: &Page{Theme: theme.Default()},
		}
		node, failures := parseJSON([]byte(data))
		if node == nil || len(failures) > 0 {
			return
		}
		p.config(node)
		for _, problem := range p.problems {
			if problem.Line < 1 || problem.Line > strings.Count(data, "\n")+1 || problem.Column < 1 || problem.Message == "" ||
				strings.ContainsAny(problem.Message, "\r\n") {
				t.Errorf("odd problem %#v", problem)
			}
		}
		if p.problems.HasErrors() {
			return
		}
		l := p.page
		if len(l.Methods) == 0 || l.Registration == "" || l.Theme.Radius > 24 || l.Theme.Radius < 0 {
			t.Errorf("incomplete page %+v", l)
		}
		for _, palette := range []theme.Palette{l.Theme.Light, l.Theme.Dark} {
			for _, f := range palette.Faint() {
				if !f.Advice {
					t.Errorf("%s: %s", f.Front, f)
				}
			}
		}
		if strings.ContainsAny(l.Name, "<>\n\x00") {
			t.Errorf("name %q", l.Name)
		}
		for _, link := range l.Links {
			if s := link.URL; !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "mailto:") && !strings.HasPrefix(s, "tel:") {
				t.Errorf("link to %q", s)
			}
		}
	})
}
