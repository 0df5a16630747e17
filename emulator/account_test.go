package emulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goodPassword = "Abcdef-1"

// sudo is a sudo_token got with a password.
func (f *fixture) sudo(token, password string) string {
	f.t.Helper()
	return f.as(token, "POST", "/v1/user/sudo", object{"password": password}).ok().str("sudo_token")
}

func TestSudo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sudo := func(token string, body object) answer { return f.as(token, "POST", "/v1/user/sudo", body) }

	demo := f.signInDemo().str("access_token")
	a := sudo(demo, object{"password": demoPassword}).ok()
	if a.body["expires_in"] != 900.0 || a.str("sudo_token") == "" {
		t.Errorf("got %v", a.body)
	}
	sudo(demo, object{"verification_token": f.verified(demoEmail)}).ok()
	sudo(demo, object{}).fails("invalid_argument")
	sudo(demo, object{"verification_token": "x"}).fails("invalid_argument")
	sudo(demo, object{"verification_token": f.verified("other@example.com")}).fails("invalid_argument")
	if got := sudo(demo, object{"password": "wrong"}).fails("invalid_password").detail("remaining"); got != 9.0 {
		t.Errorf("remaining %v", got)
	}

	codes := f.signUp("codes@example.com", object{}).str("access_token")
	sudo(codes, object{"password": "x"}).fails("password_not_set")

	// A bound phone number wants a code, to it or to the address.
	phone := f.signUp("+86 13800000001", object{"password": goodPassword}).str("access_token")
	sudo(phone, object{"password": goodPassword}).fails("failed_precondition")
	f.clock.advance(sendPause)
	sudo(phone, object{"verification_token": f.verified("+86 13800000001")}).ok()

	// Nothing to prove it with.
	third := f.signInProvider(f.providerToken("demo", "sub", "alone")).ok().str("access_token")
	if got := sudo(third, object{}).ok().str("sudo_token"); got != "" {
		t.Errorf("third-party only: got %q", got)
	}
	f.as(third, "DELETE", "/v1/user/me", nil).ok()
	f.do("POST", "/auth/v1/user/sudo?client_id=demo", "{}").fails("unauthenticated")

	for range wrongPasswords - 1 {
		f.as(demo, "POST", "/v1/user/sudo?captcha_token="+f.captchaToken(), object{"password": "wrong"})
	}
	sudo(demo, object{"password": demoPassword}).fails("invalid_status")
}

func TestSudoTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.signInDemo().str("access_token"), f.signInDemo().str("access_token")
	change := func(token, sudo string) answer {
		return f.as(token, "PATCH", "/v1/user/password", object{"new_password": goodPassword, "sudo_token": sudo})
	}
	ours := f.sudo(one, demoPassword)
	for name, sudo := range map[string]string{"none": "", "made up": "x", "another session's": f.sudo(two, demoPassword)} {
		if a := change(one, sudo); a.body["error"] != "permission_denied" {
			t.Errorf("%s: got %v", name, a.body)
		}
	}
	f.clock.advance(sudoLife)
	change(one, ours).fails("permission_denied")
	change(one, f.sudo(one, demoPassword)).ok()
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	here, elsewhere := f.signInDemo().str("access_token"), f.signInDemo().str("access_token")
	change := func(body object) answer { return f.as(here, "PATCH", "/v1/user/password", body) }
	change(object{"new_password": "weak", "sudo_token": f.sudo(here, demoPassword)}).fails("invalid_argument")
	change(object{"new_password": goodPassword, "confirm_password": "other", "old_password": demoPassword}).fails("invalid_argument")
	change(object{"new_password": goodPassword, "old_password": "wrong"}).fails("invalid_password")
	change(object{"new_password": goodPassword, "confirm_password": goodPassword, "old_password": demoPassword}).ok()
	f.me(here).ok()
	f.me(elsewhere).fails("unauthenticated")
	f.post("/v1/signin", object{"username": "demo", "password": demoPassword}).fails("invalid_password")
	f.as(here, "PATCH", "/v1/user/password?sudo_token="+f.sudo(here, goodPassword), object{"new_password": "Abcdef-2"}).ok() // as the vendor's page has it
	if diff := cmp.Diff(object{}, change(object{"new_password": "Abcdef-3", "sudo_token": f.sudo(here, "Abcdef-2")}).ok().body); diff != "" {
		t.Error(diff)
	}
	phone := f.signUp("+86 13800000001", object{"password": goodPassword}).str("access_token")
	f.as(phone, "PATCH", "/v1/user/password", object{"new_password": "Abcdef-2", "old_password": goodPassword}).fails("failed_precondition")
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	f.as(anonymous, "PATCH", "/v1/user/password", object{"new_password": goodPassword}).fails("permission_denied")
}

