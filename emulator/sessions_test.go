package emulator

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMaxDevice(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		most    int
		devices []string // "device/user agent" of the sign-ins, in order
		want    string   // which of them are left
	}{
		"any number":         {-1, []string{"a/x", "b/x", "a/x"}, "111"},
		"one":                {1, []string{"a/x", "b/x", "c/y"}, "001"},
		"two":                {2, []string{"a/x", "b/x", "c/x"}, "011"},
		"again on a device":  {2, []string{"a/x", "b/x", "a/x", "c/x"}, "1011"},
		"without a device":   {2, []string{"/x", "/x", "/x"}, "011"},
		"one per user agent": {0, []string{"a/x", "b/y", "c/x"}, "011"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.settings(`{"client":{"MaxDevice":` + strconv.Itoa(test.most) + `}}`)
			var tokens []string
			for _, given := range test.devices {
				device, agent, _ := strings.Cut(given, "/")
				f.clock.advance(time.Second)
				tokens = append(tokens, f.post("/v1/signin", object{"username": "demo", "password": demoPassword},
					"X-Device-Id", device, "User-Agent", agent).ok().str("access_token"))
			}
			got := ""
			for _, token := range tokens {
				if f.me(token).body["error"] == nil {
					got += "1"
				} else {
					got += "0"
				}
			}
			if got != test.want {
				t.Errorf("left: %s, want %s", got, test.want)
			}
		})
	}
}

