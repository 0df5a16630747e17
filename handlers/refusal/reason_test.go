package refusal

import (
	"encoding/json"
	"os"
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
