package authclient_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tcb-login/authclient"
)

// TestCaptchaRetry: which tokens a call is made with, for what TCB answers to each.
func TestCaptchaRetry(t *testing.T) {
	t.Parallel()
	unsolved := errors.New("unsolved")
	for name, tt := range map[string]struct {
		token, known string
		answers      []error
		solved       string
		tokens       []string // that calls were made with
		refused      []bool   // of each captcha that was solved
		want         error
	}{
		"none wanted":                    {answers: []error{nil}, tokens: []string{""}},
		"one of the flow":                {token: "t", answers: []error{nil}, tokens: []string{"t"}},
		"another refusal":                {known: "k", answers: []error{authclient.ErrNotFound}, tokens: []string{""}, want: authclient.ErrNotFound},
		"asked":                          {answers: []error{authclient.ErrCaptchaRequired, nil}, solved: "s", tokens: []string{"", "s"}, refused: []bool{false}},
		"known":                          {known: "k", answers: []error{authclient.ErrCaptchaRequired, nil}, tokens: []string{"", "k"}},
		"known and refused":              {known: "k", answers: []error{authclient.ErrCaptchaRequired, authclient.ErrCaptchaInvalid, nil}, solved: "s", tokens: []string{"", "k", "s"}, refused: []bool{true}},
		"known, and then another fault":  {known: "k", answers: []error{authclient.ErrCaptchaRequired, authclient.ErrNotFound}, tokens: []string{"", "k"}, want: authclient.ErrNotFound},
		"the flow's is the known one":    {token: "k", known: "k", answers: []error{authclient.ErrCaptchaRequired, nil}, solved: "s", tokens: []string{"k", "s"}, refused: []bool{false}},
		"refused":                        {token: "t", answers: []error{authclient.ErrCaptchaInvalid, nil}, solved: "s", tokens: []string{"t", "s"}, refused: []bool{true}},
		"a known one does not mend that": {token: "t", known: "k", answers: []error{authclient.ErrCaptchaInvalid, nil}, solved: "s", tokens: []string{"t", "s"}, refused: []bool{true}},
		"refused twice":                  {token: "t", answers: []error{authclient.ErrCaptchaInvalid, authclient.ErrCaptchaInvalid}, solved: "s", tokens: []string{"t", "s"}, refused: []bool{true}, want: authclient.ErrCaptchaInvalid},
		"asked for ever":                 {answers: []error{authclient.ErrCaptchaRequired, authclient.ErrCaptchaRequired}, solved: "s", tokens: []string{"", "s"}, refused: []bool{false}, want: authclient.ErrCaptchaRequired},
		"unsolved":                       {answers: []error{authclient.ErrCaptchaRequired}, tokens: []string{""}, refused: []bool{false}, want: unsolved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tokens []string
			var refused []bool
			retry := authclient.CaptchaRetry{Token: tt.token, Known: tt.known, Solve: func(_ context.Context, _ authclient.Call, r bool) (string, error) {
				if refused = append(refused, r); tt.solved == "" {
					return "", unsolved
				}
				return tt.solved, nil
			}}
			err := retry.Do(t.Context(), func(_ context.Context, opts ...authclient.CallOption) error {
				tokens = append(tokens, authclient.CaptchaTokenOf(opts...))
				return tt.answers[len(tokens)-1]
			})
			if !errors.Is(err, tt.want) || !slices.Equal(tokens, tt.tokens) || !slices.Equal(refused, tt.refused) {
				t.Errorf("%v with %q, solved %v; want %v with %q, %v", err, tokens, refused, tt.want, tt.tokens, tt.refused)
			}
		})
	}
}

// TestNilFunctions: who gives no function has none, and nothing panics.
func TestNilFunctions(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	calls := 0
	err := authclient.CaptchaRetry{Known: "k"}.Do(ctx, func(context.Context, ...authclient.CallOption) error {
		calls++
		return authclient.ErrCaptchaRequired
	})
	if !errors.Is(err, authclient.ErrCaptchaRequired) || calls != 2 {
		t.Errorf("a captcha that nobody can solve: %v after %d calls", err, calls)
	}
	client := serve(t, answer(200, credentials), authclient.Config{})
	client.SetCustomSignFunc(func(context.Context) (string, error) { return "k/@@/a.b.c", nil })
	client.SetCustomSignFunc(nil)
	_, err = client.SignInWithCustomTicket(ctx)
	refusal(t, err, authclient.ErrFailedPrecondition)
	var changes []change
	s := client.LoginState(authclient.Credentials{AccessToken: "a.b.c"}, time.Now().Add(time.Hour), recorded(&changes))
	s.OnLoginStateChanged(nil)
	if _, err := s.SignOut(ctx, authclient.SignOutRequest{}); err != nil || len(changes) != 1 {
		t.Errorf("a sign-out without a second listener: %v, changes %v", err, changes)
	}
}
