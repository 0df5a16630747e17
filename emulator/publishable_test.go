package emulator

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func (f *fixture) publishable(env string) string {
	f.t.Helper()
	return f.do("GET", "/__emulator/publishable-key?env="+env, "").ok().str("publishable_key")
}

// It looks as TCB's own do.
func TestPublishableKeyClaims(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var got jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(f.publishable("west"), &got); err != nil {
		t.Fatal(err)
	}
	now := float64(f.clock.now().Unix())
	want := object{
		"iss": "https://west.ap-singapore.tcb-api.tencentcloudapi.com", "sub": "anon", "aud": "west", "iat": now, "exp": now + 2303683200,
		"nonce": got["at_hash"], "at_hash": got["nonce"], "name": "Anonymous", "scope": "anonymous", "project_id": "west",
		"meta": object{"platform": "PublishableKey"}, "role": "anon", "user_type": "", "client_type": "client_user", "is_system_admin": false,
	}
	if diff := cmp.Diff(want, object(got)); diff != "" {
		t.Error(diff)
	}
	f.do("GET", "/__emulator/publishable-key?env=nowhere", "").fails("not_found")
	f.do("GET", "/__emulator/publishable-key?env=demo", "", "Host", "tcb.example.com").fails("permission_denied")
	if page := f.do("GET", "/__emulator/", "").body["raw"].(string); !strings.Contains(page, f.publishable("demo")) || !strings.Contains(page, f.publishable("west")) {
		t.Error("the page does not show the keys")
	}
}

// TestKeysOfTheOnlyEnvironment: where there is one, nobody has to say which, whatever it is called;
// where there are several, the refusal names them.
func TestKeysOfTheOnlyEnvironment(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	cfg := testConfig(filepath.Join(t.TempDir(), "emulator.db"), c)
	cfg.Environments = []Environment{{ID: "shop-1a2b"}}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	only, several := serveFixture(t, e, c), newFixture(t)
	for control, of := range map[string]func(query string) string{
		"publishable-key": func(query string) string {
			key := only.do("GET", "/__emulator/publishable-key"+query, "").ok().str("publishable_key")
			var claims jwt.MapClaims
			if _, _, err := jwt.NewParser().ParseUnverified(key, &claims); err != nil {
				t.Error(err)
			}
			return claims["project_id"].(string)
		},
		"custom-login-key": func(query string) string {
			return only.do("GET", "/__emulator/custom-login-key"+query, "").ok().str("env_id")
		},
	} {
		for _, query := range []string{"", "?env=", "?env=shop-1a2b"} {
			if env := of(query); env != "shop-1a2b" {
				t.Errorf("%s%s: of %q", control, query, env)
			}
		}
		if a := only.do("GET", "/__emulator/"+control+"?env=demo", ""); a.status/100 != 4 || !strings.Contains(a.str("error_description"), "shop-1a2b") {
			t.Errorf("%s of another one: %d %v", control, a.status, a.body)
		}
		for _, query := range []string{"", "?env=", "?env=nowhere"} {
			a := several.do("GET", "/__emulator/"+control+query, "")
			if said := a.str("error_description"); a.status/100 != 4 || !strings.Contains(said, "demo, west") {
				t.Errorf("%s%s, of two: %d %v", control, query, a.status, a.body)
			}
		}
	}
}

// The key is in apps that were built long ago.
func TestPublishableKeyStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "emulator.db")
	f := openFixture(t, path)
	key := f.publishable("demo")
	if f.publishable("west") == key {
		t.Error("two environments have one key")
	}
	f.do("POST", "/__emulator/reset", "").ok()
	if f.publishable("demo") != key {
		t.Error("a reset made another key")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := openFixture(t, path)
	again.clock.advance(1000 * time.Hour)
	if again.publishable("demo") != key {
		t.Error("a restart made another key")
	}
}

// With the key a call is as one with client_id: it gets as far as its own checks, and no further.
func TestPublishableKeyIsNoUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := f.publishable("demo")
	bearer := []string{"Authorization", "Bearer " + key}
	for _, route := range slices.Sorted(maps.Keys(f.routeTable())) {
		method, path, _ := strings.Cut(route, " ")
		got := f.do(method, strings.NewReplacer("{device}", "d", "{provider}", "demo").Replace(path), "{}", bearer...)
		switch access := f.routeTable()[route].access; {
		case access == forUser || access == forGrant:
			got.fails("unauthenticated")
		case got.body["error"] == "unauthenticated" || got.body["error"] == "unauthorized_client":
			t.Errorf("%s: %v", route, got.body)
		}
		if method == "GET" && path != "/auth/v1/certs" { // certs tells everybody the same
			f.do(method, path, "", "Authorization", "Bearer garbage").fails("unauthenticated")
		} else if path != "/auth/v1/certs" {
			f.do(method, path, "{}", "Authorization", "Bearer "+key[:len(key)-4]+"AAAA").fails("unauthenticated")
		}
	}
	f.do("POST", "/auth/v1/verification", `{"email":"demo@example.com","target":"CUR_USER"}`, bearer...).fails("unauthenticated")

	// As a value it is nobody's token either.
	f.post("/v1/signup", object{"email": "a@example.com", "verification_token": f.verified("a@example.com"), "anonymous_token": key}).fails("invalid_argument")
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": key}).fails("invalid_grant")
	if a := f.do("GET", "/auth/v1/token/introspect?client_id=demo&token="+key, "").ok(); a.body["active"] != false {
		t.Errorf("introspect: %v", a.body)
	}
	f.do("GET", "/auth/v1/user/me?access_token="+key, "").fails("unauthenticated")
	f.post("/v1/revoke", object{"token": key}).ok()
	f.do("POST", "/auth/v1/signin", encode(t, object{"username": "demo", "password": demoPassword}), bearer...).ok()
}

// It names its environment and may not speak for another one, or for a client with a wrong secret.
func TestPublishableKeyAndClients(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signIn := encode(t, object{"username": "demo", "password": demoPassword})
	for _, tt := range []struct{ env, query, body, code string }{
		{"demo", "", signIn, ""},
		{"demo", "?client_id=demo", signIn, ""},
		{"demo", "?client_id=app", signIn, ""},
		{"west", "?client_id=demo", signIn, "unauthorized_client"},
		{"demo", "?client_id=west", signIn, "unauthorized_client"},
		{"demo", "?client_id=nobody", signIn, "unauthorized_client"},
		{"demo", "?client_id=app", `{"client_secret":"wrong","username":"demo","password":"` + demoPassword + `"}`, "unauthorized_client"},
	} {
		got := f.do("POST", "/auth/v1/signin"+tt.query, tt.body, "Authorization", "Bearer "+f.publishable(tt.env))
		if tt.code != "" {
			got.fails(tt.code)
			continue
		}
		me := f.me(got.ok().str("access_token")).ok()
		if me.str("username") != "demo" {
			t.Errorf("%s%s: signed in as %v", tt.env, tt.query, me.body)
		}
	}
}
