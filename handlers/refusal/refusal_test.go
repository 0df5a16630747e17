package refusal

import (
	"errors"
	"slices"
	"testing"

	"tcb-login/authclient"
)

// statuses are what our pages answer a refusal of TCB's with: a form again, a limit, TCB's fault, an
// outage.
var statuses = []int{422, 429, 502, 503}

// TestEveryCode: each code of TCB's has an answer, and it is decided whether it tells of an account.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for _, code := range authclient.Codes() {
		out := Meaning(code)
		if out.Key == "" {
			t.Errorf("%s has no line in Codes", code)
			continue
		}
		if !slices.Contains(statuses, out.Status) {
			t.Errorf("%s: status %d; our pages answer with one of %v, whatever TCB's own is", code, out.Status, statuses)
		}
		about, decided := aboutAccount[code]
		if !decided {
			t.Errorf("%s has no line in aboutAccount: does TCB give it for the state of an account?", code)
		}
		if about && out.Status != 422 {
			t.Errorf("%s tells of an account, and answers %d", code, out.Status)
		}
	}
	for code := range aboutAccount {
		if _, ok := Codes[code]; !ok {
			t.Errorf("aboutAccount has %s, which Codes lacks", code)
		}
	}
	// What TCB says of accounts alone, as its documents have it.
	for _, code := range []string{"not_found", "user_not_found", "user_pending", "user_blocked", "invalid_status", "password_not_set", "failed_precondition", "already_exists"} {
		if !AboutAccount(code) {
			t.Errorf("%s does not tell of an account", code)
		}
	}
}

// TestFailures: what our page answers as a failure of TCB's is one on record too; but only a code that
// says so spares a guess its count.
func TestFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err            error
		outage, failed bool
	}{
		{nil, false, false},
		{errors.New("a bug of ours"), false, false},
		{&authclient.Error{Code: "invalid_password", Status: 500}, false, false},
		{&authclient.Error{Code: "unavailable", Status: 503}, true, true},
		{&authclient.Error{Code: "unreachable"}, true, true},
		{&authclient.Error{Code: "unreachable", Status: 404}, true, true},
		{&authclient.Error{Code: "nobody_documents_it", Status: 400}, false, false},
		{&authclient.Error{Code: "nobody_documents_it", Status: 500}, false, true},
	}
	for _, tt := range tests {
		if outage, failed := IsOutage(tt.err), Failed(tt.err); outage != tt.outage || failed != tt.failed {
			t.Errorf("%v: outage %t, failed %t, want %t, %t", tt.err, outage, failed, tt.outage, tt.failed)
		}
	}
}
