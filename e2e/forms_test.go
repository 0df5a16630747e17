//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// input is a field as a password manager, or a screen reader, sees it.
type input struct {
	Name         string
	ID           string
	Type         string
	Autocomplete string
	Inputmode    string
	Maxlength    string
	Label        string
	Value        string
	Shown        bool
}

// form is what browsers, password managers and assistive technology go by.
type form struct {
	ID     string
	Method string
	Inputs []input
	Hidden []string
	Enter  string // name=value of the button that Enter presses
}

func (b *tab) forms(t *testing.T) []form {
	t.Helper()
	raw, err := b.Evaluate(`() => JSON.stringify([...document.forms].map((f) => {
		const enter = [...f.elements].find((e) => e.type === "submit");
		return {
			ID: f.id, Method: f.method,
			Inputs: [...f.elements].filter((e) => e.matches("input:not([type=hidden]), select, textarea")).map((e) => ({
				Name: e.name, ID: e.id, Type: e.type, Autocomplete: e.autocomplete, Inputmode: e.inputMode ?? "", Value: e.value,
				Maxlength: e.getAttribute("maxlength") ?? "", Label: [...(e.labels ?? [])].map((l) => l.innerText.trim()).join(" ") || e.ariaLabel || "",
				Shown: e.checkVisibility() && e.getBoundingClientRect().width > 1,
			})),
			Hidden: [...f.elements].filter((e) => e.type === "hidden").map((e) => e.name),
			Enter: enter ? enter.name + "=" + enter.value : "no button",
		};
	}))`)
	if err != nil {
		t.Fatal(err)
	}
	var all []form
	if err := json.Unmarshal([]byte(raw.(string)), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestForms looks at every form as a password manager does.
func TestForms(t *testing.T) {
	t.Parallel()
	// "name type autocomplete inputmode" of each field that people see, in order.
	const (
		username = "username text username"
		code     = "verification_code text one-time-code numeric"
		country  = "phone_country select-one tel-country-code"
		email    = "email email email"
	)
	pages := []struct {
		name, page string
		reach      func(t *testing.T, b *tab)
		want       []string
	}{
		{"sign-in", "sign-in", func(*testing.T, *tab) {}, []string{username, "password password current-password"}},
		{"sign-in-sms", "sign-in-sms", func(t *testing.T, b *tab) { b.follow(t, "sign-in-sms") }, []string{country, "phone_number tel tel"}},
		{"sign-in-sms-code", "sign-in-sms-code", func(t *testing.T, b *tab) { b.codeSignIn(t, "+86 13800000041") }, []string{code}},
		{"sign-in-email", "sign-in-email", func(t *testing.T, b *tab) { b.follow(t, "sign-in-email") }, []string{email}},
		{"sign-in-email-code", "sign-in-email-code", func(t *testing.T, b *tab) { b.codeSignIn(t, "one@example.com") }, []string{code}},
		{"sign-up", "sign-up", func(t *testing.T, b *tab) { b.follow(t, "sign-up") }, []string{country, "phone_number tel tel"}},
		{"sign-up by e-mail", "sign-up", func(t *testing.T, b *tab) { b.follow(t, "sign-up"); b.follow(t, "via-email") }, []string{email}},
		{"sign-up-details", "sign-up-details", func(t *testing.T, b *tab) { b.signUp(t, "two@example.com", "", "", "") },
			[]string{"name text nickname", username, "password password new-password"}},
		{"reset-password by e-mail", "reset-password", func(t *testing.T, b *tab) { b.follow(t, "reset-password"); b.follow(t, "via-email") }, []string{email}},
		{"reset-password-new", "reset-password-new", func(t *testing.T, b *tab) { b.resetPassword(t, demoEmail, "") }, []string{"new_password password new-password"}},
	}
	s := start(t, options{})
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			b := s.visit(t).open(t, s.entry(s.origin+where))
			p.reach(t, b)
			b.at(t, p.page)
			all := b.forms(t)
			at := slices.IndexFunc(all, func(f form) bool { return f.ID == "form" })
			if at < 0 {
				t.Fatalf("no form#form among %+v", all)
			}
			f := all[at]
			for i, other := range all {
				if i != at && len(other.Inputs) > 0 {
					t.Errorf("a second form with fields: %+v", other)
				}
			}
			if f.Method != "post" {
				t.Errorf("method %s, want post", f.Method)
			}
			for _, name := range []string{"csrf_token", "device_id"} {
				if !slices.Contains(f.Hidden, name) {
					t.Errorf("no hidden %s among %v", name, f.Hidden)
				}
			}
			if f.Enter != "=" && f.Enter != "action=continue" {
				t.Errorf("Enter presses %s, want the primary button", f.Enter)
			}
			var got, tokens []string
			for _, in := range f.Inputs {
				tokens = append(tokens, in.Autocomplete)
				if in.Name != "" && in.ID != in.Name {
					t.Errorf("%s has the id %q; both must stay the same for good", in.Name, in.ID)
				}
				if in.Name == "" || !in.Shown {
					continue // there for password managers
				}
				if in.Label == "" {
					t.Errorf("%s has no label", in.Name)
				}
				if in.Type == "password" && in.Maxlength != "" {
					t.Errorf("%s cuts long passwords at %s", in.Name, in.Maxlength)
				}
				if in.Name == "email" && in.Type == "text" && in.Inputmode == "email" {
					in.Type, in.Inputmode = "email", "" // as good, and kinder to full-width typing
				}
				if in.Type != "text" {
					in.Inputmode = "" // the type says it already
				}
				if in.Name == "username" {
					in.Inputmode = ""
				}
				got = append(got, strings.TrimSpace(strings.Join([]string{in.Name, in.Type, in.Autocomplete, in.Inputmode}, " ")))
			}
			if diff := cmp.Diff(p.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if slices.Contains(tokens, "current-password") && slices.Contains(tokens, "new-password") {
				t.Error("signing in and signing up in one form")
			}
			b.count(t, "h1", 1)
			b.count(t, "main", 1)
		})
	}
}

