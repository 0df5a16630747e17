package guard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const token = "abcdefghijklmnopqrstuvwxyz012345"

// The rules without a token are tested over HTTP, in package emulator.
func TestCheckWithToken(t *testing.T) {
	t.Parallel()
	g, err := New("/__emulator", token)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if !g.SignIn(w, " "+token+"\n") {
		t.Fatal("the token is not taken")
	}
	cookie := w.Result().Cookies()[0]
	signedIn := cookieName + "=" + cookie.Value
	tests := []struct {
		name, method, path string // a path with a token in it is no way in
		page               bool
		headers            [][2]string
		want               Verdict
	}{
		{"nothing, from this machine", "GET", "/", false, nil, NoToken},
		{"a page, from this machine", "GET", "/", true, nil, NoToken},
		{"the token", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + token}}, Allowed},
		{"the scheme in another case", "GET", "/", false, [][2]string{{"Authorization", "bearer " + token}}, Allowed},
		{"the token through a proxy", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + token}, {"X-Forwarded-For", "203.0.113.5"}}, Allowed},
		{"another token", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + strings.ToUpper(token)}}, NoToken},
		{"the beginning of it", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + token[:31]}}, NoToken},
		{"more than it", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + token + "6"}}, NoToken},
		{"another scheme", "GET", "/", false, [][2]string{{"Authorization", "Basic " + token}}, NoToken},
		{"the token alone", "GET", "/", false, [][2]string{{"Authorization", token}}, NoToken},
		{"two of them", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + token}, {"Authorization", "Bearer x"}}, NoToken},
		{"in the query", "GET", "/?token=" + token + "&access_token=" + token + "&control_token=" + token, true, nil, NoToken},
		{"as the cookie", "GET", "/", true, [][2]string{{"Cookie", cookieName + "=" + token}}, NoToken},
		{"the cookie, for a page", "GET", "/", true, [][2]string{{"Cookie", signedIn}}, Allowed},
		{"the cookie, for a program", "GET", "/", false, [][2]string{{"Cookie", signedIn}}, NoToken},
		{"an empty cookie", "GET", "/", true, [][2]string{{"Cookie", cookieName + "="}}, NoToken},
		{"the cookie as the token", "GET", "/", false, [][2]string{{"Authorization", "Bearer " + cookie.Value}}, NoToken},
		{"a form of the page", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Origin", "http://tcb.internal:8081"}, {"Sec-Fetch-Site", "same-origin"}}, Allowed},
		{"a form of another port", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Origin", "http://tcb.internal:3000"}, {"Sec-Fetch-Site", "same-site"}}, Refused},
		{"the same from an old browser", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Origin", "http://tcb.internal:3000"}}, Refused},
		{"a form of a page that has no origin", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Origin", "null"}}, Refused},
		{"the same with the proof", "POST", "/" + g.Proof(), true, [][2]string{{"Cookie", signedIn}, {"Origin", "null"}}, Allowed},
		{"a restored tab with the proof", "POST", "/" + g.Proof(), true, [][2]string{{"Cookie", signedIn}, {"Origin", "null"}, {"Sec-Fetch-Site", "none"}}, Allowed},
		{"the proof, for a program", "POST", "/" + g.Proof(), false, [][2]string{{"Authorization", "Bearer " + token}, {"Origin", "null"}}, Refused},
		{"the proof from another port", "POST", "/" + g.Proof(), true, [][2]string{{"Cookie", signedIn}, {"Origin", "http://tcb.internal:3000"}}, Refused},
		{"the proof from another site", "POST", "/" + g.Proof(), true, [][2]string{{"Cookie", signedIn}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}}, Refused},
		{"the proof alone", "POST", "/" + g.Proof(), true, nil, NoToken},
		{"two origins", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Origin", "http://tcb.internal:8081"}, {"Origin", "https://evil.example"}}, Refused},
		{"two origins, one of them null", "POST", "/" + g.Proof(), true, [][2]string{{"Cookie", signedIn}, {"Origin", "null"}, {"Origin", "https://evil.example"}}, Refused},
		{"two sites", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "cross-site"}}, Refused},
		{"the same origin twice", "POST", "/", true, [][2]string{{"Cookie", signedIn}, {"Origin", "http://tcb.internal:8081"}, {"Origin", "http://tcb.internal:8081"}}, Allowed},
		{"a form of another site, with the token", "POST", "/", false, [][2]string{{"Authorization", "Bearer " + token}, {"Origin", "https://evil.example"}}, Refused},
		{"a program that posts", "POST", "/", false, [][2]string{{"Authorization", "Bearer " + token}}, Allowed},
	}
	for _, tt := range tests {
		for _, peer := range []string{"127.0.0.1:1", "192.0.2.1:1"} {
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "http://tcb.internal:8081"+tt.path, nil)
			r.RemoteAddr = peer
			for _, h := range tt.headers {
				r.Header.Add(h[0], h[1])
			}
			if got := g.Check(r, tt.page); got != tt.want {
				t.Errorf("%s, from %s: verdict %d, want %d", tt.name, peer, got, tt.want)
			}
		}
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	g, err := New("/__emulator", token)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if g.SignIn(w, token[1:]) || len(w.Result().Cookies()) > 0 {
		t.Error("a wrong token gets a cookie")
	}
	w = httptest.NewRecorder()
	g.SignIn(w, token)
	c := w.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/__emulator/" || strings.Contains(c.Value, token) {
		t.Errorf("cookie %+v", c)
	}
	w = httptest.NewRecorder()
	g.SignOut(w)
	if c := w.Result().Cookies()[0]; c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("after signing out: %+v", c)
	}
	none, err := New("/__emulator", "")
	if err != nil {
		t.Fatal(err)
	}
	if none.SignIn(httptest.NewRecorder(), "") || none.Is("") || none.HasToken() {
		t.Error("no token is a token")
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	made := NewToken()
	if len(made) != TokenLength || made == NewToken() {
		t.Errorf("made %q", made)
	}
	for given, good := range map[string]bool{
		"": true, made: true, token: true, token + "/+==": true, token[1:]: false, token[1:] + " ": false, token + "é": false,
		"\ufeff" + token + "\r\n": true, " " + token + "\t": true, token + "\u200b": false, "\u00a0" + token: false, "\n": false, token + "\n" + token: false, token + ";": false,
	} {
		g, err := New("", given)
		if (err == nil) != good {
			t.Errorf("%q: %v", given, err)
		}
		// What a program passes on is what its own controls take.
		if written, err := Token(given); (err == nil) != good || good && given != "" && !g.Is(written) {
			t.Errorf("%q is %q, %v", given, written, err)
		}
		if err != nil && strings.Contains(err.Error(), token[1:]) {
			t.Errorf("%q is in %q", given, err)
		}
	}
}