func TestContact(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo := f.signInDemo().str("access_token")
	contact := func(token string, body object) answer { return f.as(token, "PATCH", "/v1/user/contact", body) }
	sudo := f.sudo(demo, demoPassword)
	to := "new@example.com"
	contact(demo, object{"email": to, "verification_token": f.verified(to)}).fails("permission_denied")
	contact(demo, object{"email": to, "sudo_token": sudo, "verification_token": "x"}).fails("invalid_argument")
	contact(demo, object{"sudo_token": sudo}).fails("invalid_argument")
	f.clock.advance(sendPause)
	token := f.verified(to)
	contact(demo, object{"email": "else@example.com", "sudo_token": sudo, "verification_token": token}).fails("invalid_argument")
	contact(demo, object{"email": to, "sudo_token": sudo, "verification_token": token, "conflict_resolution": "FIGHT"}).fails("invalid_argument")
	contact(demo, object{"email": to, "sudo_token": sudo, "verification_token": token}).ok()
	if got := f.me(demo).str("email"); got != to {
		t.Errorf("e-mail %s", got)
	}
	contact(demo, object{"phone_number": "+86 13800000001", "sudo_token": sudo, "verification_token": f.verified("+86 13800000001")}).ok()
	if got := f.me(demo).str("phone_number"); got != "+86 13800000001" {
		t.Errorf("phone %s", got)
	}
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	contact(anonymous, object{"email": "a@example.com"}).fails("permission_denied")
}

func TestContactConflicts(t *testing.T) {
	t.Parallel()
	const taken = "taken@example.com"
	for name, test := range map[string]struct {
		other      object // what the other account has besides the address
		resolution string
		want       string // an error
		survives   bool
	}{
		"default":                {object{}, "", "failed_precondition", true},
		"named default":          {object{}, "DEFAULT", "failed_precondition", true},
		"delete":                 {object{"username": "other", "password": goodPassword}, "DELETE_ACCOUNT_TRANSFER", "", false},
		"transfer":               {object{"username": "other", "password": goodPassword}, "TRANSFER", "", true},
		"transfer, the last way": {object{"password": goodPassword}, "TRANSFER", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			other := f.signUp(taken, test.other).str("access_token")
			demo := f.signInDemo().str("access_token")
			f.clock.advance(sendPause)
			a := f.as(demo, "PATCH", "/v1/user/contact", object{
				"email": taken, "sudo_token": f.sudo(demo, demoPassword), "verification_token": f.verified(taken),
				"conflict_resolution": test.resolution,
			})
			if test.want != "" {
				a.fails(test.want)
			} else if a.ok(); f.me(demo).str("email") != taken {
				t.Error("the address did not come over")
			}
			if got := f.me(other).status == http.StatusOK; got != test.survives {
				t.Errorf("the other account survives: %t, want %t", got, test.survives)
			}
		})
	}
}

func TestDeleteMe(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo := f.signInDemo()
	token := demo.str("access_token")
	f.as(token, "DELETE", "/v1/user/me", nil).fails("permission_denied")
	f.as(token, "DELETE", "/v1/user/me?sudo_token=x", nil).fails("permission_denied")
	a := f.as(token, "DELETE", "/v1/user/me?sudo_token="+url.QueryEscape(f.sudo(token, demoPassword)), nil).ok()
	if a.str("sub") != demo.str("sub") || a.str("email") != demoEmail {
		t.Errorf("profile: %v", a.body)
	}
	f.me(token).fails("unauthenticated")
	f.post("/v1/signin", object{"username": "demo", "password": demoPassword}).fails("not_found")
	f.post("/v1/token", object{"grant_type": "refresh_token", "refresh_token": demo.str("refresh_token")}).fails("invalid_grant")
	again := f.signUp("again@example.com", object{"password": goodPassword}).str("access_token")
	f.as(again, "DELETE", "/v2/user/me?sudo_token="+url.QueryEscape(f.sudo(again, goodPassword)), nil).ok()
}

