//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// An app on another origin, and another site: localhost is none of 127.0.0.1's. It is oauth4webapi as
// npm has it, and the page around it does what that library's own example does.
var elsewhere = template.Must(template.New("elsewhere").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>An app elsewhere</title>
<link rel="icon" href="data:,">
<h1>An app elsewhere</h1>
<pre id="result"></pre>
<script src="/oauth4webapi.js"></script>
<script>
	const { login, emulator } = {{.}};
	const insecure = { [oauth.allowInsecureRequests]: true }; // the emulator is http
	const as = {
		issuer: sessionStorage.getItem("issuer") || "http://demo.ap-shanghai.tcb-api.tencentcloudapi.com",
		authorization_endpoint: login + "/__auth/?env_id=demo&config_version=env",
		token_endpoint: emulator + "/auth/v1/token",
		userinfo_endpoint: emulator + "/auth/v1/user/me",
		jwks_uri: emulator + "/auth/v1/certs",
		authorization_response_iss_parameter_supported: true,
		code_challenge_methods_supported: ["S256"],
	};
	const client = { client_id: "demo" };
	const redirectURI = location.origin + "/callback";
	window.signIn = async (more) => {
		const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce();
		sessionStorage.setItem("flow", JSON.stringify({ verifier, state, nonce }));
		const to = new URL(as.authorization_endpoint);
		for (const [name, value] of Object.entries({
			client_id: client.client_id, redirect_uri: redirectURI, response_type: "code", scope: "openid profile", state, nonce,
			code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more,
		})) to.searchParams.set(name, value);
		location.href = to;
	};
	const callback = async () => {
		const { verifier, state, nonce } = JSON.parse(sessionStorage.getItem("flow"));
		const params = oauth.validateAuthResponse(as, client, new URL(location.href), state);
		const answer = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), params, redirectURI, verifier, insecure);
		const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { expectedNonce: nonce, requireIdToken: true });
		await oauth.validateApplicationLevelSignature(as, answer, insecure);
		const claims = oauth.getValidatedIdTokenClaims(tokens);
		const info = await oauth.userInfoRequest(as, client, tokens.access_token, insecure);
		const person = await oauth.processUserInfoResponse(as, client, claims.sub, info);
		return { sub: claims.sub, username: person.username, token: tokens.access_token, refresh: tokens.refresh_token, scope: tokens.scope };
	};
	const tell = (result) => {
		document.getElementById("result").textContent = JSON.stringify(result);
		document.documentElement.dataset.ready = "yes";
	};
	if (location.pathname === "/callback") callback().then(tell, (e) => tell({ error: e.error || e.code || e.message, name: e.name }));
	else document.documentElement.dataset.ready = "yes";
</script>
</html>
`))

// elsewhereApp serves the app, and gives its origin.
func elsewhereApp(t *testing.T, s *server) string {
	t.Helper()
	l := listen(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth4webapi.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("build", "oauth4webapi.js"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := elsewhere.Execute(w, map[string]string{"login": s.origin, "emulator": strings.TrimSuffix(s.emulator.url.String(), "/")}); err != nil {
			panic(err)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return "http://localhost:" + port
}

// appResult is what came of a sign-in at the app.
type appResult struct{ Sub, Username, Token, Refresh, Scope, Error, Name string }

// appSignIn lets the app send the browser to sign in.
func (b *tab) appSignIn(t *testing.T, more map[string]any) {
	t.Helper()
	b.navigate(t, func() error {
		_, err := b.Evaluate(`(more) => { signIn(more); }`, more)
		return err
	})
}

// result waits for what the app made of the answer, at its callback.
func (b *tab) result(t *testing.T) (got appResult) {
	t.Helper()
	if err := expect.Locator(b.Locator("html[data-ready] #result")).ToContainText("{"); err != nil {
		t.Fatalf("at %s: %v\n%s", b.URL(), err, b.summary())
	}
	if err := json.Unmarshal([]byte(b.text(t, "#result")), &got); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	b.v.server.secret(t, got.Token, got.Refresh, u.Query().Get("code"))
	return got
}

// TestCodeFlow: an app on another origin, by a library that knows nothing of TCB.
func TestCodeFlow(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	app := elsewhereApp(t, s)
	person := s.emulator.register(t, newEmail(), newUsername(), "Elsewhere-1")
	b := s.visit(t).open(t, app+"/")
	b.ready(t)

	b.appSignIn(t, map[string]any{})
	b.at(t, "sign-in")
	b.typePassword(t, person.Username, "Elsewhere-1")
	b.submit(t)
	b.at(t, "authorize")
	b.visible(t, ".scopes")
	if text := b.text(t, "main"); !strings.Contains(text, strings.TrimPrefix(app, "http://")) || !strings.Contains(text, person.Username) {
		t.Errorf("the page does not say who goes where: %s", text)
	}
	if b.stored(t, "credentials_demo")+b.stored(t, "user_info_demo") != "" {
		t.Error("a login of another origin's app is in our localStorage")
	}
	b.submit(t)
	got := b.result(t)
	if got.Error != "" || got.Sub != person.Sub || got.Username != person.Username || got.Token == "" || got.Scope != "openid profile" {
		t.Fatalf("the app has %q of %q, %+v", got.Username, got.Scope, got.Error+" "+got.Name)
	}

	// Once more: nobody is asked for a password, and nobody goes without being asked.
	b.goTo(t, app+"/")
	b.appSignIn(t, map[string]any{})
	b.at(t, "authorize")
	b.press(t, b.Locator(`#form button[value="deny"]`))
	if got := b.result(t); got.Error != "access_denied" || got.Name != "AuthorizationResponseError" {
		t.Errorf("who cancels: %+v", got)
	}
	for more, want := range map[string]any{"prompt": "interaction_required", "request": "request_not_supported", "response_mode": "invalid_request"} {
		b.goTo(t, app+"/")
		b.appSignIn(t, map[string]any{more: "none"})
		if got := b.result(t); got.Error != want {
			t.Errorf("%s: %+v, want %s", more, got, want)
		}
	}
	b.goTo(t, app+"/")
	b.appSignIn(t, map[string]any{"prompt": "login", "login_hint": person.Username})
	b.at(t, "sign-in")
	b.holds(t, "username", person.Username)

	// An app that expects another server's answer throws this one away.
	b.goTo(t, app+"/")
	if _, err := b.Evaluate(`(issuer) => sessionStorage.setItem("issuer", issuer)`, s.origin); err != nil {
		t.Fatal(err)
	}
	b.goTo(t, app+"/")
	b.appSignIn(t, map[string]any{})
	b.at(t, "authorize")
	b.submit(t)
	if got := b.result(t); got.Error == "" || got.Token != "" {
		t.Error("the app takes a code of another issuer")
	}

	fresh := s.visit(t).open(t, app+"/")
	fresh.appSignIn(t, map[string]any{"prompt": "none"})
	if got := fresh.result(t); got.Error != "login_required" {
		t.Errorf("without a login: %+v", got)
	}
}

