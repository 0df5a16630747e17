package authclient_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tcb-login/authclient"
)

// The payloads of two publishable keys as TCB made them, the environment's name
// changed: of 2026-07 and of 2026-08, when the claims had grown.
const (
	olderKey = `{"iss":"https://demo-env.ap-shanghai.tcb-api.tencentcloudapi.com","sub":"anon","aud":"demo-env","exp":4084078190,"iat":1780394990,` +
		`"nonce":"DPifFNDiThWxss324JhHDA","at_hash":"DPifFNDiThWxss324JhHDA","name":"Anonymous","scope":"anonymous","project_id":"demo-env",` +
		`"meta":{"platform":"PublishableKey"},"user_type":"","client_type":"client_user","is_system_admin":false}`
	newerKey = `{"iss":"https://demo-env.ap-shanghai.tcb-api.tencentcloudapi.com","sub":"anon","aud":"demo-env","exp":4090990906,"iat":1787307706,` +
		`"nonce":"TLqaozFbQqKp930UNJsNNQ","at_hash":"TLqaozFbQqKp930UNJsNNQ","name":"Anonymous","scope":"anonymous","project_id":"demo-env",` +
		`"meta":{"platform":"PublishableKey"},"role":"anon","is_anonymous":true,"app_metadata":{"provider":"anonymous","providers":["anonymous"]},` +
		`"user_metadata":{"name":"Anonymous"},"user_type":"","client_type":"client_user","is_system_admin":false}`
)

