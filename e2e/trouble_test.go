//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// TestOneAnswerForEveryRefusal: a wrong password, somebody unknown, blocked, pending, or without a password all look
// alike, so that nobody can find out who has an account.
func TestOneAnswerForEveryRefusal(t *testing.T) {
	s := start(t, options{})
	blocked := s.emulator.register(t, "blocked@example.com", "blocked.person", "Bl0cked-person")
	s.emulator.setStatus(t, blocked, "BLOCKED")
	pending := s.emulator.register(t, "pending@example.com", "pending.person", "P3nding-person")
	s.emulator.setStatus(t, pending, "PENDING")
	s.emulator.register(t, "codes@example.com", "codes.only", "")

	type answer struct {
		status  int
		text    string
		keys    string
		headers string
	}
	ask := func(username, password string) answer {
		b := s.visit(t).open(t, s.entry(s.origin+where))
		b.typePassword(t, username, password)
		d := b.submit(t)
		keys := b.wrong(t, 422, "sign-in")
		b.holds(t, "username", username)
		b.holds(t, "password", "")
		if title, err := b.Title(); err != nil || !strings.HasPrefix(title, "Error: ") {
			t.Errorf("title %q (%v), want it to begin with the error", title, err)
		}
		b.visible(t, `a[data-to="sign-in-sms"]`)
		b.visible(t, `a[data-to="reset-password"]`)
		var names []string
		for name := range d.headers {
			names = append(names, name)
		}
		slices.Sort(names)
		return answer{d.status, b.text(t, "main"), strings.Join(keys, " "), strings.Join(names, " ")}
	}
	want := ask(demoName, "Wrong-pass-1")
	if want.keys == "" {
		t.Error("the errors carry no message key")
	}
	for _, username := range []string{"nobody.here", "blocked.person", "pending.person", "codes.only"} {
		password := map[string]string{"blocked.person": "Bl0cked-person", "pending.person": "P3nding-person"}[username]
		if password == "" {
			password = "Wrong-pass-2"
		}
		if got := ask(username, password); got != want {
			t.Errorf("%s is told\n%+v\nand a wrong password\n%+v", username, got, want)
		}
	}
}

// TestStatusAfterCode: who proved to own the number is told the truth about the account.
func TestStatusAfterCode(t *testing.T) {
	for status, word := range map[string]string{"BLOCKED": "blocked", "PENDING": "pending"} {
		t.Run(word, func(t *testing.T) {
			s := start(t, options{})
			const phone = "+86 13800000021"
			s.emulator.setStatus(t, s.emulator.register(t, phone, "some.person", "Some-person-1"), status)
			b := s.visit(t).open(t, s.entry(s.origin+where))
			b.codeSignIn(t, phone)
			b.submit(t)
			if status := b.last().status; status/100 != 4 {
				t.Errorf("status %d, want an error", status)
			}
			if keys := strings.Join(b.keys(t), " "); !strings.Contains(keys, word) {
				t.Errorf("message keys %q, want one that says %s:\n%s", keys, word, b.text(t, "main"))
			}
			if b.stored(t, "credentials_demo") != "" {
				t.Error("and yet signed in")
			}
		})
	}
}

func TestWrongCodeThenRight(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t).enter(t, where)
	b.codeSignIn(t, "+86 13800000001")
	right, err := b.field("verification_code").InputValue()
	if err != nil {
		t.Fatal(err)
	}
	b.fill(t, "verification_code", other(right))
	b.submit(t)
	b.wrong(t, 422, "sign-in-sms-code")
	b.visible(t, "#verification_code-error")
	// As people copy it from a message: blanks, a dash, full-width digits.
	b.fill(t, "verification_code", " "+right[:3]+"-"+fullWidth(right[3:])+" ")
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, "+86 13800000001"))
}

// other is a code that is certainly wrong.
func other(code string) string {
	n, err := strconv.Atoi(code)
	if err != nil {
		return "000000"
	}
	wrong := strconv.Itoa((n + 1) % 1000000)
	return strings.Repeat("0", 6-len(wrong)) + wrong
}

func fullWidth(digits string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, digits)
}

func TestExpiredCode(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.codeSignIn(t, "+86 13800000001")
	s.emulator.set(t, settings{ClockOffsetS: playwright.Int(660)})
	b.submit(t)
	b.wrong(t, 422, "sign-in-sms-code")
	// The way on: another code, another number.
	b.visible(t, `#form button[name="action"][value="resend"]`)
	b.visible(t, `#form button[name="action"][value="change"]`)
	b.press(t, b.Locator(`#form button[name="action"][value="change"]`))
	b.at(t, "sign-in-sms")
	b.holds(t, "phone_number", "13800000001")
}

