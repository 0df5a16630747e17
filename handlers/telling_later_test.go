package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLaterStepsTellNothing: what comes of a code that was sent, when it is loaded again, mistyped,
// left to run out or asked for too often, with TCB away or wanting a captcha, is what comes of one that
// was not.
func TestLaterStepsTellNothing(t *testing.T) {
	t.Parallel()
	for _, flow := range codeFlows {
		t.Run(flow.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, registers(flow.auto))
			var want []answer
			for i, kind := range codeKinds {
				s.backend.captcha("never")
				name := s.accounts(kind, flow.by, 1)[0]
				got := flow.laterAnswers(s.browser().at(fmt.Sprintf("192.0.2.%d", i+1)), name, kind == withheld)
				if i == 0 {
					want = got
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s differs (-known +this):\n%.3000s", kind, diff)
				}
			}
			keys := []string{"error.code_wrong", "captcha.ask", "error.unavailable"}
			if !flow.own { // whose step-up is over by then
				keys = append(keys, "error.code_lost")
			}
			for _, key := range keys {
				if !slices.ContainsFunc(want, func(a answer) bool { return strings.Contains(a.Body, `"`+key+`"`) }) {
					t.Errorf("no step meets %s", key)
				}
			}
		})
	}
}

// laterAnswers are those to what else can be done with a code that is not known.
func (f codeFlow) laterAnswers(b *browser, name string, withheld bool) (got []answer) {
	b.t.Helper()
	clock, backend := b.s.clock, b.s.backend
	usual := func() {
		if backend.answer("", nil); withheld {
			backend.refuse("/v1/verification", http.StatusBadRequest, "user_blocked")
		}
	}
	add := func(step string, p *page) *page {
		a := answer{step, p.status, visible(p), masked(p, name)}
		if p.picture() != "" { // each is as large as it is
			a.Header.Set("Content-Length", fmt.Sprint(len(a.Body)))
		}
		got = append(got, a)
		clock.advance(repeatLife)
		return p
	}
	wrong := fields{"verification_code": "000000"}
	backend.answer("", nil)
	first := f.open(b)
	usual()
	code := b.submit(first, typedName(f.by, name))
	add("loaded again", b.get(code.url.String()))
	add("no code", b.submit(code, fields{"verification_code": ""}))
	add("no code that can be one", b.submit(code, fields{"verification_code": "12345"}))
	backend.refuse("/v1/verification/verify", http.StatusServiceUnavailable, "unavailable")
	add("TCB is away", b.submit(code, wrong))
	backend.refuse("/v1/verification/verify", http.StatusBadRequest, "captcha_required")
	asked := add("TCB wants a captcha", b.submit(code, wrong))
	usual()
	if asked.picture() == "" {
		b.t.Errorf("page %q with %q and no captcha", asked.name(), asked.keys())
		return nil
	}
	add("the captcha", b.submit(asked, fields{"captcha_key": backend.key(), "verification_code": "000000"}))
	clock.advance(10 * time.Minute)
	add("run out", b.submit(code, wrong))
	add("run out, and loaded again", b.get(code.url.String()))
	if f.own { // else its step-up is over on the way
		b.forget()
		first = f.open(b)
		code = add("anew", b.submit(first, typedName(f.by, name)))
	}
	for i := range 7 { // more often than is free
		add(fmt.Sprint("resend ", i), b.pressOnly(code, "action=resend", nil))
		clock.advance(time.Minute)
	}
	clock.advance(15 * time.Minute)
	add("lost", b.submit(code, wrong))
	add("lost, and loaded again", b.get(code.url.String()))
	add("lost, resend", b.press(code, "action=resend", nil))
	if f.own {
		b.forget()
		first = f.open(b)
	}
	backend.captcha("always")
	again := add("another", b.submit(first, typedName(f.by, name)))
	add("another, with a captcha", b.submit(again, fields{"captcha_key": backend.key()}))
	backend.captcha("never")
	backend.answer("", nil)
	clock.advance(24 * time.Hour)
	return got
}

// TestTCBsLimitTellsNothing: where codes go to who has an account alone, TCB's limit on those is none
// that a stranger hears of. Where they go to anybody it is said.
func TestTCBsLimitTellsNothing(t *testing.T) {
	t.Parallel()
	for _, flow := range codeFlows {
		t.Run(flow.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, registers(flow.auto))
			s.backend.captcha("never")
			names := map[string]string{known: s.accounts(known, flow.by, 1)[0], unknown: s.accounts(unknown, flow.by, 1)[0]}
			sent := func(kind, address string) answer {
				b := s.browser().at(address)
				first := flow.open(b)
				if kind == known {
					s.backend.refuse("/v1/verification", http.StatusTooManyRequests, "resource_exhausted")
					defer s.backend.answer("", nil)
				}
				p := b.submit(first, typedName(flow.by, names[kind]))
				return answer{"send", p.status, visible(p), masked(p, names[kind])}
			}
			limited, none := sent(known, "192.0.2.1"), sent(unknown, "192.0.2.2")
			if flow.toAnybody() {
				if limited.Status != http.StatusTooManyRequests {
					t.Errorf("status %d", limited.Status)
				}
			} else if diff := cmp.Diff(none, limited); diff != "" {
				t.Errorf("it tells (-unknown +known):\n%.3000s", diff)
			}
		})
	}
}

// TestNoSuchCode: TCB may say in several ways that it has no such code. To people they are one.
func TestNoSuchCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	for _, refusal := range []string{"not_found", "permission_denied", "aborted", "invalid_argument"} {
		s.backend.refuse("/v1/verification/verify", http.StatusBadRequest, refusal)
		b.submit(code, fields{"verification_code": "000000"}).want(http.StatusUnprocessableEntity, "sign-in-email-code", "error.code_wrong")
		s.clock.advance(repeatLife)
	}
}
