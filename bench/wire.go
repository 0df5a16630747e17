package main

import (
	"encoding/json"
	"os"
)

// An answer is what the bare program sends: what ours sent once, and the calls that ours made
// before it did.
type answer struct {
	Path    string   `json:"path"` // where the bare program sends it
	Status  int      `json:"status"`
	Headers []header `json:"headers"`
	Body    []byte   `json:"body"`
	Calls   []call   `json:"calls,omitempty"` // of TCB, one after the other
}

type header struct{ Name, Value string }

// A call is one that our server made of TCB.
type call struct {
	Method  string   `json:"method"`
	Path    string   `json:"path"` // with the query
	Headers []header `json:"headers"`
	Body    []byte   `json:"body"`
}

// own are headers that whoever sends a message sets itself.
var own = map[string]bool{
	"Date": true, "Content-Length": true, "Connection": true, "Transfer-Encoding": true, "Host": true,
	"Accept-Encoding": true, // net/http asks for gzip by itself
}

func writeJSON(file string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

func readJSON(file string, v any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