// TestCodeDies: five wrong tries end a code's life, and the right one is then too late.
func TestCodeDies(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.codeSignIn(t, "new@example.com")
	right, err := b.field("verification_code").InputValue()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b.fill(t, "verification_code", other(right))
		b.submit(t)
		b.visible(t, "#error-summary")
	}
	b.at(t, "sign-in-email-code")
	if err := b.field("verification_code").Fill(right); err != nil {
		t.Fatal(err)
	}
	b.submit(t)
	b.at(t, "sign-in-email-code")
	b.visible(t, "#error-summary")
	if b.last().status/100 != 4 {
		t.Errorf("status %d, want an error", b.last().status)
	}
	b.visible(t, `#form button[name="action"][value="resend"]`)
}

// TestUsedUpCode: a code signs in once, also when its page is sent again.
func TestUsedUpCode(t *testing.T) {
	s := start(t, options{})
	v := s.visit(t, withoutScript)
	b := v.open(t, s.entry(s.origin+where))
	b.codeSignIn(t, "new@example.com")
	page := b.URL()
	code, err := b.field("verification_code").InputValue()
	if err != nil {
		t.Fatal(err)
	}
	b.submit(t)
	b.at(t, "complete")

	b.goTo(t, page)
	if n, err := b.field("verification_code").Count(); err != nil {
		t.Fatal(err)
	} else if n == 1 {
		b.fill(t, "verification_code", code)
		if d := b.submit(t); d.status/100 != 4 {
			t.Errorf("a used code was answered with %d", d.status)
		}
	}
	b.count(t, `body[data-page="complete"]`, 0)
}

// TestForeignFlow: a step begun in one browser cannot be finished in another; there it starts again, to the same target.
func TestForeignFlow(t *testing.T) {
	s := start(t, options{})
	mine := s.visit(t).open(t, s.entry(s.origin+where))
	mine.codeSignIn(t, "new@example.com")
	theirs := s.visit(t).open(t, mine.URL())
	theirs.count(t, `body[data-page="sign-in-email-code"]`, 0)
	theirs.at(t, "sign-in-email")
	theirs.count(t, "#form", 1)
	if action := theirs.attribute(t, "#form", "action"); !strings.Contains(action, "%2Fapp%2Forders") {
		t.Errorf("the form's action %q has lost the target", action)
	}
}