// TestPasswordStepNamesTheAccount: the page with the new password still says whose it is, so that a
// password manager keeps it with the right name.
func TestPasswordStepNamesTheAccount(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.resetPassword(t, demoEmail, "")
	for _, f := range b.forms(t) {
		for _, in := range f.Inputs {
			if in.Autocomplete == "username" && in.Value == demoEmail {
				return
			}
		}
	}
	t.Errorf("no field with autocomplete=username holds %s: %+v", demoEmail, b.forms(t))
}

// TestEnter: the key does what the primary button does, on every kind of page.
func TestEnter(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	enter := func(t *testing.T, b *tab, field string) {
		t.Helper()
		b.navigate(t, func() error { return b.field(field).Press("Enter") })
	}
	t.Run("code", func(t *testing.T) {
		t.Parallel()
		b := s.visit(t).enter(t, where)
		b.follow(t, "sign-in-email")
		b.fill(t, "email", demoEmail)
		enter(t, b, "email")
		b.at(t, "sign-in-email-code")
		b.fill(t, "verification_code", s.emulator.code(t, demoEmail))
		if err := b.field("verification_code").Press("Enter"); err != nil {
			t.Fatal(err)
		}
		b.back(t, where)
		if got := len(s.emulator.outbox(t, demoEmail)); got != 1 {
			t.Errorf("%d codes sent, want 1: Enter must not resend", got)
		}
	})
	t.Run("password", func(t *testing.T) {
		t.Parallel()
		b := s.visit(t).enter(t, where)
		b.typePassword(t, demoName, "Wrong-pass-1")
		enter(t, b, "password")
		b.wrong(t, 422, "sign-in")
		b.fill(t, "password", demoPassword)
		if err := b.field("username").Press("Enter"); err != nil {
			t.Fatal(err)
		}
		b.back(t, where)
	})
}

// TestShowPassword: the button that shows the password is one, says its state, and hides it again
// before sending.
func TestShowPassword(t *testing.T) {
	t.Parallel()
	s := share(t, options{})
	b := s.visit(t).open(t, s.entry(s.origin+where))
	b.typePassword(t, newUsername(), "Wrong-pass-1")
	show := b.Locator(`#form button[aria-pressed][aria-controls="password"], #form button[aria-pressed]`).First()
	if err := show.Click(); err != nil {
		t.Fatal(err)
	}
	if err := expect.Locator(b.field("password")).ToHaveAttribute("type", "text"); err != nil {
		t.Error(err)
	}
	if err := expect.Locator(show).ToHaveAttribute("aria-pressed", "true"); err != nil {
		t.Error(err)
	}
	b.submit(t)
	b.wrong(t, 422, "sign-in")
	if err := expect.Locator(b.field("password")).ToHaveAttribute("type", "password"); err != nil {
		t.Error(err)
	}
}
