package entry

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"tcb-login/handlers/refusal"
	"tcb-login/redirect"
)

const demoIssuer = "http://demo.ap-shanghai.tcb-api.tencentcloudapi.com"

// ask is an authorization request for the app on another origin.
func ask(more string) Raw {
	in := raw("")
	in.Query = "env_id=demo&client_id=demo&redirect_uri=" + url.QueryEscape(registered) + pkce + more
	return in
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	got, err := parse(places, ask("&scope=openid%20profile&nonce=n+1&max_age=60&state=a%20b%26&prompt=login%20consent&response_mode=query&login_hint=x"))
	if err != nil {
		t.Fatal(err)
	}
	oldest, asked := got.OldestLogin()
	if !got.ForCode() || got.OwnTarget() || got.Scope != "openid profile" || got.Nonce != "n 1" || oldest != time.Minute || !asked ||
		!got.Prompts("login") || !got.Prompts("consent") || got.Prompts("none") {
		t.Errorf("%+v", got.Params)
	}
	if to, want := got.Callback("http://x", "code", "a&b"), registered+"?code=a%26b&state=a+b%26&iss=http%3A%2F%2Fx"; to != want {
		t.Errorf("the app gets %s, want %s", to, want)
	}
	got.RedirectURI, got.State = registered+"?tenant=a", ""
	if to, want := got.Callback("http://x", "error", "y"), registered+"?tenant=a&error=y&iss=http%3A%2F%2Fx"; to != want {
		t.Errorf("the app gets %s, want %s", to, want)
	}
	if got, err := parse(places, ask("&prompt=none")); err != nil || !got.Prompts("none") {
		t.Errorf("prompt=none: %v, %q", err, got.Prompt)
	}
	// Without response_type these names are the app's own, in whatever encoding.
	plain, err := parse(places, raw("&scope=%ff&nonce=1&nonce=2&request=x&request_uri[]=y&max_age=soon"))
	if err != nil || plain.Scope != "" || plain.RequestObject != "" || plain.Authorizing {
		t.Errorf("%v: %+v", err, plain.Params)
	}
}

func TestAuthorizationRefused(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	for more, want := range map[string]string{
		"&response_mode=fragment":                  "invalid_request",
		"&request=x":                               "request_not_supported",
		"&request_uri=x":                           "request_uri_not_supported",
		"&prompt=none%20login":                     "invalid_request",
		"&max_age=-1":                              "invalid_request",
		"&max_age=1.5":                             "invalid_request",
		"&max_age=99999999999":                     "invalid_request",
		"&nonce=" + strings.Repeat("n", 257):       "invalid_request",
		"&scope=a%22":                              "invalid_scope",
		"&scope=a%20%20b":                          "invalid_scope",
		"&scope=" + strings.Repeat("s", 1025):      "invalid_scope",
		"&state=s%26t&response_mode=form_post&x=1": "invalid_request",
	} {
		got, err := parse(places, ask(more))
		var back *AuthorizationError
		if !errors.As(err, &back) || back.Code != want {
			t.Errorf("%.60s: %v, want %s", more, err, want)
			continue
		}
		u, err := url.Parse(back.To)
		if err != nil || !strings.HasPrefix(back.To, registered+"?") || u.Query().Get("error") != want || u.Query().Get("iss") != demoIssuer || u.Query().Get("state") != got.State {
			t.Errorf("%.60s: sent back to %s, %v", more, back.To, err)
		}
		// On our own origin a page says it, and for an app that may get no code as well.
		for _, elsewhere := range []string{
			strings.Replace(ask(more).Query, url.QueryEscape(registered), url.QueryEscape(testTarget), 1),
			strings.Replace(ask(more).Query, "client_id=demo", "client_id=second", 1),
			strings.Replace(ask(more).Query, url.QueryEscape(registered), url.QueryEscape("https://evil.example/"), 1),
		} {
			in := ask("")
			in.Query = elsewhere
			var p *refusal.Problem
			if got, err := parse(places, in); !errors.As(err, &p) || p.Status != 400 || got.Target != redirect.Refused {
				t.Errorf("%.80s: %v", elsewhere, err)
			}
		}
	}
}