func TestResendTooEarly(t *testing.T) {
	s := start(t, options{})
	for name, change := range map[string]func(*playwright.BrowserNewContextOptions){
		"with script": speaking("en-US"), "without script": withoutScript,
	} {
		t.Run(name, func(t *testing.T) {
			to := map[string]string{"with script": "a@example.com", "without script": "b@example.com"}[name]
			b := s.visit(t, change).open(t, s.entry(s.origin+where))
			b.follow(t, "sign-in-email")
			b.typeAddress(t, to)
			b.submit(t)
			b.at(t, "sign-in-email-code")
			code := s.emulator.code(t, to)
			resend := b.Locator(`#form button[name="action"][value="resend"]`)
			var d document
			if name == "without script" {
				d = b.press(t, resend)
			} else {
				// The countdown may hold the button back; the server's word counts, so the form is sent all the same.
				d = b.navigate(t, func() error {
					_, err := b.Evaluate(`() => { const b = document.querySelector("#form button[name=action][value=resend]"); b.disabled = false; b.removeAttribute("aria-disabled"); document.getElementById("form").requestSubmit(b); }`)
					return err
				})
			}
			b.wrong(t, 429, "sign-in-email-code")
			wait, err := strconv.Atoi(d.headers["retry-after"])
			if err != nil || wait < 1 || wait > 60 {
				t.Errorf("Retry-After %q, want the seconds to wait", d.headers["retry-after"])
			}
			if !regexp.MustCompile(`\b[1-6]?\d\b`).MatchString(b.text(t, "#error-summary")) {
				t.Errorf("the page does not say how long to wait: %q", b.text(t, "#error-summary"))
			}
			if got := len(s.emulator.outbox(t, to)); got != 1 {
				t.Errorf("%d messages sent, want 1", got)
			}
			// The code that is there still works.
			b.fill(t, "verification_code", code)
			b.submit(t)
			if err := expect.Locator(b.Locator("#error-summary")).ToHaveCount(0); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOddPhones: however people write their number, the same one is meant.
func TestOddPhones(t *testing.T) {
	s := start(t, options{})
	for i, typed := range []string{
		"+8613800000031", "+86 138-0000-0032", "0086 138 0000 0033", " 138 0000 0034 ", "１３８００００００３５", "(+86) 138 0000 0036",
	} {
		s.app.from("203.0.113." + strconv.Itoa(31+i))
		t.Run(typed, func(t *testing.T) {
			b := s.visit(t).open(t, s.entry(s.origin+where))
			b.follow(t, "sign-in-sms")
			b.choose(t, "phone_country", "CN")
			b.fill(t, "phone_number", typed)
			b.submit(t)
			b.at(t, "sign-in-sms-code")
			s.emulator.code(t, "+86 138000000"+strconv.Itoa(31+i))
		})
	}
}

// TestTypedValuesStay: a refused form comes back with everything but the secrets.
func TestTypedValuesStay(t *testing.T) {
	s := start(t, options{})
	v := s.visit(t)

	b := v.open(t, s.entry(s.origin+where))
	b.submit(t) // nothing typed at all
	b.wrong(t, 422, "sign-in")
	b.count(t, `#form [aria-invalid="true"]`, 2)
	for _, name := range []string{"username", "password"} {
		b.visible(t, "#"+name+"-error[data-key]")
		if by := b.attribute(t, `#form [name="`+name+`"]`, "aria-describedby"); !slices.Contains(strings.Fields(by), name+"-error") {
			t.Errorf("%s is described by %q, want its error", name, by)
		}
		b.count(t, `#error-summary a[href="#`+b.attribute(t, `#form [name="`+name+`"]`, "id")+`"]`, 1)
	}

	b.follow(t, "sign-in-email")
	b.fill(t, "email", "someone at example")
	b.submit(t)
	b.wrong(t, 422, "sign-in-email")
	b.holds(t, "email", "someone at example")

	b.follow(t, "sign-in-sms")
	b.choose(t, "phone_country", "CN")
	b.fill(t, "phone_number", "12345")
	b.submit(t)
	b.wrong(t, 422, "sign-in-sms")
	b.holds(t, "phone_number", "12345")
	b.holds(t, "phone_country", "CN")
}

// TestVerifiedStepStays: a code that was right is not asked for again because of what came after it.
func TestVerifiedStepStays(t *testing.T) {
	t.Run("reset", func(t *testing.T) {
		s := start(t, options{})
		s.emulator.set(t, settings{PasswordStrength: "strict"})
		b := s.visit(t).enter(t, where)
		b.resetPassword(t, demoEmail, "12345678")
		b.submit(t)
		b.wrong(t, 422, "reset-password-new")
		b.visible(t, "#new_password-error")
		b.holds(t, "new_password", "")
		b.fill(t, "new_password", "Quite-new-4711")
		b.finish(t, where)
		b.isSignedIn(t, where, s.emulator.find(t, demoName))
		if got := len(s.emulator.outbox(t, demoEmail)); got != 1 {
			t.Errorf("%d codes for one reset", got)
		}
	})
	t.Run("sign-up", func(t *testing.T) {
		s := start(t, options{})
		s.emulator.set(t, settings{PasswordStrength: "strict"})
		b := s.visit(t).enter(t, where)
		b.signUp(t, "+86 13800000003", demoName, "李雷", "Li-lei-2026-x") // the name is taken
		b.submit(t)
		b.wrong(t, 422, "sign-up-details")
		b.visible(t, "#username-error")
		b.holds(t, "username", demoName)
		b.holds(t, "name", "李雷")
		b.holds(t, "password", "")
		b.fill(t, "username", "lilei", "password", "password") // weak
		b.submit(t)
		b.wrong(t, 422, "sign-up-details")
		b.visible(t, "#password-error")
		b.fill(t, "password", "Li-lei-2026-x")
		b.finish(t, where)
		b.isSignedIn(t, where, s.emulator.find(t, "lilei"))
		if got := len(s.emulator.outbox(t, "+86 13800000003")); got != 1 {
			t.Errorf("%d codes for one sign-up", got)
		}
	})
}

// TestWrongCaptcha: a wrong answer brings a new picture, and keeps what was typed.
func TestWrongCaptcha(t *testing.T) {
	s := start(t, options{})
	s.emulator.set(t, settings{Captcha: "always"})
	b := s.visit(t).enter(t, where)
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.visible(t, "#form img.captcha")
	first := b.attribute(t, "#form img.captcha", "src")
	b.fill(t, "captcha_key", "????")
	b.submit(t)
	b.wrong(t, 422, "sign-in")
	b.visible(t, "#form img.captcha")
	second := b.attribute(t, "#form img.captcha", "src")
	if second == first {
		t.Error("the same picture again after a wrong answer")
	}
	b.holds(t, "username", demoName)

	b.press(t, b.Locator(`button[formaction*="/__auth/captcha"]`))
	b.at(t, "sign-in")
	b.visible(t, "#form img.captcha")
	if b.attribute(t, "#form img.captcha", "src") == second {
		t.Error("the same picture again after asking for another")
	}
	b.holds(t, "username", demoName)
	b.solve(t)
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, demoName))
}

// TestBrokenBackend: whatever TCB answers, people get a page that says so, keeps what they typed and lets them try again.
func TestBrokenBackend(t *testing.T) {
	faults := []struct {
		name  string
		fault fault
		want  int
	}{
		{"internal error", fault{Status: 500, Error: "internal"}, 502},
		{"unavailable", fault{Status: 503, Error: "unavailable"}, 503},
		{"a page instead of JSON", fault{Status: 200, Body: "<html><body>Bad Gateway</body></html>"}, 502},
		{"a page of a gateway", fault{Status: 502, Body: "<html><body>Bad Gateway</body></html>"}, 503},
		{"nothing", fault{Status: 200}, 502},
		{"JSON of another shape", fault{Status: 200, Body: "[]"}, 502},
		{"an answer without tokens", fault{Status: 200, Body: "{}"}, 502},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			s := start(t, options{})
			v := s.visit(t)
			v.expectBroken()
			f.fault.Path, f.fault.Times = "/auth/v1/signin", 1
			s.emulator.set(t, settings{Faults: []fault{f.fault}})
			b := v.enter(t, where)
			b.typePassword(t, demoName, demoPassword)
			b.submit(t)
			b.wrong(t, f.want, "sign-in")
			b.holds(t, "username", demoName)
			if page, err := b.Content(); err != nil || strings.Contains(page, "Bad Gateway") {
				t.Errorf("the backend's own words are on the page (%v)", err)
			}
			b.fill(t, "password", demoPassword)
			b.finish(t, where)
			b.isSignedIn(t, where, s.emulator.find(t, demoName))
		})
	}
	t.Run("sending a code", func(t *testing.T) {
		s := start(t, options{})
		v := s.visit(t)
		v.expectBroken()
		s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/verification", Status: 500, Error: "internal", Times: 1}}})
		b := v.open(t, s.entry(s.origin+where))
		b.follow(t, "sign-in-email")
		b.fill(t, "email", "new@example.com")
		b.submit(t)
		b.wrong(t, 502, "sign-in-email")
		b.holds(t, "email", "new@example.com")
	})
	t.Run("only the profile is missing", func(t *testing.T) {
		s := start(t, options{})
		s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/user/me", Status: 500, Error: "internal", Times: 3}}})
		v := s.visit(t, withoutScript)
		b := v.open(t, s.entry(s.origin+where))
		b.typePassword(t, demoName, demoPassword)
		b.submit(t)
		b.at(t, "complete") // the SDK will ask for the profile itself
	})
}

