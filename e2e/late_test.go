//go:build e2e && late

package e2e

import (
	"testing"
	"time"

	"tcb-login/i18n"
)

// TestLateByDefault waits out the time limit that an operator gets who sets none, which is why it
// is not part of every run.
func TestLateByDefault(t *testing.T) { late(t, options{}, 20*time.Second) }

// TestLateLayout is TestLayout for every sample config in every language that it offers.
func TestLateLayout(t *testing.T) {
	messages, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []measured
	// What is left differs from one of these in a sentence.
	states := []string{"empty", "required", "refused", "captcha-wrong", "waiting", "taken", "invalid", "redirect", "agreement"}
	for _, config := range []string{"app=&version=env", "app=app-orders&version=" + ordersVersion, desk} {
		locales := []string{"en-XA", "ar-XB", "en", "zh-CN"}
		if config == desk {
			locales = []string{"en-XA", "ar-XB"}
			for _, l := range messages.Locales() {
				locales = append(locales, l.Locale())
			}
		}
		for _, locale := range locales {
			all = append(all, measured{config, locale, []int{320, 360, 1280}, states})
		}
	}
	measure(t, all)
}

// TestLateAxe is TestAxe for every state of every page, and in both pseudo-locales.
func TestLateAxe(t *testing.T) {
	for _, locale := range []string{"en", "zh-CN", "en-XA", "ar-XB"} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			s := share(t, options{tree: sampleTree(t)})
			s.audit(t, s.samples(t, desk, locale))
		})
	}
}

// TestLateHTML is TestHTML for every state of every page.
func TestLateHTML(t *testing.T) {
	validate(t, share(t, options{tree: sampleTree(t)}).samples(t, desk, "en"))
}
