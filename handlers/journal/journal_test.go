package journal

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/metrics"
)

// TestCodesCounted: what became of a code is counted, and one that nobody could decide is neither right
// nor wrong.
func TestCodesCounted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    audit.Name
		outcome audit.Outcome
		event   string // that is counted; empty: none
	}{
		{audit.CodeSent, audit.OK, metrics.CodeSent},
		{audit.CodeSent, audit.Withheld, metrics.CodeWithheld},
		{audit.CodeSent, audit.Failed, ""},
		{audit.CodeChecked, audit.OK, metrics.CodeRight},
		{audit.CodeChecked, audit.Refused, metrics.CodeWrong},
		{audit.CodeChecked, audit.Failed, ""},
		{audit.CodeChecked, audit.Incomplete, ""},
	}
	for _, tt := range tests {
		set := metrics.New(metrics.Config{})
		e := entryOf(&Journal{Metrics: set, Now: time.Now})
		e.Note(audit.Event{Name: tt.name, Outcome: tt.outcome, Method: audit.BySMS, Calling: "86"})
		var got []string
		for _, line := range strings.Split(scrape(set), "\n") {
			if strings.HasPrefix(line, "tcb_login_codes_total{") {
				got = append(got, line)
			}
		}
		want := ""
		if tt.event != "" {
			want = `tcb_login_codes_total{calling_code="86",channel="sms",event="` + tt.event + `"} 1`
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s %s: counted is %q, want %q", tt.name, tt.outcome, got, want)
		}
	}
}

// TestOutcome: what failed at TCB is no refusal, and what wants a captcha first has no end yet.
func TestOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err     error
		outcome audit.Outcome
		reason  string
	}{
		{nil, audit.OK, ""},
		{errors.New("a bug"), "", ""},
		{&authclient.Error{Code: "invalid_password", Status: 400}, audit.Refused, "tcb_refused"},
		{&authclient.Error{Code: "unavailable", Status: 503}, audit.Failed, "tcb_unavailable"},
		{&authclient.Error{Code: "nobody_documents_it", Status: 500}, audit.Failed, "tcb_broken"},
	}
	for _, tt := range tests {
		if outcome, reason, _ := Outcome(tt.err); outcome != tt.outcome || reason != tt.reason {
			t.Errorf("%v: %q %q, want %q %q", tt.err, outcome, reason, tt.outcome, tt.reason)
		}
	}
}

// TestLineHasNoDescription: TCB's words may repeat what was typed, and are not in the log.
func TestLineHasNoDescription(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := entryOf(&Journal{Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: time.Now})
	e.Err = &authclient.Error{Op: "SignIn", Code: "internal", Status: 500, Description: "no user wang@example.com", RequestID: "r-1"}
	e.Write(Line{Method: "POST", Route: "/sign-in", Status: 502})
	if got := log.String(); strings.Contains(got, "wang") || !strings.Contains(got, "internal, status 500, request r-1") || !strings.Contains(got, `"level":"ERROR"`) {
		t.Errorf("the line is %s", got)
	}
}

func entryOf(j *Journal) *Entry {
	e := &Entry{}
	j.Begin(e)
	return e
}

func scrape(set *metrics.Set) string {
	rec := httptest.NewRecorder()
	set.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	return rec.Body.String()
}
