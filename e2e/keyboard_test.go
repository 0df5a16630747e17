//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestKeyboard: the main ways are walked with the keyboard alone, and who walks them sees all the
// time where they are.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	phone, email := newPhone(), newEmail()
	s.emulator.register(t, phone, newUsername(), "Quiet-river-7")
	s.emulator.register(t, email, newUsername(), "Quiet-river-7")
	flows := map[string]func(*testing.T, *tab){
		"password, step-up, sign-out": func(t *testing.T, b *tab) {
			b.typeKeys(t, "username", demoName, "password", demoPassword)
			b.enterKey(t)
			b.back(t, where)
			b.goTo(t, s.portal(""))
			b.at(t, "account")
			b.activate(t, `main a[href*="/account/email?"]`)
			b.at(t, "step-up-password")
			b.typeKeys(t, "password", demoPassword)
			b.enterKey(t)
			b.at(t, "account-email")
			b.activate(t, `a[data-to="account"]`)
			b.at(t, "account")
			b.activate(t, `a[data-to="sign-out"]`)
			b.at(t, "sign-out")
			b.activate(t, `#form button[type="submit"]`)
			b.back(t, where)
		},
		"code": func(t *testing.T, b *tab) {
			b.activate(t, `a[data-to="sign-in-sms"]`)
			b.at(t, "sign-in-sms")
			b.typeKeys(t, "phone_country", "China", "phone_number", strings.TrimPrefix(phone, "+86 "))
			b.enterKey(t)
			b.at(t, "sign-in-sms-code")
			b.typeKeys(t, "verification_code", s.emulator.code(t, phone))
			b.enterKey(t)
			b.back(t, where)
		},
		"reset": func(t *testing.T, b *tab) {
			b.activate(t, `a[data-to="reset-password"]`)
			b.at(t, "reset-password")
			b.activate(t, `a[data-to="via-email"]`)
			b.at(t, "reset-password")
			b.typeKeys(t, "email", email)
			b.enterKey(t)
			b.at(t, "reset-password-code")
			b.typeKeys(t, "verification_code", s.emulator.code(t, email))
			b.enterKey(t)
			b.at(t, "reset-password-new")
			b.typeKeys(t, "new_password", "Quite-new-4711")
			b.enterKey(t)
			b.back(t, where)
		},
	}
	for name, walk := range flows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk(t, s.visit(t).enter(t, where))
		})
	}
	t.Run("sign-up", func(t *testing.T) {
		t.Parallel()
		s, newcomer := share(t, options{tree: sampleTree(t)}), newEmail()
		b := s.visit(t).enterAs(t, "/app/desk", "app-desk", deskVersion)
		b.activate(t, `a[data-to="sign-up"]`)
		b.at(t, "sign-up")
		b.typeKeys(t, "email", newcomer, "agreement", " ")
		b.activate(t, `#form button[type="submit"]`)
		b.at(t, "sign-up-code")
		b.typeKeys(t, "verification_code", s.emulator.code(t, newcomer))
		b.enterKey(t)
		b.at(t, "sign-up-details")
		b.typeKeys(t, "username", newUsername(), "password", "Steep-Hill-47!")
		b.enterKey(t)
		b.back(t, "/app/desk")
	})
}

// focusShown says what is wrong with how the focus is seen. Fields may be outlined by what stands
// around them.
const focusShown = `() => {
	const e = document.activeElement;
	if (e === document.body) return "";
	if (!e.checkVisibility({ visibilityProperty: true })) return e.outerHTML + " is not to be seen";
	const outlined = [e, e.parentElement].map((e) => getComputedStyle(e)).some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2);
	return outlined ? "" : e.outerHTML + " has no mark of its focus";
}`

// tabTo presses Tab until an element that a selector finds has the focus.
func (b *tab) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range 80 { // more than any of our pages has
		there, err := b.Evaluate(`(selector) => document.activeElement.matches(selector)`, selector)
		if err != nil {
			t.Fatal(err)
		}
		if there == true {
			return
		}
		if err := b.Keyboard().Press("Tab"); err != nil {
			t.Fatal(err)
		}
		fault, err := b.Evaluate(focusShown)
		if err != nil {
			t.Fatal(err)
		}
		if fault != "" {
			t.Errorf("at %s: %v", b.URL(), fault)
		}
	}
	t.Fatalf("the keyboard does not lead to %s at %s", selector, b.URL())
}

// typeKeys types into fields: name, keys, name, keys …
func (b *tab) typeKeys(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Contains(pairs[i], "password") {
			b.v.server.secret(t, pairs[i+1])
		}
		b.tabTo(t, fmt.Sprintf("#form [name=%q]", pairs[i]))
		for _, key := range pairs[i+1] { // not Keyboard.Type, which presses no keys
			if err := b.Keyboard().Press(string(key)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// enterKey presses Enter, and waits for the page that it leads to.
func (b *tab) enterKey(t *testing.T) {
	t.Helper()
	b.navigate(t, func() error { return b.Keyboard().Press("Enter") })
}

// activate goes to a link or button and presses Enter there.
func (b *tab) activate(t *testing.T, selector string) {
	t.Helper()
	b.tabTo(t, selector)
	b.enterKey(t)
}
