//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ways are the data-to of the ways in beside the page's own form.
func (b *tab) ways(t *testing.T) []string {
	t.Helper()
	got, err := b.Evaluate(`() => [...document.querySelectorAll(".method")].map((e) => e.dataset.to)`)
	if err != nil {
		t.Fatal(err)
	}
	var ways []string
	for _, w := range got.([]any) {
		ways = append(ways, w.(string))
	}
	return ways
}

// TestTwoApps: two apps of one environment, side by side in one browser, each with its own methods,
// look, words and way to register; both sign in.
func TestTwoApps(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	phone := newPhone()
	v := s.visit(t)
	orders := v.enterAs(t, where, "app-orders", ordersVersion)
	orders.at(t, "sign-in-sms")
	desk := v.enterAs(t, "/app/desk", "app-desk", deskVersion)
	desk.at(t, "sign-in")
	everyone := v.enterAs(t, "/app/home", "", "env")

	if got, want := orders.ways(t), []string{"sign-in-email", "sign-in"}; !slices.Equal(got, want) {
		t.Errorf("orders offers %v beside its form, want %v", got, want)
	}
	if got, want := desk.ways(t), []string{"sign-in-email", "provider-demo"}; !slices.Equal(got, want) {
		t.Errorf("desk offers %v beside its form, want %v", got, want)
	}
	colours := map[string]bool{}
	for name, b := range map[string]*tab{"orders": orders, "desk": desk, "everyone": everyone} {
		colours[b.style(t, ".primary", "background-color")] = true
		b.visible(t, "img.logo")
		width, err := b.Evaluate(`() => document.querySelector("img.logo").naturalWidth`)
		if err != nil || width == 0 {
			t.Errorf("%s: the logo did not load: %v, %v", name, width, err)
		}
	}
	if len(colours) != 3 {
		t.Errorf("the primary buttons have %d colours, want 3: %v", len(colours), colours)
	}
	if got := orders.style(t, "body", "padding-left"); got == "16px" {
		t.Error("orders is not split at this width")
	}
	if got := desk.style(t, "#username", "height"); got != "44px" {
		t.Errorf("desk's inputs are %s tall, want the 44px of a compact page", got)
	}
	orders.count(t, `a[data-to="sign-up"]`, 0) // auto: a code registers
	desk.count(t, `a[data-to="sign-up"]`, 1)   // split: sign-up has a page
	orders.count(t, `#agreement`, 0)
	desk.count(t, `#agreement`, 1)
	desk.count(t, `.foot a`, 3)

	// Orders registers whoever has a code.
	orders.typeCode(t, phone, "sign-in-sms-code")
	orders.finish(t, where)
	orders.isSignedIn(t, where, s.emulator.find(t, phone))

	// Desk wants the agreement and an account.
	desk.typePassword(t, demoName, demoPassword)
	desk.submit(t)
	if keys := desk.wrong(t, 422, "sign-in"); !slices.Contains(keys, "error.required.agreement") {
		t.Errorf("without the agreement: %v", keys)
	}
	desk.check(t, "agreement")
	desk.fill(t, "password", demoPassword)
	desk.finish(t, "/app/desk")
	desk.isSignedIn(t, "/app/desk", s.emulator.find(t, demoName))
}

// TestReload: a config that is edited on disk is live within 2 seconds; a broken one keeps the last
// good page, is logged and shows in readyz.
func TestReload(t *testing.T) {
	tree := copyTree(t)
	s := start(t, options{tree: tree})
	file := filepath.Join(tree, "app-desk", "login.config.2.json")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string) time.Time {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return time.Now()
	}
	b := s.visit(t).enterAs(t, "/app/desk", "app-desk", deskVersion)
	shows := func(name string, since time.Time) {
		t.Helper()
		for {
			b.goTo(t, b.URL())
			if b.text(t, ".brand") == name {
				if took := time.Since(since); took > 2*time.Second {
					t.Errorf("%s was live after %v, want 2 s at most", name, took)
				}
				return
			}
			if time.Since(since) > patience {
				t.Fatalf("the page shows %q, never %q", b.text(t, ".brand"), name)
			}
		}
	}
	shows("Desk", write(strings.ReplaceAll(string(original), `"name": "Desk"`, `"name": "Desk"`)))
	shows("Bureau", write(strings.ReplaceAll(string(original), `"name": "Desk"`, `"name": "Bureau"`)))

	write(`{"name": "half a fi`)
	deadline := time.Now().Add(patience)
	for {
		status, ready := s.operator(t, "/readyz")
		if strings.Contains(ready, "login.config.2.json") {
			if status != http.StatusOK {
				t.Errorf("readyz answers %d; the last good page serves on, so it is as ready as before", status)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz does not tell of the broken file: %s", ready)
		}
	}
	shows("Bureau", time.Now())
	if log := s.log(); !strings.Contains(log, "login.config.2.json") {
		t.Error("the log does not tell of the broken file")
	}
	shows("Desk", write(string(original)))
}
