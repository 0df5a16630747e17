package authclient_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tcb-login/authclient"
)

// The wanted addresses were made by the SDK's own lines in Node.js.
func TestToDefaultLoginPage(t *testing.T) {
	t.Parallel()
	type request = authclient.DefaultLoginPageRequest
	tests := []struct {
		name, clientID string
		in             request
		want           string
	}{
		{"least", "", request{RedirectURI: "https://app.example/"},
			"https://app.example/__auth/?app_id=&env_id=env-1&client_id=env-1&config_version=env&redirect_uri=https%3A%2F%2Fapp.example%2F"},
		{"most", "web-app", request{
			RedirectURI: "https://app.example:8443/a/b?c=d&e=%2F#f", ConfigVersion: "v1_2", AppID: "app-x",
			Query: []authclient.Param{{Name: "s_domain", Value: "a b/&="}, {Name: "中", Value: ""}},
		}, "https://app.example:8443/__auth/?app_id=app-x&env_id=env-1&client_id=web-app&config_version=v1_2" +
			"&redirect_uri=https%3A%2F%2Fapp.example%3A8443%2Fa%2Fb%3Fc%3Dd%26e%3D%252F%23f&s_domain=a b/&=&中="},
		{"what stays as it is", "", request{RedirectURI: "https://app.example/中文 😀~!*'()-_.%zz\"<>"},
			"https://app.example/__auth/?app_id=&env_id=env-1&client_id=env-1&config_version=env" +
				"&redirect_uri=https%3A%2F%2Fapp.example%2F%E4%B8%AD%E6%96%87%20%F0%9F%98%80~!*'()-_.%25zz%22%3C%3E"},
		{"mini program", "", request{MiniProgram: true}, "/packages/$wd_system/pages/login/index"},
		{"mini program with a query", "web-app", request{
			MiniProgram: true, RedirectURI: "https://app.example/", AppID: "app-x", ConfigVersion: "v1",
			Query: []authclient.Param{{Name: "a", Value: "1"}, {Name: "b", Value: "2 &"}},
		}, "/packages/$wd_system/pages/login/index?a=1&b=2 &"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(t, authclient.Config{Env: "env-1", ClientID: tt.clientID}).ToDefaultLoginPage(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v\nwant %q", got, err, tt.want)
			}
		})
	}
}

// The login page is on the origin of redirect_uri, as new URL(…).origin of
// Node.js tells it; "" is what it, or we, refuse.
func TestToDefaultLoginPageOrigin(t *testing.T) {
	t.Parallel()
	client := newClient(t, authclient.Config{})
	tests := []struct{ uri, want string }{
		{"https://app.example.com/a/b?c=d#e", "https://app.example.com"},
		{"HTTPS://App.Example.COM:443/", "https://app.example.com"},
		{"http://app.example.com:80/x", "http://app.example.com"},
		{"http://app.example.com:8080", "http://app.example.com:8080"},
		{"https://app.example.com:80/", "https://app.example.com:80"},
		{"http://app.example.com:080/", "http://app.example.com"},
		{"http://app.example.com:/x", "http://app.example.com"},
		{"https://user:p%40ss@app.example.com/", "https://app.example.com"},
		{"https://evil@app.example.com@b.example/", "https://b.example"},
		{"https://app.example.com\\@b.example/", "https://app.example.com"},
		{"https:\\\\app.example.com\\x", "https://app.example.com"},
		{"https:/app.example.com/x", "https://app.example.com"},
		{"https:app.example.com", "https://app.example.com"},
		{"https:////app.example.com/x", "https://app.example.com"},
		{" \x01https://app.example.com/ \n", "https://app.example.com"},
		{"https://app.exa\tmple.com/", "https://app.example.com"},
		{"http://127.0.0.1:3000/", "http://127.0.0.1:3000"},
		{"http://[::1]:3000/", "http://[::1]:3000"},
		{"http://[0:0::0:1]/", "http://[::1]"},
		{"http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]"},
		{"http://[1:0:0:2:0:0:0:3]/", "http://[1:0:0:2::3]"},
		{"https://ex%41mple.com/", "https://example.com"},
		{"https://a_b.example/", "https://a_b.example"},
		{"https://localhost", "https://localhost"},
		{"https://app.example.com./", "https://app.example.com."},
		{"https://app.example.com?x", "https://app.example.com"},
		{"https://app.example.com#x", "https://app.example.com"},
		{"https://a!$&'()*+,;=b/", "https://a!$&'()*+,;=b"},
		{"https://app.example.com/%zz", "https://app.example.com"},
		{"http://a.0xg/", "http://a.0xg"},

		{"http://1.2.3.4.5/", ""}, {"ftp://a/", ""}, {"myapp://a/b", ""}, {"/relative", ""}, {"", ""}, {"https://", ""}, {"https:///", ""},
		{"http://a:65536/", ""}, {"http://a:-1/", ""}, {"http://a:+1/", ""}, {"http://a:8a/", ""}, {"http://a b/", ""}, {"http://a%2fb/", ""},
		{"http://a%/", ""}, {"http://[::1/", ""}, {"http://[::1]x/", ""}, {"http://[fe80::1%25eth0]/", ""}, {"http://[1.2.3.4]/", ""},
		{"javascript:alert(1)", ""}, {"//a.example/", ""}, {"http://a%00b/", ""}, {"http://0.0.0.08/", ""}, {"http://a.0x/", ""},
		{"http://@/", ""}, {"http://:80/", ""}, {"http://a:1:2/", ""}, {"http://a.09/", ""},
		// These a browser translates; we leave them to it.
		{"http://127.1/", ""}, {"http://0x7f.1/", ""}, {"http://1.2.3.4./", ""}, {"https://例え.jp/", ""}, {"https://b%C3%BCcher.example/", ""},
	}
	for _, tt := range tests {
		got, err := client.ToDefaultLoginPage(authclient.DefaultLoginPageRequest{RedirectURI: tt.uri})
		if tt.want == "" {
			if e := refusal(t, err, authclient.ErrInvalidArgument); got != "" || e.Op != "ToDefaultLoginPage" {
				t.Errorf("%q: got %q, %v", tt.uri, got, err)
			}
			continue
		}
		if origin, _, ok := strings.Cut(got, "/__auth/?"); err != nil || !ok || origin != tt.want {
			t.Errorf("%q: got %q, %v; want origin %s", tt.uri, got, err, tt.want)
		}
	}
}

