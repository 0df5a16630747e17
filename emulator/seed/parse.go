package seed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tcb-login/config/input"
)

// maxProblems is as many as somebody reads.
const maxProblems = 20

// Parse reads a file. The name is for its problems, all of which are errors.
func Parse(name string, data []byte) ([]User, input.Problems) {
	p := newParser(name, data)
	users, places := []User{}, []int{}
	p.document(func(at int, raw []byte) {
		there := false
		ignored := ""
		p.object("", at, raw, members{"$schema": p.text(&ignored, atMost(2048)), "users": func(label string, at int, raw []byte) {
			there = true
			p.list(label, at, raw, func(label string, at int, raw []byte) {
				u, before := User{}, len(p.problems)
				p.user(&u, label, at, raw)
				if !u.HasName() && len(p.problems) == before {
					p.errorf(at, label, "want a username, email, phone_number or an entry in providers")
				}
				users, places = append(users, u), append(places, at)
			})
		}})
		if !there {
			p.errorf(at, "", `want {"users": […]}`)
		}
	})
	p.unique(users, places)
	p.problems.Sort()
	return users, p.problems
}

// ParseUser reads one user.
func ParseUser(data []byte) (User, input.Problems) {
	u, problems := Merge(User{}, data)
	if len(problems) == 0 && !u.HasName() {
		problems = input.Problems{{Severity: input.SeverityError, Message: "want a username, email, phone_number or an entry in providers"}}
	}
	return u, problems
}

// Merge changes the fields of a user that an object names.
func Merge(u User, data []byte) (User, input.Problems) {
	p := newParser("user", data)
	p.document(func(at int, raw []byte) {
		if p.user(&u, "", at, raw) == 0 {
			p.errorf(at, "", "names no field of a user")
		}
	})
	p.problems.Sort()
	return u, p.problems
}

// parser reads values where they stand. A value is its bytes and where they begin; its label says
// which it is, as users[2].email.
type parser struct {
	name     string
	data     []byte
	problems input.Problems
}

// members are an object's, and what reads each.
type members map[string]func(label string, at int, raw []byte)

func newParser(name string, data []byte) *parser { return &parser{name: name, data: data} }

func (p *parser) errorf(at int, label, format string, args ...any) {
	if len(p.problems) >= maxProblems {
		return
	}
	message := fmt.Sprintf(format, args...)
	if label != "" {
		message = label + ": " + message
	}
	before := p.data[:min(at, len(p.data))]
	line := bytes.LastIndexByte(before, '\n') + 1
	p.problems = append(p.problems, input.Problem{
		File: p.name, Line: bytes.Count(before, []byte{'\n'}) + 1, Column: utf8.RuneCount(before[line:]) + 1,
		Severity: input.SeverityError, Message: message,
	})
}

// document hands over the one value that the data should be.
func (p *parser) document(read func(at int, raw []byte)) {
	if at := invalidUTF8(p.data); at >= 0 {
		p.errorf(at, "", "not UTF-8")
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(p.data))
	var raw json.RawMessage
	err := decoder.Decode(&raw)
	end := int(decoder.InputOffset())
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		p.errorf(max(0, int(syntax.Offset)-1), "", "not valid JSON: %s", err)
		return
	} else if err != nil { // nothing, or a beginning
		p.errorf(len(p.data), "", "not valid JSON: it ends too early")
		return
	}
	if rest := bytes.TrimLeft(p.data[end:], " \t\r\n"); len(rest) > 0 {
		p.errorf(len(p.data)-len(rest), "", "not valid JSON: something stands behind the end")
		return
	}
	read(end-len(raw), raw)
}

func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n <= 1 {
			return at
		}
		at += n
	}
	return -1
}

// elements hands over what is in an object or a list, which is valid JSON.
func elements(at int, raw []byte, isObject bool, read func(key string, keyAt, at int, raw []byte)) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token()
	for decoder.More() {
		key, keyAt := "", 0
		if isObject {
			token, _ := decoder.Token()
			key, _ = token.(string)
			keyAt = at + int(decoder.InputOffset())
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return
		}
		read(key, keyAt, at+int(decoder.InputOffset())-len(value), value)
	}
}

// object reads the members that an object may have, each once, and returns how many there were.
func (p *parser) object(label string, at int, raw []byte, known members) int {
	if raw[0] != '{' {
		p.errorf(at, label, "want an object, found %s", kindOf(raw))
		return 0
	}
	seen := map[string]bool{}
	elements(at, raw, true, func(key string, keyAt, at int, raw []byte) {
		inside := strings.TrimPrefix(label+"."+key, ".")
		read, ok := known[key]
		switch {
		case !ok:
			p.errorf(at, label, "unknown field %s", input.Quote(key))
		case seen[key]:
			p.errorf(at, inside, "stands there twice")
		default:
			read(inside, at, raw)
		}
		seen[key] = true
	})
	return len(seen)
}

func (p *parser) list(label string, at int, raw []byte, read func(label string, at int, raw []byte)) {
	if raw[0] != '[' {
		p.errorf(at, label, "want a list, found %s", kindOf(raw))
		return
	}
	n := 0
	elements(at, raw, false, func(_ string, _, at int, raw []byte) {
		read(fmt.Sprintf("%s[%d]", label, n), at, raw)
		n++
	})
}

func kindOf(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// text reads a text into a field, by a rule that "" is no matter of: it takes a value away.
func (p *parser) text(into *string, must rule) func(label string, at int, raw []byte) {
	return func(label string, at int, raw []byte) {
		var s string
		if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
			p.errorf(at, label, "want a text, found %s", kindOf(raw))
			return
		}
		if complaint := must(s); s != "" && complaint != "" {
			p.errorf(at, label, "%s", complaint)
			return
		}
		*into = s
	}
}

func (p *parser) moment(into *time.Time) func(label string, at int, raw []byte) {
	return func(label string, at int, raw []byte) {
		var s string
		if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
			p.errorf(at, label, "want a text, found %s", kindOf(raw))
			return
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			p.errorf(at, label, `want a time like "2026-01-31T12:00:00Z"`)
			return
		}
		*into = t
	}
}