// TestUnproven: a request for a code that others could use is answered on a page of ours, and never at the
// app, wherever that is; so is one that names no app's address.
func TestUnproven(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	whole := ask("&request=x").Query // which would be sent back
	var back *AuthorizationError
	if _, err := parse(places, ask("&request=x")); !errors.As(err, &back) {
		t.Fatalf("the whole request: %v", err)
	}
	target := "&redirect_uri=" + url.QueryEscape(registered)
	for _, tt := range []struct{ old, becomes, want string }{
		{"response_type=code", "response_type=token", "error.page.pkce"},
		{"response_type=code", "response_type=code%20id_token", "error.page.pkce"},
		{"response_type=code", "response_type=", "error.page.pkce"},
		{"method=S256", "method=plain", "error.page.pkce"},
		{"method=S256", "method=s256", "error.page.pkce"},
		{"&code_challenge_method=S256", "", "error.page.pkce"},
		{"_challenge=E9", "_challenge=9", "error.page.pkce"},
		{"_challenge=E9", "_challenge=E99", "error.page.pkce"},
		{"_challenge=E9", "_challenge=%2B9", "error.page.pkce"},
		{"_challenge=E9", "_other=E9", "error.page.pkce"},
		{target, "", "error.page.redirect_missing"},
	} {
		for _, to := range []string{registered, testTarget} {
			in := ask("")
			in.Query = strings.Replace(strings.Replace(whole, tt.old, tt.becomes, 1), url.QueryEscape(registered), url.QueryEscape(to), 1)
			if in.Query == whole {
				t.Fatalf("%s is not in %s", tt.old, whole)
			}
			var p *refusal.Problem
			if got, err := parse(places, in); !errors.As(err, &p) || p.Lead != tt.want || got.Target != redirect.Refused {
				t.Errorf("%s for %s: %v, want %s", tt.becomes, to, err, tt.want)
			}
		}
	}
}

// FuzzAuthorizationRequest: an app elsewhere is answered only at an address that is registered, and
// what is let through is a request that we can keep to.
func FuzzAuthorizationRequest(f *testing.F) {
	places := testPlaces(f)
	for _, more := range []string{
		"", "&scope=openid&nonce=n&state=s", "&prompt=none", "&prompt=none+login", "&max_age=1", "&response_mode=fragment", "&request=x",
		"&request_uri=x", "&state=a&state=b", "&state[]=a", "&scope=%ff", "&nonce%00=1", "&response_type=token", "&code_challenge_method=plain",
		"&redirect_uri=https://evil.example/", "&issuer=x&iss=y", "&%73tate=1&state=2", "&;state=1",
	} {
		f.Add(ask(more).Query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		in := raw("")
		in.Query = query
		got, err := parse(places, in)
		var back *AuthorizationError
		if errors.As(err, &back) {
			if !got.ForCode() || !got.provesCode() || got.RedirectURI != registered || got.Client.ID != "demo" ||
				!strings.HasPrefix(back.To, registered+"?error="+back.Code+"&") || !strings.HasSuffix(back.To, "&iss="+url.QueryEscape(demoIssuer)) {
				t.Fatalf("%q is sent back to %q", query, back.To)
			}
			u, err := url.Parse(back.To)
			if err != nil || u.Host != "app.example.com" || u.Query().Get("state") != got.State || len(u.Query()["error"])+len(u.Query()["iss"]) != 2 {
				t.Fatalf("%q is sent back to %q", query, back.To)
			}
			return
		}
		if err != nil || !got.Authorizing {
			if got.ForCode() && err == nil {
				t.Fatalf("%q gets a code without asking for one", query)
			}
			return
		}
		if !got.provesCode() || got.RequestObject+got.RequestURI != "" || got.ResponseMode != "" && got.ResponseMode != "query" ||
			len(got.Nonce) > maxNonce || len(got.Scope) > maxScope || strings.ContainsAny(got.Scope, "\"\\\x00\n") || !got.HasRedirect {
			t.Fatalf("%q is let through: %+v", query, got.Params)
		}
		// As url.ParseQuery reads it, there is one of each.
		values, err := url.ParseQuery(query)
		for name, all := range values {
			if err == nil && ofOAuth(nameOf(name)) && (len(all) != 1 || nameOf(name) != name) {
				t.Fatalf("%q is let through with %d of %q", query, len(all), name)
			}
		}
	})
}