// TestLateBackend: with a backend that hangs, a POST ends in time with a page that says so, and other pages stay quick.
func TestLateBackend(t *testing.T) {
	late(t, options{settings: "backend_timeout: 2500ms\n"}, 6*time.Second)
}

func late(t *testing.T, o options, limit time.Duration) {
	s := start(t, o)
	s.emulator.set(t, settings{LatencyMS: playwright.Int(120_000)})
	v := s.visit(t)
	v.expectBroken()
	b := v.open(t, s.entry(s.origin+where))
	b.typePassword(t, demoName, demoPassword)

	began := time.Now()
	b.submit(t)
	if took := time.Since(began); took > limit {
		t.Errorf("a person waited %v for an answer, want at most %v", took, limit)
	}
	b.wrong(t, 503, "sign-in")
	b.holds(t, "username", demoName)

	// While the next call hangs, a page that needs no backend comes first.
	other := v.open(t, s.entry(s.origin+where))
	answered := b.answers()
	b.fill(t, "password", demoPassword)
	b.navigate(t, func() error {
		if _, err := b.Evaluate(`() => { document.getElementById("form").requestSubmit(); }`); err != nil {
			return err
		}
		other.follow(t, "sign-in-email")
		other.at(t, "sign-in-email")
		if b.answers() != answered {
			t.Error("a page that needs no backend waited for one")
		}
		return nil
	})
	b.wrong(t, 503, "sign-in")

	s.emulator.set(t, settings{LatencyMS: playwright.Int(0)})
	b.fill(t, "password", demoPassword)
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, demoName))
}