func jwtOf(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"9d1dc31e"}`)) + "." + encode([]byte(payload)) + "." + encode([]byte("SECRET-signature"))
}

func TestPublishableKeys(t *testing.T) {
	t.Parallel()
	change := func(old, now string) string {
		if !strings.Contains(newerKey, old) {
			t.Fatalf("%s is not in the sample", old)
		}
		return jwtOf(strings.Replace(newerKey, old, now, 1))
	}
	good := map[string]string{"of July": jwtOf(olderKey), "of August": jwtOf(newerKey)}
	for _, name := range slices.Sorted(maps.Keys(good)) {
		if _, err := authclient.New(authclient.Config{Env: "demo-env", PublishableKey: good[name]}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := map[string]string{
		"another platform":           change(`"PublishableKey"`, `"ApiKey"`),
		"no platform":                change(`"meta":{"platform":"PublishableKey"}`, `"meta":{}`),
		"a user's token":             change(`"meta":{"platform":"PublishableKey"}`, `"meta":{"wxOpenId":"","wxUnionId":""}`),
		"an administrator":           change(`"is_system_admin":false`, `"is_system_admin":true`),
		"silent about that":          change(`,"is_system_admin":false`, ``),
		"an administrator, null":     change(`"is_system_admin":false`, `"is_system_admin":null`),
		"of a server":                change(`"client_user"`, `"client_server"`),
		"service role":               change(`"role":"anon"`, `"role":"service_role"`),
		"another scope":              change(`"scope":"anonymous"`, `"scope":"administrator"`),
		"another environment":        change(`"project_id":"demo-env"`, `"project_id":"demo-env2"`),
		"expired":                    change(`4090990906`, `1790000000`),
		"no expiry":                  change(`"exp":4090990906,`, ``),
		"not JSON":                   jwtOf(`SECRET`),
		"JSON of another kind":       jwtOf(`["SECRET"]`),
		"two parts":                  strings.TrimSuffix(jwtOf(newerKey), ".U0VDUkVULXNpZ25hdHVyZQ"),
		"unsigned":                   strings.TrimSuffix(jwtOf(newerKey), "U0VDUkVULXNpZ25hdHVyZQ"),
		"a line break":               jwtOf(newerKey) + "\n",
		"with its scheme":            "Bearer " + jwtOf(newerKey),
		"an API key of another look": "SECRET",
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		client, err := authclient.New(authclient.Config{Env: "demo-env", PublishableKey: bad[name], Now: newClock().now})
		if client != nil || err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		if text := err.Error(); strings.Contains(text, "SECRET") || strings.Contains(text, "U0VDUkVU") || strings.Contains(text, "eyJ") {
			t.Errorf("%s: the error tells of the key: %s", name, text)
		}
	}
}

// The key goes out where nobody is signed in, and never beside a login or a
// client's secret.
func TestPublishableKeyIsSent(t *testing.T) {
	t.Parallel()
	key := jwtOf(newerKey)
	for _, tt := range []struct {
		name, secret, want string
		call               func(*authclient.Client) error
	}{
		{"sign in", "", "Bearer " + key, func(c *authclient.Client) error {
			_, err := c.SignIn(t.Context(), authclient.SignInRequest{Username: "u", Password: "p"})
			return err
		}},
		{"send", "", "Bearer " + key, func(c *authclient.Client) error {
			_, err := c.GetVerification(t.Context(), authclient.GetVerificationRequest{Email: "a@example.com"})
			return err
		}},
		{"refresh", "", "Bearer " + key, func(c *authclient.Client) error {
			_, err := c.RefreshToken(t.Context(), "m.r")
			return err
		}},
		{"a user's call", "", "Bearer a.b.c", func(c *authclient.Client) error {
			_, err := c.AsUser("a.b.c").GetUserInfo(t.Context())
			return err
		}},
		{"a call with Basic authorization", "", "Bearer " + key, func(c *authclient.Client) error {
			_, err := c.AuthorizeInfo(t.Context(), authclient.AuthorizeInfoRequest{})
			return err
		}},
		{"with a secret", "sec", "Basic aWQ6c2Vj", func(c *authclient.Client) error {
			_, err := c.SignIn(t.Context(), authclient.SignInRequest{Username: "u", Password: "p"})
			return err
		}},
	} {
		var got *http.Request
		client := newClient(t, authclient.Config{
			Env: "demo-env", ClientID: "id", ClientSecret: tt.secret, PublishableKey: key,
			HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				got = r
				return nil, fmt.Errorf("malformed answer %q", key)
			})},
		})
		err := tt.call(client)
		refusal(t, err, authclient.ErrUnreachable)
		tellsNothing(t, err, key)
		tellsNothing(t, errors.Unwrap(err), key)
		if auth := got.Header.Get("Authorization"); auth != tt.want {
			t.Errorf("%s: Authorization is %q, want %q", tt.name, auth, tt.want)
		}
		if got.Host != "demo-env.api.tcloudbasegateway.com" {
			t.Errorf("%s: sent to %s, want the gateway", tt.name, got.Host)
		}
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if strings.Contains(fmt.Sprintf(verb, client), key) {
				t.Errorf("%s of the client tells the key", verb)
			}
		}
	}
}

// The emulator's own key works against the emulator, for every call without a
// login, and nobody is signed in by it.
func TestPublishableKeyAtTheEmulator(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var minted struct {
		Key string `json:"publishable_key"`
	}
	f.control(http.MethodGet, "publishable-key?env=demo-env", "", &minted)
	client := f.client(authclient.Config{PublishableKey: minted.Key})
	creds, err := client.SignIn(t.Context(), authclient.SignInRequest{Username: demoUsername, Password: demoPassword})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := client.AsUser(creds.AccessToken).GetUserInfo(t.Context()); err != nil || info.Username != demoUsername {
		t.Errorf("the profile is %+v, %v", info, err)
	}
	if _, err := client.GetVerification(t.Context(), authclient.GetVerificationRequest{Email: demoEmail}); err != nil {
		t.Error(err)
	}
	_, err = client.AsUser(minted.Key).GetUserInfo(t.Context())
	refusal(t, err, authclient.ErrUnauthenticated)
	if _, err := authclient.New(authclient.Config{Env: "west-env", PublishableKey: minted.Key}); err == nil {
		t.Error("the key was taken for another environment")
	}
}

// The key is for the gateway, so it does not go with the other host; nor does a mode that there is not.
func TestEndPointModeRefused(t *testing.T) {
	t.Parallel()
	for _, cfg := range []authclient.Config{
		{Env: "demo-env", PublishableKey: jwtOf(newerKey), EndPointMode: authclient.CloudAPI},
		{Env: "demo-env", EndPointMode: "gateway"},
	} {
		if _, err := authclient.New(cfg); err == nil {
			t.Errorf("%s was taken", cfg.EndPointMode)
		}
	}
}
