//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/playwright-community/playwright-go"
)

// mainPages are the samples whose accessibility trees are in testdata/snapshots, by login config.
var mainPages = map[string][]string{
	"app=&version=env": {
		"sign-in, empty", "sign-in, required", "sign-in-sms, empty", "sign-in-sms-code, empty", "sign-in-sms-code, wrong",
		"reset-password-new, empty", "account, empty", "account, news", "account-profile, empty", "account-sessions, empty",
		"account-delete, empty", "step-up-password, empty", "account-email-conflict, empty", "sign-out, empty",
	},
	desk: {"sign-up, empty", "sign-up-details, empty"},
}

// addresses are no part of what is read aloud.
var addresses = regexp.MustCompile(`:?\n *- /url: .*`)

// TestSnapshots compares what assistive technology is told of the main pages with files that a
// person has read: roles, names and states in their order. "make snapshots" writes them anew.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	s := share(t, options{tree: sampleTree(t)})
	b := s.visit(t, func(o *playwright.BrowserNewContextOptions) { o.TimezoneId = playwright.String("UTC") }).open(t, "about:blank")
	for config, pages := range mainPages {
		samples := s.samples(t, config, "en")
		for _, page := range pages {
			i := slices.IndexFunc(samples, func(s sample) bool { return s.String() == page })
			if i < 0 {
				t.Errorf("there is no page %s", page)
				continue
			}
			b.goTo(t, samples[i].address)
			b.snapshot(t, filepath.Join("testdata", "snapshots", samples[i].slug()+".yaml"))
		}
	}
}

// snapshot compares the page's accessibility tree with a file.
func (b *tab) snapshot(t *testing.T, file string) {
	t.Helper()
	got, err := b.Locator("body").AriaSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	got = addresses.ReplaceAllString(got, "") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got); \"make snapshots\" if it is meant:\n%s", file, diff)
	}
}