// TestStop: connections that never asked for anything (load balancers, browsers and Go's own client make them in advance) do not
// keep the server from ending well. The ending itself is asserted by start, for every test.
func TestStop(t *testing.T) {
	s := start(t, options{bare: true})
	for _, name := range []string{"login", "emulator", "admin"} {
		c, err := net.Dial("tcp", s.listening(t, name).Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	// They are accepted once a connection made after them has been answered.
	s.emulator.people(t)
	resp, err := http.Get(s.origin + "/__auth/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()

	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = <-s.ended
	s.ended <- err
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %v with nothing in flight", took)
	}
}

// TestRefusedTargets: a target that nobody registered ends on a page of ours and goes nowhere.
func TestRefusedTargets(t *testing.T) {
	s := start(t, options{})
	for _, target := range []string{"https://evil.example/steal", "//evil.example/steal", "javascript:alert(1)", "http://127.0.0.1.evil.example/"} {
		t.Run(target, func(t *testing.T) {
			b := s.visit(t).open(t, s.entry(target))
			b.at(t, "error")
			if d := b.last(); d.status != 400 || d.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want 400 and none", d.status, d.headers["location"])
			}
			if !strings.Contains(b.text(t, "main"), target) {
				t.Error("the page does not show which target was refused")
			}
			b.count(t, `a[href*="evil"], a[href^="javascript"], form[action*="evil"], meta[http-equiv], img, iframe`, 0)
		})
	}
}

// TestBadEntry: a link that names nothing we know says what is wrong, and does not guess.
func TestBadEntry(t *testing.T) {
	s := start(t, options{})
	for name, query := range map[string]string{
		"environment":        "env_id=nowhere&client_id=demo&config_version=env",
		"client":             "env_id=demo&client_id=nobody&config_version=env",
		"config_version":     "env_id=demo&client_id=demo&config_version=v1_999",
		"app of a version":   "env_id=demo&client_id=demo&config_version=v1_999&app_id=app-none",
		"two redirect_uri":   "env_id=demo&client_id=demo&config_version=env&redirect_uri=" + s.origin + "/app/a",
		"empty redirect_uri": "env_id=demo&client_id=demo&config_version=env",
	} {
		t.Run(name, func(t *testing.T) {
			target := s.origin + "/app/b"
			if strings.HasPrefix(name, "empty") {
				target = ""
			}
			b := s.visit(t).open(t, "/__auth/?"+query+"&redirect_uri="+target)
			b.at(t, "error")
			if d := b.last(); d.status/100 != 4 || d.headers["location"] != "" {
				t.Errorf("status %d, Location %q; want 4xx and none", d.status, d.headers["location"])
			}
			b.visible(t, "main h1")
		})
	}
	t.Run("unknown route", func(t *testing.T) {
		b := s.visit(t).open(t, "/__auth/no-such-page")
		b.at(t, "error")
		if d := b.last(); d.status != 404 {
			t.Errorf("status %d, want 404", d.status)
		}
	})
}

// TestEntryWithNothing: one environment with one client needs no parameters; the default target is meant.
func TestEntryWithNothing(t *testing.T) {
	s := start(t, options{single: true})
	b := s.visit(t).open(t, "/__auth/")
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, "/app/home")
	b.isSignedIn(t, "/app/home", s.emulator.find(t, demoName))
}