func TestProfile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.signUp("taken@example.com", object{"username": "taken"})
	demo := f.signInDemo().str("access_token")
	patch := func(body object) answer { return f.as(demo, "PATCH", "/v1/user/profile", body) }
	changes := object{
		"name": "李雷", "gender": "MALE", "birthdate": "1990-01-31", "locale": "zh-CN", "zoneinfo": "Asia/Shanghai",
		"picture": "https://example.com/p.png", "username": "lilei",
	}
	a := patch(changes).ok()
	for key, want := range changes {
		if a.body[key] != want || f.me(demo).body[key] != want {
			t.Errorf("%s: got %v, want %v", key, a.body[key], want)
		}
	}
	patch(object{"gender": ""}).ok()
	if me := f.me(demo); me.body["gender"] != "" || me.body["name"] != "李雷" {
		t.Errorf("a field was touched that was not sent: %v", me.body)
	}
	patch(object{"email": demoEmail, "phone_number": ""}).ok() // as they are
	patch(object{"email": "DEMO@example.com"}).ok()
	for name, test := range map[string]struct {
		body object
		want string
	}{
		"gender":          {object{"gender": "X"}, "invalid_argument"},
		"birthdate":       {object{"birthdate": "yesterday"}, "invalid_argument"},
		"long name":       {object{"name": strings.Repeat("长", 65)}, "invalid_argument"},
		"bad username":    {object{"username": "x"}, "invalid_argument"},
		"taken username":  {object{"username": "Taken"}, "already_exists"},
		"bad e-mail":      {object{"email": "x"}, "invalid_argument"},
		"unverified":      {object{"email": "unverified@example.com"}, "failed_precondition"},
		"somebody else's": {object{"email": "taken@example.com"}, "failed_precondition"},
		"e-mail away":     {object{"email": ""}, "invalid_argument"},
		"wrong type":      {object{"name": 1}, "invalid_argument"},
	} {
		t.Run(name, func(t *testing.T) { answerFor(t, patch(test.body)).fails(test.want) })
	}
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	f.as(anonymous, "PATCH", "/v1/user/profile", object{"name": "x"}).fails("permission_denied")
}

// TestUpdateUser changes an address as the SDK's updateUser does: the code is asked for with the
// login and verified without it.
func TestUpdateUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo := f.signInDemo()
	token := demo.str("access_token")
	edit := func(token string, body object) answer { return f.as(token, "POST", "/v1/user/basic/edit", body) }
	verify := func(token, to string) {
		id := f.as(token, "POST", "/v1/verification", targetBody(to, object{})).ok().str("verification_id")
		f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": f.lastCode(to)}).ok()
	}
	edit(token, object{"email": "new@example.com"}).fails("failed_precondition")
	f.verified("new@example.com") // not asked for by us
	edit(token, object{"email": "new@example.com"}).fails("failed_precondition")
	f.clock.advance(sendPause)
	verify(token, "new@example.com")
	edit(f.signUp("other@example.com", object{}).str("access_token"), object{"email": "new@example.com"}).fails("failed_precondition")
	edit(token, object{"email": "new@example.com"}).ok()
	verify(token, "+86 13800000001")
	edit(token, object{"phone": "+86 13800000001"}).ok()
	if me := f.me(token); me.str("email") != "new@example.com" || me.str("phone_number") != "+86 13800000001" {
		t.Errorf("user/me: %v", me.body)
	}
	edit(token, object{"nickname": "Nick", "avatar_url": "https://p", "description": "D", "gender": "FEMALE", "username": "nick", "user_id": demo.str("sub")}).ok()
	if me := f.me(token); me.str("name") != "Nick" || me.str("picture") != "https://p" || me.str("description") != "D" || me.str("username") != "nick" {
		t.Errorf("user/me: %v", me.body)
	}
	edit(token, object{"name": "Name"}).ok()
	elsewhere := f.post("/v1/signin", object{"username": "nick", "password": demoPassword}).ok().str("access_token")
	for name, test := range map[string]struct {
		body object
		want string
	}{
		"somebody else":    {object{"user_id": "1"}, "permission_denied"},
		"no old password":  {object{"new_password": goodPassword}, "invalid_argument"},
		"weak":             {object{"password": demoPassword, "new_password": "x"}, "invalid_argument"},
		"wrong password":   {object{"password": "wrong", "new_password": goodPassword}, "invalid_password"},
		"gender":           {object{"gender": "X"}, "invalid_argument"},
		"long description": {object{"description": strings.Repeat("x", 1025)}, "invalid_argument"},
	} {
		t.Run(name, func(t *testing.T) { answerFor(t, edit(token, test.body)).fails(test.want) })
	}
	edit(token, object{"password": demoPassword, "new_password": goodPassword}).ok()
	f.me(elsewhere).fails("unauthenticated")
	f.post("/v1/signin", object{"username": "nick", "password": goodPassword}).ok()
	codes := f.signUp("codes@example.com", object{}).str("access_token")
	edit(codes, object{"new_password": goodPassword}).ok() // there was none
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok().str("access_token")
	edit(anonymous, object{"nickname": "x"}).fails("permission_denied")
}

