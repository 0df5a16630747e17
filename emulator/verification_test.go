package emulator

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVerification(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, to := range []string{"+86 13800000000", "+1 2025550123", "A.b+c@Example.com", "demo@example.com"} {
		a := f.post("/v1/verification", targetBody(to, object{"target": "ANY", "usage": "SIGN_IN"}), "Accept-Language", "en-US").ok()
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(a.str("verification_id")) {
			t.Errorf("%s: verification_id %q", to, a.str("verification_id"))
		}
		if a.body["expires_in"] != 600.0 || a.body["is_user"] != strings.HasPrefix(to, "demo") {
			t.Errorf("%s: %v", to, a.body)
		}
		code := f.lastCode(to)
		if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(code) {
			t.Errorf("%s: code %q", to, code)
		}
		v := f.post("/v1/verification/verify", object{"verification_id": a.str("verification_id"), "verification_code": code}).ok()
		if v.body["expires_in"] != 600.0 || v.str("verification_token") == "" {
			t.Errorf("%s: %v", to, v.body)
		}
		f.post("/v1/verification/verify", object{"verification_id": a.str("verification_id"), "verification_code": code}).
			fails("invalid_argument") // once
	}
	if a := f.post("/v1/verification", object{"email": "default@example.com"}).ok(); a.body["is_user"] != false {
		t.Errorf("no target given: %v", a.body)
	}
}

func TestVerificationErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.signInDemo().str("access_token")
	tests := map[string]struct {
		body object
		want string
	}{
		"nothing":             {object{}, "invalid_argument"},
		"both":                {object{"email": "a@example.com", "phone_number": "+86 13800000000"}, "invalid_argument"},
		"no space":            {object{"phone_number": "+8613800000000"}, "invalid_argument"},
		"two spaces":          {object{"phone_number": "+86  13800000000"}, "invalid_argument"},
		"dashes":              {object{"phone_number": "+86 138-0000-0000"}, "invalid_argument"},
		"no country":          {object{"phone_number": "13800000000"}, "invalid_argument"},
		"letters":             {object{"phone_number": "+86 1380000000a"}, "invalid_argument"},
		"too long":            {object{"phone_number": "+86 138000000000000"}, "invalid_argument"},
		"bad e-mail":          {object{"email": "a.example.com"}, "invalid_argument"},
		"e-mail with newline": {object{"email": "a@example.com\nb@example.com"}, "invalid_argument"},
		"two e-mails":         {object{"email": "a@example.com,b@example.com"}, "invalid_argument"},
		"unknown target":      {object{"email": "a@example.com", "target": "any"}, "invalid_argument"},
		"USER, unknown":       {object{"email": "a@example.com", "target": "USER"}, "failed_precondition"},
		"NOT_USER, known":     {object{"email": "demo@example.com", "target": "NOT_USER"}, "failed_precondition"},
		"CUR_USER, nobody":    {object{"email": "demo@example.com", "target": "CUR_USER"}, "unauthenticated"},
		"bad shape":           {object{"email": object{}}, "invalid_argument"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { f.post("/v1/verification", test.body).fails(test.want) })
	}
	if a := f.do("GET", "/__emulator/outbox.json", "").ok(); len(a.body["messages"].([]any)) != 0 {
		t.Errorf("refused calls sent %v", a.body["messages"])
	}
	// A refusal counts like a code that was sent: the limit does not tell who has an account.
	f.post("/v1/verification", object{"email": "a@example.com", "target": "USER"}).fails("resource_exhausted")
	f.clock.advance(time.Minute)
	bearer := []string{"Authorization", "Bearer " + mine}
	f.do("POST", "/auth/v1/verification", `{"email":"a@example.com","target":"CUR_USER"}`, bearer...).fails("failed_precondition")
	f.do("POST", "/auth/v1/verification", `{"email":"demo@example.com","target":"CUR_USER"}`, bearer...).ok()
	f.do("POST", "/auth/v1/verification", `{"email":"b@example.com","target":"NOT_USER"}`, bearer...).ok()
	f.do("POST", "/auth/v1/verification?client_id=west", `{"email":"c@example.com"}`, bearer...).fails("unauthorized_client")
	f.clock.advance(time.Minute)
	f.post("/v1/verification", object{"email": "demo@example.com", "target": "USER"}).ok()
	f.post("/v1/verification", object{"email": "new@example.com", "target": "NOT_USER"}).ok()
}

func TestSendLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settings(`{"captcha":"never"}`)
	for to, limit := range map[string]int{"+86 13800000000": 30, "limit@example.com": 50} {
		body := targetBody(to, object{})
		f.post("/v1/verification", body).ok()
		f.clock.advance(10500 * time.Millisecond)
		a := f.post("/v1/verification", body).fails("resource_exhausted")
		want := object{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_in": 20.0}
		if diff := cmp.Diff([]any{want}, a.body["details"]); diff != "" || a.body["retry_after"] != 20.0 {
			t.Errorf("%s: %v", to, a.body)
		}
		f.clock.advance(sendPause)
		for range limit - 1 {
			f.post("/v1/verification", body).ok()
			f.clock.advance(sendPause)
		}
		a = f.post("/v1/verification", body).fails("resource_exhausted")
		if wait := a.detail("retry_in").(float64); wait < 80000 || wait > 86400 {
			t.Errorf("%s: retry_in %v after a day's messages", to, wait)
		}
		f.clock.advance(sendDay)
		f.post("/v1/verification", body).ok()
	}
}

// At the day's limit the vendor's page has a captcha asked for, and one that is solved lets a
// message out; the pause stays.
func TestCaptchaAtTheSendLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for to, limit := range map[string]int{"+86 13800000000": 3, "limit@example.com": mailsPerDay} {
		f.settings(`{"captcha":"risk","login":{"SmsVerificationConfig":{"SmsDayLimit":3}}}`)
		body := targetBody(to, object{})
		for range limit {
			f.post("/v1/verification", body).ok()
			f.clock.advance(sendPause)
		}
		f.post("/v1/verification", body).fails("captcha_required")
		f.post("/v1/verification?captcha_token=bad", body).fails("captcha_invalid")
		token := f.captchaToken()
		f.post("/v1/verification?captcha_token="+token, body).ok()
		f.post("/v1/verification?captcha_token="+token, body).fails("resource_exhausted")
		f.post("/v1/verification", body).fails("resource_exhausted") // the pause, before anybody solves anything
		if got := len(f.do("GET", "/__emulator/outbox.json?to="+url.QueryEscape(to), "").ok().body["messages"].([]any)); got != limit+1 {
			t.Errorf("%s: %d messages, want %d", to, got, limit+1)
		}
		f.settings(`{"login":{"SmsVerificationConfig":{"SmsDayLimit":0}}}`)
		if f.clock.advance(sendPause); strings.HasPrefix(to, "+") { // switched off is off
			f.post("/v1/verification?captcha_token="+token, body).fails("resource_exhausted")
		}
	}
	f.post("/v1/verification", object{"email": "another@example.com"}).ok()
}

func TestParallelSends(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if got := f.parallel("/v1/verification", object{"email": "burst@example.com"}); got[nil] != 1 || got["resource_exhausted"] != 49 {
		t.Errorf("50 parallel sends: %v", got)
	}
}

func TestResendKillsTheCodeBefore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	oldID, oldCode := f.send("again@example.com")
	otherID, otherCode := f.send("other@example.com")
	f.clock.advance(sendPause)
	newID, newCode := f.send("again@example.com")
	f.post("/v1/verification/verify", object{"verification_id": oldID, "verification_code": oldCode}).fails("invalid_argument")
	f.post("/v1/verification/verify", object{"verification_id": newID, "verification_code": newCode}).ok()
	f.post("/v1/verification/verify", object{"verification_id": otherID, "verification_code": otherCode}).ok()
}

func TestCodeExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.send("late@example.com")
	f.post("/v1/verification/verify?client_id=west", object{"verification_id": id, "verification_code": code}).fails("invalid_argument")
	f.clock.advance(codeLife)
	f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": code}).fails("invalid_argument")
	f.post("/v1/verification/verify", object{"verification_id": "x", "verification_code": code}).fails("invalid_argument")
	f.post("/v1/verification/verify", object{"verification_id": 1}).fails("invalid_argument")
}

func wrongCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestWrongCodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.send("guess@example.com")
	wrong := object{"verification_id": id, "verification_code": wrongCode(code)}
	for range wrongCodes - 1 {
		f.post("/v1/verification/verify", wrong).fails("invalid_argument")
	}
	f.post("/v1/verification/verify", wrong).fails("aborted")
	f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": code}).fails("aborted")

	f.clock.advance(sendPause)
	id, code = f.send("guess@example.com")
	for range wrongCodes - 1 {
		f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": wrongCode(code)}).fails("invalid_argument")
	}
	f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": " " + code + " "}).ok() // the fifth try is right
}

func TestParallelWrongCodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.send("burst@example.com")
	got := f.parallel("/v1/verification/verify", object{"verification_id": id, "verification_code": wrongCode(code)})
	if got["invalid_argument"] != wrongCodes-1 || got["aborted"] != 50-wrongCodes+1 {
		t.Errorf("50 parallel wrong codes: %v", got)
	}
	f.post("/v1/verification/verify", object{"verification_id": id, "verification_code": code}).fails("aborted")
}

func TestParallelRightCodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, code := f.send("once@example.com")
	if got := f.parallel("/v1/verification/verify", object{"verification_id": id, "verification_code": code}); got[nil] != 1 || got["invalid_argument"] != 49 {
		t.Errorf("50 parallel right codes: %v", got)
	}
}
