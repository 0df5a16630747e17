package emulator

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// What the documents show as a password must be one: their samples are what people try first.
func TestSamplePasswords(t *testing.T) {
	t.Parallel()
	samples, err := os.ReadFile("testdata/sample-passwords.txt")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for line := range strings.Lines(string(samples)) {
		method, code, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		tried++
		password, err := strconv.Unquote(code[strings.Index(code, `"`) : strings.LastIndex(code, `"`)+1])
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		t.Run(method+" "+password, func(t *testing.T) {
			f := newFixture(t)
			session := f.signUp("sample@example.com", object{"username": "sample", "password": password})
			f.post("/v1/signin", object{"username": "sample", "password": password}).ok()
			token := session.str("access_token")
			f.as(token, "PATCH", "/v1/user/password", object{"new_password": password, "sudo_token": f.sudo(token, password)}).ok()
			f.clock.advance(sendPause)
			f.post("/v1/reset", object{"email": "sample@example.com", "new_password": password, "verification_token": f.verified("sample@example.com")}).ok()
			f.post("/v1/signin", object{"username": "sample", "password": password}).ok()
		})
	}
	if tried != 7 {
		t.Errorf("%d samples, want the documents' 7", tried)
	}
}

func TestPasswordStrength(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	session := f.signUp("strength@example.com", object{"password": "password"})
	token := session.str("access_token")
	change := func(password string) answer {
		return f.as(token, "PATCH", "/v1/user/password", object{"new_password": password, "sudo_token": f.sudo(token, "password")})
	}
	for _, short := range []string{"", "passwor", "密码密码密码密", strings.Repeat("x", 65)} {
		change(short).fails("invalid_argument")
	}
	f.settings(`{"password_strength":"strict"}`)
	for _, weak := range []string{"password", "Password1", "password-1", "PASSWORD-1", "Password-x"} {
		a := change(weak).fails("invalid_argument")
		if !strings.Contains(a.str("error_description"), "密码不符合要求") {
			t.Errorf("%s: %v", weak, a.body)
		}
	}
	f.post("/v1/signin", object{"username": "strength@example.com", "password": "password"}).ok() // the old one stays one
	f.do("PUT", "/__emulator/settings", `{"password_strength":"weak"}`).fails("invalid_argument")
	f.settings(`{"password_strength":"length"}`)
	change("password").ok()
}