// TestOtherOrigin: a registered target elsewhere, with PKCE, may enter; until there is a code flow its sign-in ends
// with a page that says so, and no token is made.
func TestOtherOrigin(t *testing.T) {
	s := start(t, options{})
	const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	// Whoever calls signin makes tokens: this fault would be used up by the first call.
	s.emulator.set(t, settings{Faults: []fault{{Path: "/auth/v1/signin", Status: 500, Error: "internal", Times: 1}}})
	v := s.visit(t)
	v.expectBroken() // 501, until there is a code flow
	b := v.open(t, s.entry("https://other.example.com/callback",
		"response_type", "code", "code_challenge", challenge, "code_challenge_method", "S256", "state", "xyz"))
	b.typePassword(t, demoName, demoPassword)
	b.submit(t)
	b.at(t, "error")
	b.visible(t, "main h1")
	if d := b.last(); d.headers["location"] != "" || !strings.HasPrefix(b.URL(), s.origin+"/__auth/") {
		t.Errorf("left for %s (Location %q)", b.URL(), d.headers["location"])
	}
	if b.stored(t, "credentials_demo") != "" {
		t.Error("tokens were written for a target on another origin")
	}
	if page, err := b.Content(); err != nil || strings.Contains(page, "access_token") {
		t.Errorf("the page holds tokens (%v)", err)
	}
	var left settings
	s.emulator.call(t, "GET", "/__emulator/settings", nil, &left)
	if len(left.Faults) != 1 {
		t.Error("the backend was asked to sign in: tokens were made that nobody will get")
	}

	t.Run("without PKCE", func(t *testing.T) {
		b := s.visit(t).open(t, s.entry("https://other.example.com/callback"))
		b.at(t, "error")
		if got := b.last().status; got != 400 {
			t.Errorf("status %d, want 400", got)
		}
	})
}

// TestLanguage: switching the language loses nothing and calls nothing.
func TestLanguage(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t).enter(t, where)
	before := b.text(t, "main")
	b.fill(t, "username", "somebody@example.com", "password", "Half-typed-1")
	b.press(t, b.Locator(`button[form="form"][name="lang"][value="zh-CN"]`))
	b.at(t, "sign-in")
	if got := b.attribute(t, "html", "lang"); got != "zh-CN" {
		t.Errorf("html lang is %q, want zh-CN", got)
	}
	if b.text(t, "main") == before {
		t.Error("the words have not changed")
	}
	b.holds(t, "username", "somebody@example.com")
	b.count(t, "#error-summary", 0)

	// The choice stays, on other pages too, and back.
	b.follow(t, "sign-in-email")
	if got := b.attribute(t, "html", "lang"); got != "zh-CN" {
		t.Errorf("html lang of the next page is %q, want zh-CN", got)
	}
	b.fill(t, "email", "not an address")
	b.press(t, b.Locator(`button[form="form"][name="lang"][value="en"]`))
	b.at(t, "sign-in-email")
	b.holds(t, "email", "not an address")
	if got := b.attribute(t, "html", "lang"); got != "en" {
		t.Errorf("html lang is %q, want en", got)
	}
	b.fill(t, "email", demoEmail)
	b.submit(t)
	b.at(t, "sign-in-email-code")
	b.fill(t, "verification_code", s.emulator.code(t, demoEmail))
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, demoName))
}

// TestNoReferrer: behind a proxy that adds "Referrer-Policy: no-referrer" to every answer, Chromium sends "Origin: null" with our
// own forms. All of them work all the same.
func TestNoReferrer(t *testing.T) {
	s := start(t, options{noReferrer: true})
	v := s.visit(t)
	b := v.enter(t, where)
	b.typePassword(t, demoName, demoPassword)
	b.finish(t, where)
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-profile")
	b.fill(t, "name", "Without a referrer")
	b.submit(t)
	b.at(t, "account")
	if got := b.row(t, "name"); got != "Without a referrer" {
		t.Errorf("name %q", got)
	}
	b.follow(t, "sign-out")
	b.at(t, "sign-out")
	b.press(t, b.primary())
	b.back(t, where)
	if got := b.stored(t, "credentials_demo"); got != "" {
		t.Error("the login is left in localStorage")
	}
	b = v.enter(t, where)
	b.codeSignIn(t, demoEmail)
	b.finish(t, where)
	if _, null := s.app.origins.Load("null"); !null {
		t.Error("no form was posted with Origin: null: the proxy's header changes nothing any more, and so neither does this test")
	}
}

// TestSecondClick: an impatient double click sends one code.
func TestSecondClick(t *testing.T) {
	s := start(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.follow(t, "sign-in-email")
	b.fill(t, "email", "new@example.com")
	b.navigate(t, func() error { return b.primary().Dblclick() })
	b.at(t, "sign-in-email-code")
	s.emulator.code(t, "new@example.com")
	if got := len(s.emulator.outbox(t, "new@example.com")); got != 1 {
		t.Errorf("%d messages, want 1", got)
	}
}
