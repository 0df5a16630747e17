//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAfterReset: the next page of the portal lists what else the account can be entered by, until
// the person says that all of it is theirs.
func TestAfterReset(t *testing.T) {
	t.Parallel()
	for _, version := range sdks {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{sdk: version.sdk})
			v := s.visit(t)
			b := v.enter(t, where)
			b.resetPassword(t, demoEmail, "Quite-new-4711")
			b.finish(t, where)
			p := v.open(t, s.portal("/profile"))
			p.at(t, "account-review")
			if got := p.row(t, "email"); !strings.Contains(got, demoEmail) {
				t.Errorf("e-mail address %q", got)
			}
			p.change(t, "email")
			p.at(t, "step-up-password")
			if _, err := p.GoBack(); err != nil {
				t.Fatal(err)
			}
			p.at(t, "account-review")
			p.submit(t)
			p.at(t, "account-profile")
			p = v.open(t, s.portal(""))
			p.at(t, "account")
			p.count(t, `[data-row="review"]`, 0)
		})
	}
}

// downloadData presses the page's button and reads what comes.
func (b *tab) downloadData(t *testing.T) {
	t.Helper()
	file, err := b.ExpectDownload(func() error { return b.Locator("#form .primary:not([aria-busy])").Click() })
	if err != nil {
		t.Fatal(err)
	}
	path, err := file.Path()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var data struct{ Profile struct{ Username string } }
	if err := json.Unmarshal(content, &data); err != nil || data.Profile.Username != demoName || !strings.HasSuffix(file.SuggestedFilename(), ".json") {
		t.Errorf("%s: %v\n%s", file.SuggestedFilename(), err, content)
	}
	b.at(t, "account-data")
}

// TestOwnData: the file comes, the page stays, and its button can be pressed again.
func TestOwnData(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	v := s.visit(t)
	v.signIn(t, demoName, demoPassword)
	b := v.open(t, s.portal("/data"))
	b.stepUpByPassword(t, demoPassword)
	b.at(t, "account-data")
	b.downloadData(t)
	b.downloadData(t)
}

// TestOwedWithoutScript: the list after a reset, and the file, with script switched off.
func TestOwedWithoutScript(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	b := s.visit(t, withoutScript).open(t, s.portal("/profile"))
	b.at(t, "hand-off")
	b.follow(t, "sign-in")
	b.resetPassword(t, demoEmail, "Quite-new-4711")
	b.submit(t)
	b.at(t, "complete")
	b.goTo(t, s.portal("/profile"))
	b.at(t, "account-review")
	b.visible(t, `[data-row="email"]`)
	b.submit(t)
	b.at(t, "account-profile")
	b.goTo(t, s.portal("/data"))
	b.stepUpByPassword(t, "Quite-new-4711")
	b.at(t, "account-data")
	b.downloadData(t)
}

// TestNewsOfThief: what somebody else changed stands on the pages of who comes back, until they have
// looked.
func TestNewsOfThief(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	one, other := s.visit(t), s.visit(t)
	one.signIn(t, demoName, demoPassword)
	b := one.open(t, s.portal(""))
	b.at(t, "account")
	b.count(t, ".news", 0)
	later := 3600
	s.emulator.set(t, settings{ClockOffsetS: &later})
	other.signIn(t, demoName, demoPassword)
	thief := other.open(t, s.portal("/username"))
	thief.stepUpByPassword(t, demoPassword)
	thief.at(t, "account-username")
	thief.fill(t, "username", "demo.taken")
	thief.submit(t)
	thief.at(t, "account")
	for _, path := range []string{"", "/profile"} {
		b = one.open(t, s.portal(path))
		b.visible(t, ".news [data-event='account.event.username']")
	}
	b.press(t, b.Locator(`.news a[data-to="account-history"]`))
	b.at(t, "account-history")
	b.count(t, ".news", 0)
	b = one.open(t, s.portal(""))
	b.at(t, "account")
	b.count(t, ".news", 0)
}

// TestConsentChanged: who comes back after the texts have changed agrees anew, and then is in the
// app.
func TestConsentChanged(t *testing.T) {
	t.Parallel()
	tree := copyTree(t)
	s := start(t, options{tree: tree})
	v := s.visit(t)
	b := v.enterAs(t, "/app/desk", "app-desk", deskVersion)
	b.typePassword(t, demoName, demoPassword)
	b.check(t, "agreement")
	b.finish(t, "/app/desk")
	b = v.enterAs(t, "/app/desk", "app-desk", deskVersion)
	b.at(t, "continue")
	b.count(t, "#agreement", 0)
	terms := filepath.Join(tree, "app-desk", "terms.html")
	if err := os.WriteFile(terms, []byte("<p>Everything is different now.</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for since := time.Now(); ; {
		b = v.enterAs(t, "/app/desk", "app-desk", deskVersion)
		b.at(t, "continue")
		if n, err := b.Locator("#agreement").Count(); err != nil {
			t.Fatal(err)
		} else if n == 1 {
			break
		}
		if time.Since(since) > patience {
			t.Fatal("the changed texts are not asked about")
		}
	}
	b.submit(t)
	b.wrong(t, 422, "continue")
	b.check(t, "agreement")
	b.finish(t, "/app/desk")
	b.isSignedIn(t, "/app/desk", s.emulator.find(t, demoName))
	b = v.enterAs(t, "/app/desk", "app-desk", deskVersion)
	b.at(t, "continue")
	b.count(t, "#agreement", 0)
}
