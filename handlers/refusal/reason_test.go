package refusal

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tcb-login/authclient"
)

// TestEveryProblemHasAReason: each page that says what went wrong is one of the list.
func TestEveryProblemHasAReason(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]json.RawMessage
	if err := json.Unmarshal(text, &messages); err != nil {
		t.Fatal(err)
	}
	pages := 0
	for key := range messages {
		if strings.HasPrefix(key, "error.page.") {
			if pages++; leads[key] == "" {
				t.Errorf("%s has no reason", key)
			}
		}
	}
	if pages < 15 {
		t.Errorf("%d messages", pages)
	}
	for key, reason := range leads {
		if messages[key] == nil || !slices.Contains(Reasons, reason) {
			t.Errorf("%s: %s", key, reason)
		}
	}
	for i, reason := range Reasons {
		if slices.Index(Reasons, reason) != i || reason == "" {
			t.Errorf("%q is there twice", reason)
		}
	}
}

func TestReasonOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want Reason
	}{
		{ErrMissing, ReasonMissing},
		{ErrCrossSite, ReasonCrossSite},
		{BadParameter("env_id"), ReasonParameter},
		{&Problem{Lead: "error.unavailable", Reason: ReasonBusy}, ReasonBusy},
		{&FieldError{}, ReasonForm},
		{&Limited{Wait: time.Second}, ReasonLimit},
		{&authclient.Error{Code: "invalid_password", Status: 400}, ReasonRefused},
		{&authclient.Error{Code: "resource_exhausted", Status: 429}, ReasonTCBLimit},
		{&authclient.Error{Code: "unreachable"}, ReasonTCBAway},
		{&authclient.Error{Code: "unreachable", NotSent: true}, ReasonTCBHeld},
		{&authclient.Error{Code: "unreachable", Status: 200}, ReasonTCBBroken},
		{&authclient.Error{Code: "internal", Status: 500}, ReasonTCBBroken},
		{&authclient.Error{Code: "unauthorized_client", Status: 401}, ReasonMisconfig},
		{&authclient.Error{Code: "license_required", Status: 403}, ReasonRefused},
		{os.ErrNotExist, ""},
		{nil, ""},
	}
	for _, tt := range tests {
		if got := ReasonOf(tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
	for _, code := range authclient.Codes() {
		if reason := ReasonOf(&authclient.Error{Code: code}); !slices.Contains(Reasons, reason) {
			t.Errorf("%s: %q", code, reason)
		}
	}
}

// TestTroubleshooting: docs/troubleshooting.md has a row for each error page, in its own words, and for
// each reason.
func TestTroubleshooting(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../../i18n/locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]json.RawMessage
	if err := json.Unmarshal(file, &messages); err != nil {
		t.Fatal(err)
	}
	pages, reasons := map[string]Reason{}, map[Reason]int{}
	page := regexp.MustCompile("^\\| (.+) \\| [0-9, ]+ \\| `([a-z_]+)` \\|$")
	reason := regexp.MustCompile("^\\| `([a-z_]+)` \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|$")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if row := page.FindStringSubmatch(line); row != nil {
			pages[row[1]] = Reason(row[2])
		} else if row := reason.FindStringSubmatch(line); row != nil {
			reasons[Reason(row[1])]++
		}
	}
	for key, lead := range leads {
		var words string
		if err := json.Unmarshal(messages[key], &words); err != nil {
			t.Fatal(err)
		}
		if pages[words] != lead {
			t.Errorf("no row | %s | … | `%s` |", words, lead)
		}
		delete(pages, words)
	}
	for words := range pages {
		t.Errorf("no page says %q", words)
	}
	for _, r := range Reasons {
		if reasons[r] != 1 {
			t.Errorf("%d rows of %s", reasons[r], r)
		}
		delete(reasons, r)
	}
	delete(reasons, "reason") // the column's name
	for r := range reasons {
		t.Errorf("there is no reason %s", r)
	}
}
