package web

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/authclient"
	"tcb-login/handlers/refusal"
	"tcb-login/i18n"
	"tcb-login/views"
)

// TestRefuse: what a form says of each kind of error, and what is none of a person's.
func TestRefuse(t *testing.T) {
	t.Parallel()
	field := func(name, key string) views.Base {
		return views.Base{Errors: []views.FieldError{{Field: name, Message: i18n.Msg(key)}}}
	}
	alert := func(kind views.AlertKind, m i18n.Message) views.Base {
		return views.Base{Alert: views.Alert{Kind: kind, Message: m}}
	}
	special := refusal.Table{
		"not_found":      {Status: 422, Key: "error.sign_in_failed"},
		"already_exists": {Status: 422, Key: "error.username_taken", Field: "username"},
	}
	for name, tt := range map[string]struct {
		err        error
		status     int // 0: the form has nothing to say
		retryAfter time.Duration
		says       views.Base
		code       string // of the log line
		logged     bool   // as an error
	}{
		"a captcha": {err: &captchaAsked{}, status: 422, says: alert(views.AlertInfo, i18n.Msg("captcha.ask"))},
		"another captcha": {
			err: &captchaAsked{key: "error.captcha_wrong"}, status: 422, says: field("captcha_key", "error.captcha_wrong"),
		},
		"a field": {err: &refusal.FieldError{Field: "username", Key: "error.username_taken"}, status: 422, says: field("username", "error.username_taken")},
		"a limit": {
			err: &refusal.Limited{Key: "error.password_limit", Wait: 90 * time.Second, Unit: time.Minute}, status: 429, retryAfter: 90 * time.Second,
			says: alert(views.AlertError, i18n.Message{Key: "error.password_limit", N: 2}),
		},
		"TCB's no": {
			err: &authclient.Error{Code: "user_blocked"}, status: 422, says: alert(views.AlertError, i18n.Msg("error.user_blocked")), code: "user_blocked",
		},
		"with a meaning of its own": {
			err: &authclient.Error{Code: "not_found"}, status: 422, says: alert(views.AlertError, i18n.Msg("error.sign_in_failed")), code: "not_found",
		},
		"of a field": {
			err: &authclient.Error{Code: "already_exists"}, status: 422, says: field("username", "error.username_taken"), code: "already_exists",
		},
		"whose field the form need not have": {
			err: &authclient.Error{Code: "invalid_verification_code"}, status: 422,
			says: alert(views.AlertError, i18n.Msg("error.code_wrong")), code: "invalid_verification_code",
		},
		"wrapped": {
			err: fmt.Errorf("signing in: %w", &authclient.Error{Code: "user_blocked"}), status: 422,
			says: alert(views.AlertError, i18n.Msg("error.user_blocked")), code: "user_blocked",
		},
		"TCB's limit": {
			err: &authclient.Error{Code: "resource_exhausted", RetryAfter: 540 * time.Second}, status: 429, retryAfter: 540 * time.Second,
			says: alert(views.AlertError, i18n.Message{Key: "error.too_many_wait", N: 540}), code: "resource_exhausted",
		},
		"TCB's limit without a time": {
			err: &authclient.Error{Code: "aborted"}, status: 429, retryAfter: time.Minute,
			says: alert(views.AlertError, i18n.Msg("error.too_many")), code: "aborted",
		},
		"a time that would tell who has an account": {
			err: &authclient.Error{Code: "not_found", RetryAfter: time.Hour}, status: 422,
			says: alert(views.AlertError, i18n.Msg("error.sign_in_failed")), code: "not_found",
		},
		"an outage": {
			err: &authclient.Error{Code: "unavailable"}, status: 503, retryAfter: time.Minute,
			says: alert(views.AlertError, i18n.Msg("error.unavailable")), code: "unavailable", logged: true,
		},
		"a broken service": {
			err: &authclient.Error{Code: "internal"}, status: 502, says: alert(views.AlertError, i18n.Msg("error.broken")), code: "internal", logged: true,
		},
		"a bug":     {err: errors.New("x")},
		"a problem": {err: refusal.ErrMissing},
	} {
		page := &views.SignInPage{Username: "typed"}
		empty, err := Refuse(page, tt.err, special)
		var again *refused
		if !errors.As(err, &again) || !errors.Is(err, tt.err) || empty.Page != nil {
			t.Errorf("%s: Refuse returns %+v, %v", name, empty, err)
			continue
		}
		var trace Trace
		reply, known := again.reply(&trace)
		if known != (tt.status != 0) || reply.Status != tt.status || reply.RetryAfter != tt.retryAfter {
			t.Errorf("%s: %v, status %d, Retry-After %v; want %d, %v", name, known, reply.Status, reply.RetryAfter, tt.status, tt.retryAfter)
		}
		if known && reply.Page != views.Page(page) {
			t.Errorf("%s: another page", name)
		}
		want := &views.SignInPage{Base: tt.says, Username: "typed"}
		if diff := cmp.Diff(want.Errors, page.Errors); diff != "" {
			t.Errorf("%s: fields (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want.Alert, page.Alert); diff != "" {
			t.Errorf("%s: alert (-want +got):\n%s", name, diff)
		}
		if trace.Code != tt.code || (trace.Err != nil) != tt.logged {
			t.Errorf("%s: the log says %q and %v", name, trace.Code, trace.Err)
		}
	}
}
