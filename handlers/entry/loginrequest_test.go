package entry

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/redirect"
)

const (
	testOrigin = "https://login.example.net"
	testTarget = testOrigin + "/orders"
	registered = "https://app.example.com/callback"
	pkce       = "&response_type=code&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM"
)

// testPlaces are four environments. The first has two clients and a default target, the last two have
// a client each, which is called as the environment or not.
func testPlaces(t testing.TB) *Places {
	t.Helper()
	messages, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := settings.Demo()
	s.Environments = []settings.Environment{
		{ID: "demo", Region: settings.DefaultRegion, Clients: []settings.Client{{ID: "demo", RedirectURIs: []string{registered}, CodeFlow: true}, {ID: "second", RedirectURIs: []string{registered}}}, DefaultRedirectURI: testOrigin + "/home"},
		{ID: "north", Region: "ap-guangzhou", Clients: []settings.Client{{ID: "a"}, {ID: "b"}}},
		{ID: "south", Region: "ap-guangzhou", Clients: []settings.Client{{ID: "south"}}, DefaultRedirectURI: testOrigin + "/home"},
		{ID: "west", Region: "ap-guangzhou", Clients: []settings.Client{{ID: "a"}}, DefaultRedirectURI: testOrigin + "/home"},
	}
	environments, err := NewEnvironments(s.Environments, func(settings.Environment, settings.Client) (Auth, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	return &Places{
		Base: "/__auth", Environments: environments, LoginPages: config.BuiltInPages(s), Messages: messages,
		ThemeOf: func(*loginpage.Page) (*Theme, error) { return &Theme{Messages: messages}, nil },
		Next:    map[string]string{"account": "/account", "account-email": "/account/email"},
	}
}

// raw is a request for the entry page, with parameters after those that it needs.
func raw(more string) Raw {
	return Raw{
		Origin: Origin{Scheme: "https", Text: testOrigin}, Path: "/", OnWay: true,
		Query: "env_id=demo&client_id=demo&redirect_uri=" + url.QueryEscape(testTarget) + more,
	}
}

func parse(places *Places, in Raw) (r LoginRequest, err error) {
	err = places.Parse(in, &r)
	return r, err
}

func TestParse(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	for name, tt := range map[string]struct {
		raw  Raw
		want func(*LoginRequest) // of what the plain request gives
	}{
		"nothing more":          {raw(""), func(*LoginRequest) {}},
		"language of the query": {raw("&lang=ja"), func(r *LoginRequest) { r.Lang = "ja" }},
		"the first counts": {raw("&lang=ja&lang=ko&prompt=login&prompt=create&state=a%20b&state=c"), func(r *LoginRequest) {
			r.Lang, r.Prompt, r.State = "ja", "login", "a b"
		}},
		"unknown ones ride along": {raw("&x=1&x[]=2&y;=%zz"), func(*LoginRequest) {}},
		"a step":                  {raw("&flow=abc&flow=def&via=email"), func(r *LoginRequest) { r.Flow, r.Via = "abc", "email" }},
		"on to the portal":        {raw("&next=account-email&next=account"), func(r *LoginRequest) { r.Next, r.NextPath = "account-email", "/account/email" }},
		"on to nowhere of ours":   {raw("&next=https://evil.example/&next=/account"), func(*LoginRequest) {}},
		"an identity waits":       {raw("&link=a-b_c"), func(r *LoginRequest) { r.Link = "a-b_c" }},
		"no identity":             {raw("&link=a%26b"), func(*LoginRequest) {}},
		"the portal's own":        {raw("&done=a&page_token=b"), func(*LoginRequest) {}},
		"a code": {raw(pkce), func(r *LoginRequest) {
			r.Authorizing, r.ResponseType, r.ChallengeMethod, r.CodeChallenge = true, "code", "S256", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWPhzxR0JqRZM"
		}},
	} {
		got, err := parse(places, tt.raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := LoginRequest{Params: Params{EnvID: "demo", ClientID: "demo", RedirectURI: testTarget, HasRedirect: true}}
		tt.want(&want)
		if diff := cmp.Diff(want.Params, got.Params); diff != "" {
			t.Errorf("%s: parameters (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want.Step, got.Step); diff != "" {
			t.Errorf("%s: step (-want +got):\n%s", name, diff)
		}
		if got.Env.ID != "demo" || got.Client.ID != "demo" || got.Target != redirect.OwnOrigin || got.LoginPage == nil || got.Theme == nil || got.Loc == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestParsePortal: some parameters are of the portal's pages alone, and are the app's elsewhere.
func TestParsePortal(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	in := raw("&done=a&page_token=b&x=1")
	elsewhere, err := parse(places, in)
	if err != nil {
		t.Fatal(err)
	}
	in.Portal, in.OnWay = true, false
	portal, err := parse(places, in)
	if err != nil {
		t.Fatal(err)
	}
	if portal.Done != "a" || portal.PageToken != "b" || strings.Contains(portal.Query, "done") || !strings.HasSuffix(portal.Query, "&x=1") {
		t.Errorf("the portal reads %+v, %q", portal.Step, portal.Query)
	}
	if !strings.HasSuffix(elsewhere.Query, "&done=a&page_token=b&x=1") {
		t.Errorf("elsewhere the app's own are %q", elsewhere.Query)
	}
}

// TestParseLanguage: the query before the person's choice before the browser.
func TestParseLanguage(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	for _, tt := range []struct{ query, chosen, header, want string }{
		{"&lang=ja", "ko", "zh-CN", "ja"},
		{"", "ko", "zh-CN", "ko"},
		{"", "", "zh-CN,en;q=0.5", "zh-CN"},
		{"&lang=xx", "", "zh-TW", "zh-TW"},
		{"&lang=xx", "yy", "zz", "en"},
	} {
		in := raw(tt.query)
		in.Locale, in.AcceptLanguage = tt.chosen, tt.header
		if got, err := parse(places, in); err != nil || got.Loc.Locale() != tt.want {
			t.Errorf("%+v: %s, %v", tt, got.Loc.Locale(), err)
		}
	}
}

// TestParseCommon: only of a request that names no step, no person and no language is the page what
// all get who come to the login page.
func TestParseCommon(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	for more, want := range map[string]bool{
		"": true, "&x=1&flows=2": true, "&via=email": true, "&via=phone": true, "&next=nowhere": true,
		"&via=post": false, "&flow=a": false, "&next=account": false, "&link=a": false, "&via=email&flow=a": false,
		"&lang=ja": false, "&l%61ng=": false, "&prompt=login": false, "&prompt=": false, "&login_hint=ana": false,
	} {
		if got, err := parse(places, raw(more)); got.Common != want || err != nil {
			t.Errorf("%s is common: %t (%v), want %t", more, got.Common, err, want)
		}
	}
	code := raw(pkce)
	code.Query = strings.Replace(code.Query, url.QueryEscape(testTarget), url.QueryEscape(registered), 1)
	if got, err := parse(places, code); got.Common || err != nil {
		t.Errorf("an authorization request is common: %t (%v)", got.Common, err)
	}
	portal := raw("&done=a")
	portal.Portal = true
	if got, err := parse(places, portal); got.Common || err != nil {
		t.Errorf("a page that confirms a change is common: %t (%v)", got.Common, err)
	}
}

// TestParseRefuses: what decides who gets a login is there once, and leads to something that we
// have. The page that says so has a language all the same.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	target := "&redirect_uri=" + url.QueryEscape(testTarget)
	for query, want := range map[string]string{
		"":                            "error.page.env_missing",
		"env_id=nowhere" + target:     "error.page.env",
		"env_id=north" + target:       "error.page.client_missing",
		"env_id=north&client_id=demo": "error.page.client",
		"env_id=north&client_id=a":    "error.page.redirect_missing",
		"env_id=demo&client_id=demo&redirect_uri=":                                         "error.page.redirect",
		"env_id=demo&client_id=demo&redirect_uri=https://evil.example/":                    "error.page.redirect",
		"env_id=demo&client_id=demo&redirect_uri=" + registered:                            "error.page.pkce",
		"env_id=demo&client_id=second&redirect_uri=" + registered + pkce:                   "error.page.redirect",
		"env_id=demo&client_id=demo&config_version=v1_1" + target:                          "error.page.app_missing",
		"env_id=demo&client_id=demo&config_version=v1_1&app_id=x" + target:                 "error.page.app",
		"env_id=demo&env_id=demo&client_id=demo" + target:                                  "error.page.parameter",
		"env_id=demo&client_id[]=demo&client_id=demo" + target:                             "error.page.parameter",
		"env_id=demo&client_id=demo" + target + target:                                     "error.page.parameter",
		"env_id=demo&client_id=demo&app_id=../x" + target:                                  "error.page.parameter",
		"env_id=demo&client_id=demo&app_id=" + strings.Repeat("x", 65) + target:            "error.page.parameter",
		"env_id=demo&client_id=demo&lang=%ff" + target:                                     "error.page.parameter",
		"env_id=demo&client_id=demo" + target + "&x=" + strings.Repeat("x", maxQuery):      "error.page.parameter",
		"env_id=demo&client_id=demo" + target + "&x=" + strings.Repeat("x", maxEntryQuery): "error.page.too_large",
	} {
		in := raw("")
		in.Query, in.AcceptLanguage = query, "ja"
		got, err := parse(places, in)
		var p *refusal.Problem
		if !errors.As(err, &p) || p.Lead != want || p.Status != 400 {
			t.Errorf("%.120s: %v, want %s", query, err, want)
		}
		if got.Loc == nil || got.Loc.Locale() != "ja" {
			t.Errorf("%.120s: the page has no language", query)
		}
	}
	in := raw("")
	in.Query = "env_id=demo&client_id=demo"
	if got, err := parse(places, in); err != nil || got.RedirectURI != testOrigin+"/home" || got.HasRedirect {
		t.Errorf("without redirect_uri: %+v, %v, want the default", got.Params, err)
	}
}

// FuzzParse: whatever an address says, a login leads to a target that Check lets through, and what
// rides along in the links of the page is read the same again.
// TestShort: the portal's links leave out what says nothing. Those on the way to a login have the
// query string as it came.
func TestShort(t *testing.T) {
	t.Parallel()
	places := testPlaces(t)
	for query, want := range map[string]string{
		"app_id=&env_id=south&client_id=south&config_version=env":                                        "env_id=south&client_id=south", // settings may replace it by another
		"app_id=&env_id=west&client_id=a&config_version=env":                                             "env_id=west&client_id=a",
		"env_id=demo&client_id=&config_version=&app_id=&x=1":                                             "env_id=demo&x=1",
		"env_id=demo&client_id=second":                                                                   "env_id=demo&client_id=second",
		"env_id=demo&app_id=shop&config_version=env":                                                     "env_id=demo&app_id=shop&config_version=env",
		"env_id=south&%63onfig_version=env&config_version2=env":                                          "env_id=south&config_version2=env",
		"config_version=env&env_id=south&redirect_uri=" + url.QueryEscape(testTarget) + "&state=a%2Fb&y": "env_id=south&redirect_uri=" + url.QueryEscape(testTarget) + "&state=a%2Fb&y",
	} {
		in := raw("")
		in.Query = query
		there, err := parse(places, in)
		if err != nil || there.Query != query {
			t.Errorf("%s on the way to a login: %s, %v", query, there.Query, err)
		}
		in.Portal, in.OnWay = true, false
		got, err := parse(places, in)
		if err != nil || got.Query != want {
			t.Errorf("%s in the portal:\n%s, %v; want\n%s", query, got.Query, err, want)
		}
		in.Query = want
		again, err := parse(places, in)
		if err != nil || again.Query != want || again.RedirectURI != there.RedirectURI || again.Client != there.Client || again.LoginPage != there.LoginPage {
			t.Errorf("%s once more: %+v, %v", want, again, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	places := testPlaces(f)
	for _, more := range []string{"", pkce, "&next=account&flow=x&via=phone&link=y", "&lang=ja&x=%zz&y;z=1", "&env_id=x", "&done=1"} {
		f.Add(raw(more).Query, false)
		f.Add(raw(more).Query, true)
	}
	f.Add("env_id=demo&client_id=demo&redirect_uri="+registered+pkce, false)
	f.Add("app_id=&env_id=demo&client_id=demo&config_version=env&redirect_uri="+url.QueryEscape(testTarget+"?a=b%2f&c=+é#d"), true)
	f.Fuzz(func(t *testing.T, query string, portal bool) {
		in := raw("")
		in.Query, in.Portal, in.OnWay = query, portal, !portal
		got, err := parse(places, in)
		if got.Loc == nil {
			t.Fatalf("%q: no language", query)
		}
		if err != nil {
			var p *refusal.Problem
			if !errors.As(err, &p) || p.Status != 400 {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		codeFlow := got.ResponseType == "code" && got.ChallengeMethod == "S256" && redirect.IsCodeChallenge(got.CodeChallenge)
		if v := redirect.Check(testOrigin, got.RedirectURI, got.Client.RedirectURIs, codeFlow); v == redirect.Refused || v != got.Target {
			t.Fatalf("%q leads to %q, which is %d", query, got.RedirectURI, v)
		}
		if got.Next != "" && places.Next[got.Next] != got.NextPath {
			t.Fatalf("%q leads on to %q", query, got.NextPath)
		}
		_, in.Query, _ = strings.Cut(got.Here(), "?")
		again, err := parse(places, in)
		if err != nil {
			t.Fatalf("%q is carried along as %q: %v", query, in.Query, err)
		}
		if again.Params != got.Params || again.Query != got.Query || got.OnWay && (again.Next != got.Next || again.Link != got.Link) {
			t.Fatalf("%q is %+v, and carried along %+v", query, got, again)
		}
	})
}

// TestDecisive: what a parameter may be ends where it is said to, counted in characters.
func TestDecisive(t *testing.T) {
	t.Parallel()
	for _, d := range decisive {
		letter := "é"
		if d.id {
			letter = "x"
		}
		if most := strings.Repeat(letter, d.max); !d.keeps(most) || d.keeps(most+letter) {
			t.Errorf("%s does not end at %d characters", d.name, d.max)
		}
		if d.id == d.keeps("a/b") || d.id == d.keeps("名") {
			t.Errorf("%s: its letters", d.name)
		}
	}
}

// TestNames: what is on record of an address is what it asks for, as far as that can be a name.
func TestNames(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("x", 64)
	for in, want := range map[string]string{
		"": "", "nowhere": "nowhere", longest: longest, longest + "x": "", "a b": "", "a\nb": "", "名": "", "<b>": "",
	} {
		r := LoginRequest{Params: Params{EnvID: in, ClientID: in, ConfigVersion: in}}
		env, client, version := r.Names()
		if env != want || client != want || version != want {
			t.Errorf("%q is on record as %q, %q, %q, want %q", in, env, client, version, want)
		}
	}
	got, err := parse(testPlaces(t), raw(""))
	if env, client, version := got.Names(); err != nil || env != "demo" || client != "demo" || version != loginpage.EnvVersion {
		t.Errorf("%v: %q, %q, %q", err, env, client, version)
	}
}

// TestOnly: of several environments none is the one that is meant.
func TestOnly(t *testing.T) {
	t.Parallel()
	one, two := &Environment{}, &Environment{}
	if Only(nil) != nil || Only(map[string]*Environment{"a": one}) != one || Only(map[string]*Environment{"a": one, "b": two}) != nil {
		t.Error("the only environment is not the one of one")
	}
}
