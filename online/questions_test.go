package online

import "testing"

// FuzzRead: whatever a server answers, what is told of it is a name or nothing.
func FuzzRead(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"error":"invalid_argument"}`, `{"error":1,"code":"INVALID_ENV"}`, `{"error":"<b>"}`, `[]`, `null`, `{"error":""}`, "{\"error\":\"a\\nb\"}"} {
		f.Add([]byte(s), 400)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		code, nonsense := read(body, status)
		if code != "" && !nonsense && !errorName.MatchString(code) {
			t.Errorf("a code %q", code)
		}
		if code == "" && !nonsense && (status < 200 || status > 299) {
			t.Errorf("a failure, status %d, is taken for success: %q", status, body)
		}
	})
}