// plainURL is an address whose origin needs no standard to be read.
var plainURL = regexp.MustCompile(`^(?i)(https?)://([a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*)(:[1-9][0-9]{0,3})?(?:[/?#].*)?$`)

func FuzzToDefaultLoginPage(f *testing.F) {
	for _, uri := range []string{
		"https://app.example/", "HTTP://a:80/%", "http://u@[::1]:80\\", "https:a/\u2028", "http://a.1", "\x00", "https://a/\xff", "http://[%31]",
	} {
		f.Add(uri)
	}
	client, err := authclient.New(authclient.Config{Env: "env-1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		page, err := client.ToDefaultLoginPage(authclient.DefaultLoginPageRequest{RedirectURI: uri})
		plain := plainURL.FindStringSubmatch(strings.TrimFunc(uri, func(r rune) bool { return r <= ' ' }))
		if err != nil {
			refusal(t, err, authclient.ErrInvalidArgument)
			if plain != nil && !strings.ContainsAny(uri, "\t\r\n") {
				t.Errorf("%q is refused", uri)
			}
			return
		}
		const middle = "/__auth/?app_id=&env_id=env-1&client_id=env-1&config_version=env&redirect_uri="
		origin, encoded, ok := strings.Cut(page, middle)
		if !ok {
			t.Fatalf("%q leads to %q", uri, page)
		}
		// decodeURIComponent(encodeURIComponent(s)) is s, and only unreserved
		// characters and escapes are in between.
		if decoded, err := url.PathUnescape(encoded); err != nil || decoded != uri {
			t.Errorf("%q is encoded as %q", uri, encoded)
		}
		if !regexp.MustCompile(`^(?:[A-Za-z0-9\-_.!~*'()]|%[0-9A-F]{2})*$`).MatchString(encoded) {
			t.Errorf("%q is encoded as %q", uri, encoded)
		}
		if utf8.ValidString(uri) {
			if want := jsEncode(uri); encoded != want {
				t.Errorf("%q is encoded as %q, want %q", uri, encoded, want)
			}
		}
		if strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`\@?#/<>|^%`, r) && r != '/' }) ||
			strings.Count(origin, "/") != 2 || origin != strings.ToLower(origin) || strings.HasSuffix(origin, ":") {
			t.Errorf("%q has origin %q", uri, origin)
		}
		if plain != nil {
			want := strings.ToLower(plain[1] + "://" + plain[2] + plain[3])
			if strings.HasPrefix(want, "http:") {
				want = strings.TrimSuffix(want, ":80")
			} else {
				want = strings.TrimSuffix(want, ":443")
			}
			if origin != want {
				t.Errorf("%q has origin %q, want %q", uri, origin, want)
			}
		}
		// The origin of the origin's own address is itself.
		again, err := client.ToDefaultLoginPage(authclient.DefaultLoginPageRequest{RedirectURI: origin + "/"})
		if err != nil || !strings.HasPrefix(again, origin+middle) {
			t.Errorf("%q has origin %q, which leads to %q, %v", uri, origin, again, err)
		}
	})
}

// jsEncode is encodeURIComponent as ECMA-262 words it: code point by code point.
func jsEncode(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()", r) {
			b.WriteRune(r)
			continue
		}
		for _, octet := range []byte(string(r)) {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[octet>>4])+string("0123456789abcdef"[octet&15])))
		}
	}
	return b.String()
}
