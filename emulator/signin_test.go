package emulator

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newTestLogger(to *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

func TestSignInByEachName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.signUp("+86 13800000001", object{"username": "Wang_1", "password": "Abcdef-1"})
	for _, username := range []string{"Wang_1", "wang_1", " Wang_1 ", "+86 13800000001"} {
		a := f.post("/v1/signin", object{"username": username, "password": "Abcdef-1"}).ok()
		for key, want := range map[string]any{"token_type": "Bearer", "expires_in": 7200.0, "scope": "user", "groups": []any{"user"}} {
			if diff := cmp.Diff(want, a.body[key]); diff != "" {
				t.Errorf("%s: %s: %s", username, key, diff)
			}
		}
		if !regexp.MustCompile(`^[0-9]{19}$`).MatchString(a.str("sub")) {
			t.Errorf("%s: sub %q has not 19 digits", username, a.str("sub"))
		}
		if refresh := a.str("refresh_token"); !strings.HasPrefix(refresh, "m.") || len(refresh) > 128 {
			t.Errorf("%s: refresh_token %q", username, refresh)
		}
		if len(a.str("access_token")) > 4096 {
			t.Errorf("%s: access_token has %d characters", username, len(a.str("access_token")))
		}
	}
	f.post("/v1/signin", object{"username": "DEMO@example.com", "password": demoPassword}).ok()
	f.post("/v1/token", object{"grant_type": "password", "username": "demo", "password": demoPassword}).ok()
}

func TestSignInErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	nopass := f.signUp("nopass@example.com", object{})
	pending := f.signUp("pending@example.com", object{"password": "Abcdef-1"})
	blocked := f.signUp("blocked@example.com", object{"password": "Abcdef-1"})
	f.setStatus(pending.str("sub"), "PENDING")
	f.setStatus(blocked.str("sub"), "BLOCKED")
	for name, test := range map[string]struct {
		body object
		want string
	}{
		"nothing":           {object{}, "invalid_argument"},
		"no password":       {object{"username": "demo"}, "invalid_argument"},
		"no username":       {object{"password": "x"}, "invalid_argument"},
		"bad phone":         {object{"username": "+8613800000000", "password": "x"}, "invalid_argument"},
		"bad e-mail":        {object{"username": "a@b", "password": "x"}, "invalid_argument"},
		"unknown name":      {object{"username": "张三", "password": "x"}, "not_found"},
		"unknown e-mail":    {object{"username": "a@b.cn", "password": "x"}, "not_found"},
		"wrong password":    {object{"username": "demo", "password": "x"}, "invalid_password"},
		"no password set":   {object{"username": "nopass@example.com", "password": "x"}, "password_not_set"},
		"pending":           {object{"username": "pending@example.com", "password": "Abcdef-1"}, "user_pending"},
		"blocked":           {object{"username": "blocked@example.com", "password": "Abcdef-1"}, "user_blocked"},
		"blocked and wrong": {object{"username": "blocked@example.com", "password": "x"}, "invalid_password"},
		"unknown token":     {object{"verification_token": "x"}, "invalid_argument"},
		"wrong type":        {object{"username": 5, "password": "x"}, "invalid_argument"},
	} {
		t.Run(name, func(t *testing.T) { f.post("/v1/signin", test.body).fails(test.want) })
	}
	f.me(nopass.str("access_token")).ok()
	f.me(pending.str("access_token")).fails("unauthenticated")
	f.me(blocked.str("access_token")).fails("unauthenticated")
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": blocked.str("refresh_token")}).fails("invalid_grant")
	f.setStatus(blocked.str("sub"), "ACTIVE")
	f.me(blocked.str("access_token")).ok()
}

func TestEnvironmentsAreApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.signUp("only@example.com", object{"username": "onlydemo", "password": "Abcdef-1"})
	f.post("/v1/signin?client_id=app", object{"username": "onlydemo", "password": "Abcdef-1"}).ok()
	f.post("/v1/signin?client_id=west", object{"username": "onlydemo", "password": "Abcdef-1"}).fails("not_found")
	f.post("/v1/signin?client_id=west", object{"username": "demo", "password": demoPassword}).ok()
	f.clock.advance(sendPause)
	token := f.verified("only@example.com")
	f.post("/v1/signin?client_id=west", object{"verification_token": token}).fails("invalid_argument")
	f.post("/v1/signin", object{"verification_token": token}).ok()
}

func TestSignInByCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const phone = "+86 13800000002"
	token := f.verified(phone)
	f.post("/v1/signin", object{"username": phone, "verification_token": token}).fails("not_found")
	sub := f.post("/v1/signup", object{"phone_number": phone, "verification_token": token}).ok().str("sub") // not used up
	f.post("/v1/signin", object{"username": phone, "verification_token": token}).fails("invalid_argument")  // now it is

	f.clock.advance(sendPause)
	token = f.verified(phone)
	f.post("/v1/signin", object{"username": "+86 13800000003", "verification_token": token}).fails("invalid_argument")
	f.post("/v1/signin", object{"username": "demo", "verification_token": token}).fails("invalid_argument")
	f.post("/v1/signin", object{"username": "+86", "verification_token": token}).fails("invalid_argument")
	f.setStatus(sub, "BLOCKED")
	f.post("/v1/signin", object{"username": phone, "verification_token": token}).fails("user_blocked")
	f.setStatus(sub, "PENDING")
	f.post("/v1/signin", object{"verification_token": token}).fails("user_pending")
	f.setStatus(sub, "ACTIVE")
	if got := f.post("/v1/signin", object{"verification_token": token}).ok().str("sub"); got != sub {
		t.Errorf("signed in as %s, want %s", got, sub)
	}
	f.post("/v1/signin", object{"verification_token": token}).fails("invalid_argument")

	f.clock.advance(sendPause)
	token = f.verified(phone)
	f.clock.advance(codeLife)
	f.post("/v1/signin", object{"verification_token": token}).fails("invalid_argument")
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"password_strength":"strict"}`)
	token := f.verified("new@example.com")
	post := func(body object) answer {
		t.Helper()
		full := object{"email": "new@example.com", "verification_token": token}
		for key, value := range body {
			full[key] = value
		}
		return f.post("/v1/signup", full)
	}
	// None of these uses the token up.
	for name, test := range map[string]struct {
		body object
		want string
	}{
		"no target":         {object{"email": ""}, "invalid_argument"},
		"both targets":      {object{"phone_number": "+86 13800000000"}, "invalid_argument"},
		"bad phone":         {object{"email": "", "phone_number": "13800000000"}, "invalid_argument"},
		"other target":      {object{"email": "else@example.com"}, "invalid_argument"},
		"other channel":     {object{"email": "", "phone_number": "+86 13800000000"}, "invalid_argument"},
		"no token":          {object{"verification_token": ""}, "invalid_argument"},
		"taken username":    {object{"username": "Demo"}, "already_exists"},
		"bad username":      {object{"username": "a@b"}, "invalid_argument"},
		"short username":    {object{"username": "a"}, "invalid_argument"},
		"bad gender":        {object{"gender": "X"}, "invalid_argument"},
		"long name":         {object{"name": strings.Repeat("名", 65)}, "invalid_argument"},
		"short password":    {object{"password": "Ab-1"}, "invalid_argument"},
		"long password":     {object{"password": "Abcdef-1" + strings.Repeat("x", 57)}, "invalid_argument"},
		"no upper case":     {object{"password": "abcdef-1"}, "invalid_argument"},
		"no lower case":     {object{"password": "ABCDEF-1"}, "invalid_argument"},
		"no digit":          {object{"password": "Abcdefg-"}, "invalid_argument"},
		"no special":        {object{"password": "Abcdefg1"}, "invalid_argument"},
		"bad anonymous":     {object{"anonymous_token": "x"}, "invalid_argument"},
		"not anonymous":     {object{"anonymous_token": f.signInDemo().str("access_token")}, "invalid_argument"},
		"malformed profile": {object{"name": 7}, "invalid_argument"},
	} {
		t.Run(name, func(t *testing.T) { post(test.body).fails(test.want) })
	}
	a := post(object{"username": "neu", "name": "新人", "gender": "FEMALE", "password": "Abcdef-1", "picture": "https://example.com/p.png", "locale": "zh-CN"}).ok()
	post(object{}).fails("invalid_argument") // used up

	me := f.me(a.str("access_token")).ok()
	created := "2026-11-22T12:00:00Z"
	want := object{
		"sub": a.str("sub"), "user_id": a.str("sub"), "name": "新人", "username": "neu", "picture": "https://example.com/p.png",
		"email": "new@example.com", "email_verified": true, "phone_number": "", "gender": "FEMALE", "birthdate": "", "locale": "zh-CN",
		"zoneinfo": "", "groups": []any{object{"id": "user"}}, "providers": []any{}, "meta": object{}, "status": "ACTIVE",
		"has_password": true, "password": "SET", "type": "external", "internal_user_type": "generalUser", "created_from": "demo", "loginType": "EMAIL",
		"created_at": created, "updated_at": created, "password_updated_at": created,
	}
	if diff := cmp.Diff(want, me.body); diff != "" {
		t.Errorf("user/me (-want +got):\n%s", diff)
	}

	f.clock.advance(sendPause)
	token = f.verified("new@example.com")
	post(object{}).fails("failed_precondition")
}

func TestConcurrentSignUpMakesOneAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.verified("race@example.com")
	var wg sync.WaitGroup
	results := make(chan any, 20)
	for range cap(results) {
		wg.Go(func() {
			results <- f.post("/v1/signup", object{"email": "race@example.com", "verification_token": token}).body["error"]
		})
	}
	wg.Wait()
	close(results)
	counts := map[any]int{}
	for result := range results {
		counts[result]++
	}
	if diff := cmp.Diff(map[any]int{nil: 1, "invalid_argument": 19}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.post("/v1/signin/anonymously", object{}).fails("invalid_argument")
	first := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-0123456789").ok()
	again := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-0123456789").ok()
	other := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-9876543210").ok()
	if first.str("sub") != again.str("sub") || first.str("sub") == other.str("sub") {
		t.Errorf("subs: %v, %v of the same device, %v of another", first.body["sub"], again.body["sub"], other.body["sub"])
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(first.str("sub")) || first.str("scope") != "anonymous" {
		t.Errorf("sub %q, scope %q", first.str("sub"), first.str("scope"))
	}
	if got := f.me(first.str("access_token")).ok().str("name"); got != "anonymous" {
		t.Errorf("name %q", got)
	}

	up := f.signUp("up@example.com", object{"anonymous_token": first.str("access_token")})
	if up.str("sub") != first.str("sub") || up.str("scope") != "user" {
		t.Errorf("upgrade: sub %q scope %q, want %q user", up.str("sub"), up.str("scope"), first.str("sub"))
	}
	f.me(first.str("access_token")).fails("unauthenticated")
	if got := f.me(up.str("access_token")).ok().str("email"); got != "up@example.com" {
		t.Errorf("upgraded account has e-mail %q", got)
	}
	// The device id must not open the account that it once was.
	fresh := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-0123456789").ok()
	if fresh.str("sub") == up.str("sub") {
		t.Error("the device id still opens the upgraded account")
	}
	f.setStatus(other.str("sub"), "BLOCKED")
	f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-9876543210").fails("user_blocked")
	f.settings(`{"login":{"AnonymousLogin":false}}`)
	f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-0123456789").fails("unimplemented")
}

func TestLock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	wrong, right := object{"username": "demo", "password": "wrong"}, object{"username": "demo", "password": demoPassword}
	for left := 9.0; left >= 0; left-- {
		if got := f.post("/v1/signin", wrong).fails("invalid_password").detail("remaining"); got != left {
			t.Errorf("remaining %v, want %v", got, left)
		}
		f.clock.advance(30 * time.Second)
	}
	if got := f.post("/v1/signin", right).fails("invalid_status").detail("retry_in"); got != 300.0 {
		t.Errorf("retry_in %v, want 300", got)
	}
	f.post("/v1/signin", object{"username": "demo@example.com", "password": demoPassword}).fails("invalid_status")
	f.post("/v1/token", object{"grant_type": "password", "username": "demo", "password": demoPassword}).fails("invalid_status")
	f.post("/v1/signin?client_id=west", right).ok() // another environment's demo
	f.post("/v1/signin", object{"verification_token": f.verified("demo@example.com")}).ok()
	f.clock.advance(5 * time.Minute)
	f.post("/v1/signin", right).ok()
	if got := f.post("/v1/signin", wrong).fails("invalid_password").detail("remaining"); got != 9.0 {
		t.Errorf("after a right password: remaining %v, want 9", got)
	}
	// Nobody can be locked out under a name that does not exist or has no password.
	for range 12 {
		f.post("/v1/signin", object{"username": "nobody", "password": "x"}).fails("not_found")
	}
}

func TestParallelWrongPasswords(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	if got := f.parallel("/v1/signin", object{"username": "demo", "password": "wrong"}); got["invalid_password"] != 10 || got["invalid_status"] != 40 {
		t.Errorf("50 parallel wrong passwords: %v", got)
	}
}

// parallel makes a call 50 times at once and counts the errors.
func (f *fixture) parallel(path string, body object) map[any]int {
	var wg sync.WaitGroup
	results := make(chan any, 50)
	for range cap(results) {
		wg.Go(func() { results <- f.post(path, body).body["error"] })
	}
	wg.Wait()
	close(results)
	counts := map[any]int{}
	for result := range results {
		counts[result]++
	}
	return counts
}

func TestCaptchaAtRisk(t *testing.T) {
	t.Parallel()
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		body := object{"username": "demo", "password": "wrong"}
		for range 5 {
			f.post("/v1/signin", body).fails("invalid_password")
		}
		f.post("/v1/signin", body).fails("captcha_required")
		f.post("/v1/signin", object{"username": demoEmail, "password": "wrong"}).fails("captcha_required") // the account's, by any name
		f.post("/v1/signin?captcha_token=bad", body).fails("captcha_invalid")
		token := f.captchaToken()
		f.post("/v1/signin?captcha_token="+token, body).fails("invalid_password")
		f.post("/v1/signin", body, "X-Captcha-Token", token).fails("invalid_password")
		f.clock.advance(failureWindow)
		f.post("/v1/signin", body).fails("invalid_password") // forgotten
	})
	t.Run("no password to guess", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.signUp("codes@example.com", object{})
		for range 12 {
			f.post("/v1/signin", object{"username": "nobody", "password": "wrong"}).fails("not_found")
			f.post("/v1/signin", object{"username": "codes@example.com", "password": "wrong"}).fails("password_not_set")
		}
	})
	t.Run("right password", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		for range 5 {
			f.post("/v1/signin", object{"username": "demo", "password": "wrong"}).fails("invalid_password")
		}
		right := object{"username": "demo", "password": demoPassword}
		f.post("/v1/signin", right).fails("captcha_required")
		f.post("/v1/signin?captcha_token="+f.captchaToken(), right).ok()
		f.post("/v1/signin", right).ok()
	})
}

func TestCaptchaAlways(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.verified("always@example.com")
	f.settings(`{"captcha":"always"}`)
	tests := []struct {
		path string
		body object
	}{
		{"/v1/signin", object{"username": "demo", "password": demoPassword}},
		{"/v1/token", object{"grant_type": "password", "username": "demo", "password": demoPassword}},
		{"/v1/verification", object{"phone_number": "+86 13800000009"}},
		{"/v1/signup", object{"email": "always@example.com", "verification_token": token}},
		{"/v1/reset", object{"email": "demo@example.com", "verification_token": "", "new_password": "Abcdef-2"}},
		{"/v1/signin", object{"verification_token": token}},
	}
	for _, test := range tests {
		f.post(test.path, test.body).fails("captcha_required")
		f.post(test.path+"?captcha_token=v1.bad", test.body).fails("captcha_invalid")
	}
	captcha := f.captchaToken()
	for _, test := range tests[:4] { // one token serves all of them
		f.post(test.path+"?captcha_token="+captcha, test.body).ok()
	}
	f.post("/v1/signin?client_id=west&captcha_token="+captcha, tests[0].body).fails("captcha_invalid")
	f.clock.advance(captchaTokenLife)
	f.post("/v1/signin?captcha_token="+captcha, tests[0].body).fails("captcha_invalid")
}

func TestLoginSwitches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	byName := object{"username": "demo", "password": demoPassword}
	byEmail := object{"username": "demo@example.com", "password": demoPassword}
	f.settings(`{"login":{"UserNameLogin":false}}`)
	f.post("/v1/signin", byName).fails("unimplemented")
	f.post("/v1/signin", byEmail).ok()
	f.settings(`{"login":{"UserNameLogin":true,"EmailLogin":false}}`)
	f.post("/v1/signin", byName).ok()
	f.post("/v1/signin", byEmail).fails("login_method_disabled")
	f.post("/v1/verification", object{"email": "a@example.com"}).fails("login_method_disabled")
	f.settings(`{"login":{"PhoneNumberLogin":false}}`)
	f.post("/v1/verification", object{"phone_number": "+86 13800000000"}).fails("login_method_disabled")
}

func TestPhoneOutsideShanghai(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const phone = "+86 13800000000"
	f.post("/v1/verification?client_id=west", object{"phone_number": phone}).fails("unimplemented")
	f.post("/v1/signup?client_id=west", object{"phone_number": phone, "verification_token": "x"}).fails("unimplemented")
	f.post("/v1/signin?client_id=west", object{"username": phone, "password": "x"}).fails("unimplemented")
	f.post("/v1/reset?client_id=west", object{"phone_number": phone, "verification_token": "x"}).fails("unimplemented")
	f.post("/v1/verification?client_id=west", object{"email": "w@example.com"}).ok()
}

func TestReset(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	before := f.signInDemo()
	for range wrongPasswords {
		f.post("/v1/signin", object{"username": "demo", "password": "wrong"}).fails("invalid_password")
	}
	token := f.verified("demo@example.com")
	reset := func(body object) answer {
		t.Helper()
		full := object{"email": "demo@example.com", "verification_token": token, "new_password": "New-pass-2"}
		for key, value := range body {
			full[key] = value
		}
		return f.post("/v1/reset", full)
	}
	reset(object{"email": "other@example.com"}).fails("invalid_argument")
	reset(object{"email": ""}).fails("invalid_argument")
	reset(object{"verification_token": "x"}).fails("invalid_argument")
	reset(object{"new_password": "weak"}).fails("invalid_argument")
	reset(object{"new_password": 1}).fails("invalid_argument")
	f.setStatus(before.str("sub"), "BLOCKED")
	reset(object{}).fails("user_blocked")
	f.setStatus(before.str("sub"), "ACTIVE")
	if diff := cmp.Diff(object{}, reset(object{}).ok().body); diff != "" {
		t.Error(diff)
	}
	reset(object{}).fails("invalid_argument") // used up
	f.me(before.str("access_token")).fails("unauthenticated")
	f.post("/v1/signin", object{"username": "demo", "password": demoPassword}).fails("invalid_password") // no longer locked
	f.post("/v1/signin", object{"username": "demo", "password": "New-pass-2"}).ok()

	token = f.verified("unknown@example.com")
	reset(object{"email": "unknown@example.com"}).fails("not_found")
}

func TestCheckIfUserExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for username, want := range map[string]bool{"demo": true, "demo@example.com": true, "nobody": false, "%2B86+13800000000": false} {
		if got := f.do("GET", "/auth/v1/checkIfUserExist?client_id=demo&username="+username, "").ok().body["exist"]; got != want {
			t.Errorf("%s: got %v, want %v", username, got, want)
		}
	}
	f.do("GET", "/auth/v1/checkIfUserExist?client_id=demo", "").fails("invalid_argument")
	f.do("GET", "/auth/v1/checkIfUserExist?client_id=demo&username=%2B1", "").fails("invalid_argument")
}

func TestPasswordHashes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hash, err := f.passwords.hash(t.Context(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	other, err := f.passwords.hash(t.Context(), "secret")
	if err != nil || other == hash {
		t.Errorf("two hashes of one password are equal, or %v", err)
	}
	for password, want := range map[string]bool{"secret": true, "Secret": false, "": false} {
		if got, err := f.passwords.matches(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("%q: got %v, %v", password, got, err)
		}
	}
	for _, broken := range []string{"x", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$v=18$m=8,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=1,p=1$!$AAAA", "$argon2id$v=19$m=8,t=1,p=1$AAAA$!", "$argon2id$v=19$m$AAAA$AAAA"} {
		if ok, err := f.passwords.matches(t.Context(), broken, "secret"); ok || err == nil {
			t.Errorf("%q: got %v, %v", broken, ok, err)
		}
	}
	if defaultCost.memory < 19<<10 || newPasswords(false, nil).cost != defaultCost {
		t.Error("real hashes are too cheap")
	}
	// A caller that goes away while it waits for a processor leaves the queue.
	for range cap(f.passwords.slots) {
		f.passwords.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.passwords.matches(ctx, hash, "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("with all slots taken: %v", err)
	}
	if _, err := f.passwords.hash(ctx, "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("with all slots taken: %v", err)
	}
}