func TestQueryUsers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.signUp("a@example.com", object{"username": "aaa", "name": "A"}).str("sub")
	b := f.signUp("+86 13800000001", object{}).str("sub")
	demo := f.signInDemo()
	query := func(token, query string) answer { return f.as(token, "GET", "/v1/user/query?"+query, nil) }
	for given, want := range map[string][]string{
		"id=" + a + "%2C" + b:                {a, b},
		"id=" + a + "&username=aaa":          {a},
		"id=" + b + "&username=aaa":          {},
		"username=AAA":                       {a},
		"email=A@example.com":                {a},
		"phone_number=%2B86%2013800000001":   {b},
		"id=nobody":                          {},
		"username=demo&email=&phone_number=": {demo.str("sub")},
	} {
		answer := query(demo.str("access_token"), given).ok()
		got := []string{}
		for _, one := range answer.body["data"].([]any) {
			got = append(got, one.(object)["sub"].(string))
		}
		if diff := cmp.Diff(want, got); diff != "" || answer.body["total"] != strconv.Itoa(len(want)) {
			t.Errorf("%s: %v %s", given, answer.body, diff)
		}
	}
	query(demo.str("access_token"), "").fails("invalid_argument")
	query(demo.str("access_token"), "id="+strings.Repeat("1,", 49)+"1").ok()
	query(demo.str("access_token"), "id="+strings.Repeat("1,", 50)+"1").fails("invalid_argument")
	anonymous := f.post("/v1/signin/anonymously", object{}, "X-Device-Id", "device-1").ok()
	query(anonymous.str("access_token"), "username=demo").fails("permission_denied")
	if got := query(demo.str("access_token"), "id="+anonymous.str("sub")).ok().body["total"]; got != "0" {
		t.Errorf("an anonymous user was found")
	}
	query(f.customSignIn("user-1").str("access_token"), "username=demo").fails("permission_denied")
}

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	demo := f.signInDemo().str("access_token")
	f.as(demo, "GET", "/v1/checkUsername?username=free", nil).ok()
	f.as(demo, "GET", "/v1/checkUsername", object{"username": "free"}).ok()
	f.as(demo, "GET", "/v1/checkUsername?username=Demo", nil).fails("already_exists")
	f.as(demo, "GET", "/v1/checkUsername?username=x", nil).fails("invalid_argument")
	f.as(demo, "GET", "/v1/checkUsername", nil).fails("invalid_argument")
	f.do("GET", "/auth/v1/checkUsername?username=free&client_id=demo", "").fails("unauthenticated")
	f.as(demo, "GET", "/v1/plugin/weda/userinfo", nil).ok()
}

func TestPasswordPolicy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	signIn := func(password string) answer {
		return f.post("/v1/signin", object{"username": "demo", "password": password})
	}
	f.settings(`{"login":{"PwdUpdateStrategy":{"FirstLoginUpdate":true}}}`)
	signIn(demoPassword).fails("failed_precondition")
	signIn("wrong").fails("invalid_password") // nobody else learns of it
	f.updatePassword("demo", demoPassword, goodPassword).ok()
	token := signIn(goodPassword).ok().str("access_token")
	f.settings(`{"login":{"PwdUpdateStrategy":{"PeriodUpdate":true,"PeriodValue":2,"PeriodType":"WEEK"}}}`)
	signIn(goodPassword).ok()
	f.clock.advance(14 * 24 * time.Hour)
	signIn(goodPassword).fails("failed_precondition")
	f.me(token).fails("unauthenticated") // expired by itself
	for kind, days := range map[string]int{"MONTH": 62, "YEAR": 731} {
		f.updatePassword("demo", goodPassword, goodPassword).ok()
		f.settings(`{"login":{"PwdUpdateStrategy":{"PeriodType":"` + kind + `"}}}`)
		signIn(goodPassword).ok()
		f.clock.advance(time.Duration(days) * 24 * time.Hour)
		signIn(goodPassword).fails("failed_precondition")
	}
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"login":{"MfaConfig":{"On":true}}}`)
	signIn := func(token string) answer {
		return f.post("/v1/signin", object{"username": "demo", "password": demoPassword, "verification_token": token})
	}
	if got := signIn("").fails("two_factor_required").detail("email"); got != demoEmail {
		t.Errorf("the refusal names %v as where a code can go, want the account's address", got)
	}
	signIn("x").fails("invalid_two_factor")
	signIn(f.verified("else@example.com")).fails("invalid_two_factor")
	signIn(f.verified(demoEmail)).ok()
	f.clock.advance(sendPause)
	f.settings(`{"login":{"MfaConfig":{"Email":false}}}`)
	signIn(f.verified(demoEmail)).fails("invalid_two_factor")
	if refused := signIn("").fails("two_factor_required"); refused.body["details"] != nil {
		t.Errorf("the refusal has details %v, want none where no code can go anywhere", refused.body["details"])
	}
	f.settings(`{"login":{"MfaConfig":{"RequiredBindPhone":true}}}`)
	signIn("").fails("mfa_phone_required")
}
