//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
	"time"
)

// sdks are the majors of the official SDK; every way to sign in is judged by both.
var sdks = []struct{ name, sdk string }{{"sdk 2.32.0", "sdk2"}, {"sdk 3.7.0", "sdk3"}}

// signedIn is what the SDK in the app page says after the return.
type signedIn struct {
	Href       string `json:"href"`
	LoginState bool   `json:"loginState"`
	HasState   bool   `json:"hasState"`
	Token      string `json:"token"`
	Scope      string `json:"scope"`
	User       struct {
		UID         string `json:"uid"`
		Username    string `json:"username"`
		Name        string `json:"name"`
		Email       string `json:"email"`
		PhoneNumber string `json:"phone_number"`
	} `json:"user"`
}

// enter opens the app and lets the SDK send the browser to the login page.
func (v *visitor) enter(t *testing.T, path string) *tab {
	t.Helper()
	b := v.open(t, path)
	b.ready(t)
	if state, err := b.Evaluate(`() => auth.getLoginState()`); err != nil || state != nil {
		t.Fatalf("getLoginState() before the sign-in: %v, %v; want null", state, err)
	}
	b.press(t, b.Locator("#login"))
	b.at(t, "sign-in")
	return b
}

// enterAs opens the app and lets the SDK send the browser to the login page of a config_version.
func (v *visitor) enterAs(t *testing.T, path, app, version string) *tab {
	t.Helper()
	b := v.open(t, path)
	b.ready(t)
	b.navigate(t, func() error {
		_, err := b.Evaluate(`([app_id, config_version]) => { auth.toDefaultLoginPage({ app_id, config_version }) }`, []string{app, version})
		return err
	})
	return b
}

func (b *tab) ready(t *testing.T) {
	t.Helper()
	if err := expect.Locator(b.Locator("html")).ToHaveAttribute("data-ready", "yes"); err != nil {
		t.Fatalf("the app page at %s: %v", b.URL(), err)
	}
}

// finish presses the primary button of a sign-in's last step and waits for the app page it leads
// back to.
func (b *tab) finish(t *testing.T, path string) {
	t.Helper()
	if d := b.submit(t); d.status != 200 {
		t.Fatalf("the last step was answered with %d at %s:\n%s", d.status, b.URL(), b.summary())
	}
	b.back(t, path)
}

// back waits until the tab shows exactly this page of the app, query and hash included.
func (b *tab) back(t *testing.T, path string) {
	t.Helper()
	want := b.v.server.origin + path
	// Not WaitForURL, which misses an address that is reached just as it starts to look.
	if err := expect.Page(b.Page).ToHaveURL(want); err != nil {
		t.Fatalf("waiting for %s: still at %s\n%s: %v", want, b.URL(), b.summary(), err)
	}
	b.ready(t)
}