func TestClientRules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"client":{"AccessTokenExpiresIn":1800,"RefreshTokenExpiresIn":3600}}`)
	in := f.signInDemo()
	if in.body["expires_in"] != 1800.0 {
		t.Errorf("expires_in %v", in.body["expires_in"])
	}
	f.clock.advance(30 * time.Minute)
	f.me(in.str("access_token")).fails("unauthenticated")
	f.clock.advance(30 * time.Minute)
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": in.str("refresh_token")}).fails("invalid_grant")
	f.settings(`{"captcha":"never","login":{"SmsVerificationConfig":{"SmsDayLimit":1}}}`)
	f.send("+86 13800000001")
	f.clock.advance(sendPause)
	f.post("/v1/verification", object{"phone_number": "+86 13800000001"}).fails("resource_exhausted")
	f.settings(`{"login":{"SmsVerificationConfig":{"SmsDayLimit":-1}}}`)
	f.send("+86 13800000001")
	f.settings(`{"login":{"SmsVerificationConfig":{"SmsDayLimit":0}}}`)
	f.post("/v1/verification", object{"phone_number": "+86 13800000002"}).fails("resource_exhausted")
}

func TestRevokeDevices(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signIn := func(device string) answer {
		return f.post("/v1/signin", object{"username": "demo", "password": demoPassword}, "X-Device-Id", device).ok()
	}
	a, b, c := signIn("device-a"), signIn("device-b"), signIn("device-b")
	f.as(a.str("access_token"), "DELETE", "/v1/user/authorized/devices/nothing", nil).fails("not_found")
	f.as(a.str("access_token"), "DELETE", "/v1/user/authorized/devices/device-b", nil).ok()
	f.me(b.str("access_token")).fails("unauthenticated")
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": c.str("refresh_token")}).fails("invalid_grant")
	f.me(a.str("access_token")).ok()
	b = signIn("device-b")
	f.as(a.str("access_token"), "DELETE", "/v1/user/revoke/all", nil).ok()
	f.me(a.str("access_token")).fails("unauthenticated")
	f.me(b.str("access_token")).fails("unauthenticated")
	f.do("DELETE", "/auth/v1/user/revoke/all?client_id=demo", "").fails("unauthenticated")
}

func TestHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.post("/v1/signin", object{"username": "demo", "password": demoPassword},
		"X-Device-Id", "device-1", "User-Agent", "Agent/1", "X-Forwarded-For", "203.0.113.1, 198.51.100.7").ok().str("access_token")
	history := func(query string) answer { return f.as(token, "GET", "/v1/user/security/history?"+query, nil) }
	a := history("query[action]=USER_LOGIN&limit=5").ok()
	want := object{"total": 1.0, "next_page_token": "", "data": []any{object{
		"id": a.body["data"].([]any)[0].(object)["id"], "action": "USER_LOGIN", "ip": "198.51.100.7", "user_agent": "Agent/1", "client_id": "demo",
		"device_id": "device-1", "created_at": "2026-11-22T12:00:00Z", "meta": object{"from": "password"},
	}}}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.as(token, "PATCH", "/v1/user/profile", object{"username": "other"}).ok()
	f.as(token, "POST", "/v1/user/provider/bind", object{"provider_token": f.providerToken("demo")}).ok()
	f.as(token, "DELETE", "/v1/user/provider/demo", nil).ok()
	sudo := f.sudo(token, demoPassword)
	f.as(token, "PATCH", "/v1/user/contact", object{"email": "n@example.com", "sudo_token": sudo, "verification_token": f.verified("n@example.com")}).ok()
	f.as(token, "PATCH", "/v1/user/contact", object{"phone_number": "+86 13800000001", "sudo_token": sudo, "verification_token": f.verified("+86 13800000001")}).ok()
	f.as(token, "PATCH", "/v1/user/password", object{"new_password": goodPassword, "sudo_token": sudo}).ok()
	var got []string
	page := ""
	for range 4 {
		a := history("ne_query[action]=USER_LOGIN&limit=2&page_token=" + page).ok()
		for _, row := range a.body["data"].([]any) {
			got = append(got, row.(object)["action"].(string))
		}
		if page = a.str("next_page_token"); page == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{
		"USER_UPDATE_PASSWORD", "USER_UPDATE_PHONE_NUMBER", "USER_UPDATE_EMAIL", "USER_UNBIND_PROVIDER", "USER_BIND_PROVIDER", "USER_UPDATE_USERNAME",
	}, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"limit=0", "limit=101", "limit=x", "page_token=x", "page_token=-1"} {
		history(bad).fails("invalid_argument")
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := f.signInDemo()
	f.do("PUT", "/__emulator/users/"+in.str("sub"), `{"groups":["user","editor"]}`).ok()
	want := []any{"user", "editor"}
	if diff := cmp.Diff(want, f.signInDemo().body["groups"]); diff != "" {
		t.Errorf("token: %s", diff)
	}
	if diff := cmp.Diff([]any{object{"id": "user"}, object{"id": "editor"}}, f.me(in.str("access_token")).ok().body["groups"]); diff != "" {
		t.Errorf("user/me: %s", diff)
	}
	for _, bad := range []string{`{"groups":[""]}`, `{"groups":["a b"]}`, `{}`, `{"status":"X"}`} {
		f.do("PUT", "/__emulator/users/"+in.str("sub"), bad).fails("invalid_argument")
	}
}

// TestOldDatabase brings a database of the first version up to date.
func TestOldDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.db")
	first, err := os.ReadFile("migrations/0001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		string(first), "PRAGMA user_version = 1",
		`INSERT INTO users (env, sub, username, name, created_at, updated_at) VALUES ('demo', '1000000000000000001', 'old', 'Old', 1, 1)`,
		`INSERT INTO sessions (id, env, sub, client_id, device_id, user_agent, refresh_hash, refresh_expires_at, created_at, refreshed_at)
			VALUES ('s1', 'demo', '1000000000000000001', 'demo', '', '', '` + hashOf("m.old") + `', 9999999999999, 1, 1)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f := openFixture(t, path)
	in := f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": "m.old"}).ok()
	if got := f.me(in.str("access_token")).ok().str("username"); got != "old" {
		t.Errorf("user %s", got)
	}
	f.as(in.str("access_token"), "POST", "/v1/user/provider/bind", object{"provider_token": f.providerToken("demo")}).ok()
	if got := f.customSignIn("user-1").str("scope"); got != "user" {
		t.Errorf("scope %s", got)
	}
	var version int
	if err := f.store.db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil || version != 2 {
		t.Errorf("version %d, %v", version, err)
	}
}
