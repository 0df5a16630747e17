package loginpage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"unicode/utf8"

	"tcb-login/config/input"
)

// Limits of a login config. The largest that TCB's console writes have a few KiB.
const (
	maxConfig    = 256 << 10 // bytes
	maxJSONDepth = 32
)

// A jsonKind is what a JSON value is.
type jsonKind byte

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// String names the kind in words for operators.
func (k jsonKind) String() string {
	return [...]string{"null", "true or false", "a number", "text", "a list", "an object"}[k]
}

// A jsonNode is a JSON value that knows where it stands: decoding into structs would stop at the
// first bad value and tell neither unknown keys, nor duplicate ones, nor positions.
type jsonNode struct {
	kind    jsonKind
	at      int    // its first byte
	text    string // of a string, or a number as written
	yes     bool   // of true
	items   []*jsonNode
	members []jsonMember
}

// A jsonMember is a key and its value in an object.
type jsonMember struct {
	key   string
	at    int // the key's first byte
	value *jsonNode
}

// A jsonError is what is wrong with a document as JSON.
type jsonError struct {
	at      int
	message string
}

// parseJSON reads one JSON document. The node is nil when it has none that can be read; duplicate
// keys are errors beside a node, which then has the first of them.
func parseJSON(data []byte) (*jsonNode, []jsonError) {
	// encoding/json would put U+FFFD in the place of what is no UTF-8.
	if at := invalidUTF8(data); at >= 0 {
		return nil, []jsonError{{at, "not valid UTF-8"}}
	}
	// Behind this check, reading tokens cannot fail: Decoder.Token alone would accept data that
	// follows.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		at := len(data)
		if se, ok := errors.AsType[*json.SyntaxError](err); ok && se.Offset > 0 {
			at = int(se.Offset) - 1 // the offset counts the bytes read, the bad one included
			if at == len(data)-1 && se.Error() == "unexpected end of JSON input" {
				at = len(data)
			}
		}
		return nil, []jsonError{{at, "not valid JSON: " + err.Error()}}
	}
	r := &jsonReader{data: data, lines: newLines(data), dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return nil, append(r.errors, *err)
	}
	return root, r.errors
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

type jsonReader struct {
	data   []byte
	lines  *lineIndex
	dec    *json.Decoder
	errors []jsonError
}

// next returns the next token and where it begins.
func (r *jsonReader) next() (json.Token, int, error) {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[at]) >= 0 {
		at++
	}
	t, err := r.dec.Token()
	return t, at, err
}

func (r *jsonReader) value(depth int) (*jsonNode, *jsonError) {
	token, at, err := r.next()
	if err != nil {
		return nil, &jsonError{at, "not valid JSON: " + err.Error()}
	}
	n := &jsonNode{at: at}
	switch t := token.(type) {
	case bool:
		n.kind, n.yes = jsonBool, t
	case json.Number:
		n.kind, n.text = jsonNumber, t.String()
	case string:
		n.kind, n.text = jsonString, t
	case json.Delim:
		if depth == maxJSONDepth {
			return nil, &jsonError{at, fmt.Sprintf("nested deeper than %d levels", maxJSONDepth)}
		}
		n.kind = jsonArray
		if t == '{' {
			n.kind = jsonObject
		}
		first := map[string]int{} // where each key is
		for r.dec.More() {
			var m jsonMember
			if n.kind == jsonObject {
				key, at, err := r.next()
				if err != nil {
					return nil, &jsonError{at, "not valid JSON: " + err.Error()}
				}
				m.key, _ = key.(string)
				m.at = at
			}
			v, failure := r.value(depth + 1)
			if failure != nil {
				return nil, failure
			}
			if n.kind == jsonArray {
				n.items = append(n.items, v)
				continue
			}
			m.value = v
			// A duplicate is read by one program as the first and by another as the last.
			if at, ok := first[m.key]; ok {
				line, _ := r.lines.position(at)
				r.errors = append(r.errors, jsonError{m.at, fmt.Sprintf("%s is there twice, first in line %d", input.Quote(m.key), line)})
				continue
			}
			first[m.key] = m.at
			n.members = append(n.members, m)
		}
		if _, at, err := r.next(); err != nil {
			return nil, &jsonError{at, "not valid JSON: " + err.Error()}
		}
	}
	return n, nil
}

// A lineIndex turns offsets into positions.
type lineIndex struct {
	data   []byte
	starts []int // of each line
}

func newLines(data []byte) *lineIndex {
	l := &lineIndex{data: data, starts: []int{0}}
	for i, b := range data {
		if b == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// position is the line, and the column in characters, both from 1.
func (l *lineIndex) position(at int) (line, column int) {
	at = min(max(at, 0), len(l.data))
	line = sort.SearchInts(l.starts, at+1)
	return line, utf8.RuneCount(l.data[l.starts[line-1]:at]) + 1
}
