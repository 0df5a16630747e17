//go:build e2e

package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// TestStatusAfterCode: who proved to own the number is told the truth about the account.
func TestStatusAfterCode(t *testing.T) {
	t.Parallel()
	for status, word := range map[string]string{"BLOCKED": "blocked", "PENDING": "pending"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
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
	t.Parallel()
	s := share(t, options{})
	phone := newPhone()
	b := s.visit(t).enter(t, where)
	b.codeSignIn(t, phone)
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
	b.isSignedIn(t, where, s.emulator.find(t, phone))
}

// TestPastedMessage: whoever pastes the whole message has the code in the field, and not the digits
// that came first. What script cannot tell stays as it is, and the server finds the code in it, or says
// that there is none.
func TestPastedMessage(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	phone := newPhone()
	b := s.visit(t).enter(t, where)
	b.codeSignIn(t, phone)
	code, err := b.field("verification_code").InputValue()
	if err != nil {
		t.Fatal(err)
	}
	b.paste(t, "verification_code", "13800138000")
	b.holds(t, "verification_code", "13800138000")
	b.submit(t)
	b.wrong(t, 422, "sign-in-sms-code")
	for _, message := range []string{"【App2】验证码：" + code, "Your App2 code for order 99 is " + fullWidth(code) + "."} {
		b.paste(t, "verification_code", message)
		b.holds(t, "verification_code", code)
	}
	b.fill(t, "verification_code", "")
	if err := b.field("verification_code").PressSequentially(code + "7"); err != nil {
		t.Fatal(err)
	}
	b.holds(t, "verification_code", code)
	message := "【2024】您的验证码是 " + code[:3] + " " + code[3:] + "，订单 1234567，5分钟内有效"
	b.paste(t, "verification_code", message)
	b.holds(t, "verification_code", message)
	b.finish(t, where)
	b.isSignedIn(t, where, s.emulator.find(t, phone))
}

// paste replaces what a field holds by what is copied from elsewhere, as keys do it.
func (b *tab) paste(t *testing.T, name, text string) {
	t.Helper()
	_, err := b.Evaluate(`(text) => {
		const source = Object.assign(document.createElement("textarea"), { id: "source", value: text });
		document.body.append(source);
		source.select();
	}`, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range []struct{ in, press string }{{"#source", "ControlOrMeta+C"}, {"#" + name, "ControlOrMeta+A"}, {"#" + name, "ControlOrMeta+V"}} {
		if err := b.Locator(keys.in).Press(keys.press); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Evaluate(`() => document.getElementById("source").remove()`); err != nil {
		t.Fatal(err)
	}
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
	t.Parallel()
	s := start(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.codeSignIn(t, "+86 13800000001")
	s.emulator.set(t, settings{ClockOffsetS: playwright.Int(660)})
	b.submit(t)
	b.wrong(t, 422, "sign-in-sms-code")
	// The way on: another code, another number.
	b.visible(t, `#form button[name="action"][value="resend"]`)
	b.visible(t, `button[form="form"][name="action"][value="change"]`)
	b.press(t, b.Locator(`button[form="form"][name="action"][value="change"]`))
	b.at(t, "sign-in-sms")
	b.holds(t, "phone_number", "13800000001")
}

// TestCodeDies: five wrong tries end a code's life, and the right one is then too late.
func TestCodeDies(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.codeSignIn(t, newEmail())
	right, err := b.field("verification_code").InputValue()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b.fill(t, "verification_code", other(right))
		b.submit(t)
		b.visible(t, "#verification_code-error")
	}
	b.at(t, "sign-in-email-code")
	if err := b.field("verification_code").Fill(right); err != nil {
		t.Fatal(err)
	}
	b.submit(t)
	b.at(t, "sign-in-email-code")
	b.visible(t, "#verification_code-error")
	if b.last().status/100 != 4 {
		t.Errorf("status %d, want an error", b.last().status)
	}
	b.visible(t, `#form button[name="action"][value="resend"]`)
}

// TestUsedUpCode: a code signs in once, also when its page is sent again.
func TestUsedUpCode(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	v := s.visit(t, withoutScript)
	b := v.open(t, s.entry(s.origin+where))
	b.codeSignIn(t, newEmail())
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

// TestForeignFlow: a step begun in one browser cannot be finished in another; there it starts
// again, to the same target.
func TestForeignFlow(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	mine := s.visit(t).open(t, s.entry(s.origin+where))
	mine.codeSignIn(t, newEmail())
	theirs := s.visit(t).open(t, mine.URL())
	theirs.count(t, `body[data-page="sign-in-email-code"]`, 0)
	theirs.at(t, "sign-in-email")
	theirs.count(t, "#form", 1)
	if action := theirs.attribute(t, "#form", "action"); !strings.Contains(action, "%2Fapp%2Forders") {
		t.Errorf("the form's action %q has lost the target", action)
	}
}

func TestResendTooEarly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*playwright.BrowserNewContextOptions){
		"with script": speaking("en-US"), "without script": withoutScript,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{})
			to := newEmail()
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
				// The countdown may hold the button back; the server's word counts, so the form is
				// sent all the same.
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
			if err := expect.Locator(b.Locator("#error-summary, [id$='-error']")).ToHaveCount(0); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOddPhones: however people write their number, the same one is meant.
func TestOddPhones(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
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

// TestVerifiedStepStays: a code that was right is not asked for again because of what came after
// it.
func TestVerifiedStepStays(t *testing.T) {
	t.Parallel()
	t.Run("reset", func(t *testing.T) {
		t.Parallel()
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
		t.Parallel()
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

// TestWhoseNumber: a mainland number under another country is asked about, with and without script,
// and the answer can be sent from the keyboard.
func TestWhoseNumber(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*playwright.BrowserNewContextOptions){"with script": nil, "without": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{})
			phone := newPhone()
			_, number, _ := strings.Cut(phone, " ")
			b := s.visit(t, change...).open(t, s.entry(s.origin+where))
			b.follow(t, "sign-in-sms")
			b.choose(t, "phone_country", "HK")
			b.fill(t, "phone_number", number)
			b.submit(t)
			b.wrong(t, 422, "sign-in-sms")
			b.holds(t, "phone_country", "HK")
			b.holds(t, "phone_number", number)
			b.visible(t, "#phone_number-error")
			b.count(t, ".asks input:checked", 1)
			b.navigate(t, func() error { return b.Locator("#phone_number").Press("Enter") })
			b.at(t, "sign-in-sms-code")
			if got := len(s.emulator.outbox(t, phone)); got != 1 {
				t.Errorf("%d codes", got)
			}
		})
	}
}

// TestOtherCountries: a country that the page does not offer is found in the list that comes for it;
// without script on the page that comes back.
func TestOtherCountries(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]func(*playwright.BrowserNewContextOptions){"with script": nil, "without": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{})
			b := s.visit(t, change...).open(t, s.entry(s.origin+where))
			b.follow(t, "sign-in-sms")
			number := map[string]string{"with script": "611 0001", "without": "611 0002"}[name]
			b.fill(t, "phone_number", number)
			b.choose(t, "phone_country", "other")
			if name == "without" {
				b.submit(t)
				b.wrong(t, 422, "sign-in-sms")
				b.visible(t, "#phone_number-error")
				b.holds(t, "phone_number", number)
			}
			if err := b.Locator(`#phone_country option[value="IS"]`).WaitFor(playwright.LocatorWaitForOptions{State: playwright.WaitForSelectorStateAttached}); err != nil {
				t.Fatal(err)
			}
			b.count(t, `#phone_country option[value="other"]`, 0)
			b.choose(t, "phone_country", "IS")
			b.submit(t)
			b.holds(t, "phone_country", "IS")
			b.solve(t)
			b.submit(t)
			b.at(t, "sign-in-sms-code")
			s.emulator.code(t, "+354 "+strings.ReplaceAll(number, " ", ""))
		})
	}
}