// TestCodeFlowWithoutScript: our pages need none, to the app's own door.
func TestCodeFlowWithoutScript(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	app := elsewhereApp(t, s)
	const challenge, verifier = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	b := s.visit(t, withoutScript).open(t, s.entry(app+"/callback", "response_type", "code", "code_challenge_method", "S256",
		"code_challenge", challenge, "state", "st", "scope", "profile"))
	b.at(t, "sign-in")
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "authorize")
	b.speak(t, "zh-CN")
	b.at(t, "authorize")
	b.submit(t)
	if err := expect.Locator(b.Locator("h1")).ToHaveText("An app elsewhere"); err != nil {
		t.Fatalf("still at %s: %v", b.URL(), err)
	}
	u, err := url.Parse(b.URL())
	if err != nil || !strings.HasPrefix(b.URL(), app+"/callback?code=") || u.Query().Get("state") != "st" {
		t.Fatalf("the browser is at %s, %v", b.URL(), err)
	}
	code := u.Query().Get("code")
	s.secret(t, code)
	resp, err := http.PostForm(s.emulator.url.String()+"/auth/v1/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"demo"}, "code": {code}, "redirect_uri": {app + "/callback"}, "code_verifier": {verifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the code is refused: %d %s, %v", resp.StatusCode, body, err)
	}
}

// TestCodeFlowProofs runs what docs/code-flow.md has an operator type, against a backend that
// enforces what the commands are to prove.
func TestCodeFlowProofs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "code-flow.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for i, part := range strings.Split(string(page), "```") {
		if script, ok := strings.CutPrefix(part, "sh\n"); ok && i%2 == 1 {
			blocks = append(blocks, script)
		}
	}
	if len(blocks) != 5 {
		t.Fatalf("the page has %d blocks of commands, want the names, three and the issuer", len(blocks))
	}
	request := regexp.MustCompile(`(?s)code_challenge=([A-Za-z0-9_-]{43})&code_challenge_method=S256`).FindStringSubmatch(string(page))
	if request == nil {
		t.Fatal("the page has no request for a code")
	}
	s := share(t, options{})
	callback := elsewhereApp(t, s) + "/callback"
	b := s.visit(t, withoutScript).open(t, s.entry(callback, "response_type", "code", "code_challenge_method", "S256", "code_challenge", request[1]))
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	run := func(block string) string {
		t.Helper()
		b.goTo(t, s.entry(callback, "response_type", "code", "code_challenge_method", "S256", "code_challenge", request[1], "state", newUsername()))
		b.at(t, "authorize")
		b.submit(t)
		if err := expect.Locator(b.Locator("h1")).ToHaveText("An app elsewhere"); err != nil {
			t.Fatalf("still at %s: %v", b.URL(), err)
		}
		u, err := url.Parse(b.URL())
		if err != nil {
			t.Fatal(err)
		}
		code := u.Query().Get("code")
		s.secret(t, code)
		ours := fmt.Sprintf("TOKEN_ENDPOINT=%s/auth/v1/token\nCLIENT_ID=demo\nREDIRECT_URI=%s\nCODE=%s\n",
			strings.TrimSuffix(s.emulator.url.String(), "/"), callback, code)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", blocks[0]+ours+block).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", block, err, out)
		}
		return string(out)
	}
	for _, block := range blocks[1:3] {
		if out := run(block); !strings.Contains(out, `"invalid_grant"`) || strings.Contains(out, "access_token") {
			t.Errorf("%s%s", block, out)
		}
	}
	first, second, _ := strings.Cut(run(blocks[3]), "\n")
	if !strings.Contains(first, "access_token") || !strings.Contains(second, `"invalid_grant"`) || strings.Contains(second, "access_token") {
		t.Errorf("twice: %.40s… and then %s", first, second)
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(first), &tokens); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "ACCESS_TOKEN="+tokens.AccessToken+"\n"+blocks[4]).CombinedOutput()
	if want := `"iss":"http://demo.ap-shanghai.tcb-api.tencentcloudapi.com"` + "\n"; err != nil || string(out) != want {
		t.Errorf("the issuer: %s, %v, want %s", out, err, want)
	}
}
