package main

import (
	"bytes"
	"cmp"
	"io"
	"testing"
)

// TestMethodsOfNobody: whatever the method, the answer of the program as it runs is one of ours, with
// our headers.
func TestMethodsOfNobody(t *testing.T) {
	t.Parallel()
	p := startProgram(t)
	for name, path := range map[string]string{"login": "/__auth/?env_id=demo", "admin": "/healthz", "emulator": "/auth/v1/signin"} {
		for _, method := range []string{"FOO", "get", "PROPFIND", "UNKNOWN", "M-SEARCH", "x!#$%&'*+.^_`|~", "TRACE", "OPTIONS", "CONNECT"} {
			for _, body := range []string{"", "Content-Length: 3\r\n\r\nabc"} {
				answers := exchange(t, p.addr[name], method+" "+path+" HTTP/1.1\r\nHost: "+p.addr[name]+"\r\nConnection: close\r\n"+cmp.Or(body, "\r\n"))
				if len(answers) != 1 {
					t.Fatalf("%s, %s: %d answers", name, method, len(answers))
				}
				resp := answers[0]
				text, _ := io.ReadAll(resp.Body)
				if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s, %s: %s with headers %v", name, method, resp.Status, resp.Header)
				}
				if name == "login" && (resp.Header.Get("Content-Security-Policy") == "" || !bytes.Contains(text, []byte("error.page.method"))) {
					t.Errorf("%s: %s is not our page: %v\n%s", method, resp.Status, resp.Header, text)
				}
			}
		}
	}
	p.end(t)
}
