// Package wire is what the processes of package bench tell each other. It is small, and knows nothing
// of ours: the bare program, whose start is measured too, is to be no more than it must.
package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// An Answer is what the bare program sends: what ours sent once, and the calls that ours made
// before it did.
type Answer struct {
	Path    string // where the bare program sends it
	Status  int
	Headers []Header
	Body    []byte
	Calls   []Call // of TCB, one after the other
}

// A Header is one line of a head.
type Header struct{ Name, Value string }

// A Call is one that our server made of TCB.
type Call struct {
	Method  string
	Path    string // with the query
	Headers []Header
	Body    []byte
}

// Own are headers that whoever sends a message sets itself.
var Own = map[string]bool{
	"Date": true, "Content-Length": true, "Connection": true, "Transfer-Encoding": true, "Host": true,
	"Accept-Encoding": true, // net/http asks for gzip by itself
}

// Move has an answer name another origin: styles and scripts are allowed of one alone.
func (a *Answer) Move(from, to string) {
	for i, h := range a.Headers {
		a.Headers[i].Value = strings.ReplaceAll(h.Value, from, to)
	}
	a.Body = bytes.ReplaceAll(a.Body, []byte(from), []byte(to))
}

// Write keeps answers in a file.
func Write(file string, answers []Answer) error {
	text, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// Read reads what Write wrote.
func Read(file string) (answers []Answer, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return answers, json.Unmarshal(text, &answers)
}

// Obey writes, for each line of in, how many objects this process has ever allocated. It returns when
// in ends.
func Obey(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintln(out, m.Mallocs)
	}
}

// ObeyParent obeys whoever started this process, which ends with its input: so that it does not
// outlive the other.
func ObeyParent() {
	Obey(os.Stdin, os.Stdout)
	os.Exit(0)
}