// ask lets the SDK tell who is signed in.
func (b *tab) ask(t *testing.T) signedIn {
	t.Helper()
	raw, err := b.Evaluate(`async () => {
		const state = await auth.getLoginState();
		const user = await auth.getCurrentUser();
		const { accessToken } = await auth.getAccessToken();
		return JSON.stringify({
			href: location.href, loginState: state !== null, hasState: auth.hasLoginState() !== null,
			token: accessToken, scope: await auth.loginScope(),
			user: { uid: user.uid, username: user.username, name: user.name, email: user.email, phone_number: user.phoneNumber ?? user.phone_number },
		});
	}`)
	if err != nil {
		t.Fatalf("asking the SDK at %s: %v", b.URL(), err)
	}
	var s signedIn
	if err := json.Unmarshal([]byte(raw.(string)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// isSignedIn asserts that the app, back at the page it asked for, sees exactly the person the
// backend knows.
func (b *tab) isSignedIn(t *testing.T, path string, want person) {
	t.Helper()
	got := b.ask(t)
	b.v.server.secret(t, got.Token)
	if got.Href != b.v.server.origin+path {
		t.Errorf("back at %s, want %s", got.Href, b.v.server.origin+path)
	}
	if !got.LoginState || !got.HasState {
		t.Errorf("getLoginState() non-null: %v, hasLoginState() non-null: %v; want both", got.LoginState, got.HasState)
	}
	if got.Token == "" {
		t.Error("getAccessToken() is empty")
	}
	if got.Scope != "user" {
		t.Errorf("loginScope() = %q, want user", got.Scope)
	}
	u := got.User
	if u.UID != want.Sub || u.Username != want.Username || u.Name != want.Name || u.Email != want.Email || u.PhoneNumber != want.PhoneNumber {
		t.Errorf("getCurrentUser() = %+v, want %+v", u, want)
	}
	b.leftBehind(t, want)
}

// leftBehind asserts what the login page has written for the SDK, key by key.
func (b *tab) leftBehind(t *testing.T, want person) {
	t.Helper()
	key := "credentials_" + b.v.server.client
	var c struct {
		TokenType    string    `json:"token_type"`
		AccessToken  string    `json:"access_token"`
		RefreshToken string    `json:"refresh_token"`
		ExpiresIn    float64   `json:"expires_in"`
		ExpiresAt    time.Time `json:"expires_at"`
		Scope        string    `json:"scope"`
		Sub          string    `json:"sub"`
		Groups       []string  `json:"groups"`
		Version      string    `json:"version"`
	}
	if err := json.Unmarshal([]byte(b.stored(t, key)), &c); err != nil {
		t.Fatalf("%s in localStorage: %v", key, err)
	}
	b.v.server.secret(t, c.AccessToken, c.RefreshToken)
	if c.TokenType != "Bearer" || c.AccessToken == "" || c.RefreshToken == "" || c.Sub != want.Sub || c.Scope != "user" || c.Version != "v1" {
		c.AccessToken, c.RefreshToken = "…", "…"
		t.Errorf("%s in localStorage: %+v", key, c)
	}
	if c.ExpiresIn <= 0 {
		t.Errorf("expires_in is %v; the SDK deletes such a login", c.ExpiresIn)
	}
	due := time.Now().Add(time.Duration(c.ExpiresIn-30) * time.Second)
	if off := c.ExpiresAt.Sub(due).Abs(); off > time.Minute {
		t.Errorf("expires_at is %v, want about %v", c.ExpiresAt, due)
	}
	if raw := b.stored(t, "user_info_demo"); raw != "" {
		var info struct {
			Version string
			Content struct{ Sub, UID string }
		}
		if err := json.Unmarshal([]byte(raw), &info); err != nil {
			t.Fatalf("user_info_demo: %v", err)
		}
		if info.Version != "localCachev1" || info.Content.Sub != want.Sub || info.Content.UID != want.Sub {
			t.Errorf("user_info_demo is %+v, want %s in an envelope of version localCachev1", info, want.Sub)
		}
	}
}

// uid is who the SDK says is signed in.
func (b *tab) uid(t *testing.T) string {
	t.Helper()
	got, err := b.Evaluate(`async () => (await auth.getCurrentUser()).uid`)
	if err != nil {
		t.Fatal(err)
	}
	return got.(string)
}

// providers are the bound ones, as the SDK lists them.
func (b *tab) providers(t *testing.T) []string {
	t.Helper()
	got, err := b.Evaluate(`async () => (await auth.getProviders()).data.filter((p) => p.bind).map((p) => p.id)`)
	if err != nil {
		t.Fatalf("getProviders(): %v", err)
	}
	var ids []string
	for _, id := range got.([]any) {
		ids = append(ids, id.(string))
	}
	return ids
}

// expire makes the SDK's login one whose access token has run out.
func (b *tab) expire(t *testing.T) {
	t.Helper()
	if _, err := b.Evaluate(`() => {
		const key = "credentials_demo", login = JSON.parse(localStorage.getItem(key));
		localStorage.setItem(key, JSON.stringify({ ...login, expires_at: new Date(0).toISOString() }));
	}`); err != nil {
		t.Fatal(err)
	}
}

// refreshToken is the one that localStorage holds, or "".
func (b *tab) refreshToken(t *testing.T) string {
	t.Helper()
	var login struct {
		RefreshToken string `json:"refresh_token"`
	}
	if raw := b.stored(t, "credentials_demo"); raw != "" {
		if err := json.Unmarshal([]byte(raw), &login); err != nil {
			t.Fatal(err)
		}
	}
	b.v.server.secret(t, login.RefreshToken)
	return login.RefreshToken
}

// keep puts a login where the SDK has it.
func (b *tab) keep(t *testing.T, login string) {
	t.Helper()
	if _, err := b.Evaluate(`(login) => localStorage.setItem("credentials_demo", login)`, login); err != nil {
		t.Fatal(err)
	}
}
