package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWrongCodes: wrong, expired, used and foreign codes.
func TestWrongCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := func(code string) string {
		if code == "123456" {
			return "654321"
		}
		return "123456"
	}
	for _, flow := range []struct {
		path, page, to string
		typed          fields
	}{
		{"/sign-in/sms", "sign-in-sms", newPhone, fields{"phone_country": "CN", "phone_number": "13900139000"}},
		{"/sign-in/email", "sign-in-email", "one@example.com", fields{"email": "one@example.com"}},
		{"/sign-up", "sign-up", "two@example.com", fields{"email": "two@example.com"}},
		{"/reset-password", "reset-password", demoEmail, fields{"email": demoEmail}},
	} {
		t.Run(flow.page, func(t *testing.T) {
			b := s.browser()
			b.t = t
			name := flow.page + "-code"
			code := sendCode(b, flow.path, flow.typed)
			right := s.backend.code(flow.to)
			p := b.submit(code, fields{"verification_code": other(right)}).want(http.StatusUnprocessableEntity, name, "error.code_wrong")
			if p.fieldKey("verification_code") != "error.code_wrong" || p.value("verification_code") != "" {
				t.Errorf("field says %q and holds %q", p.fieldKey("verification_code"), p.value("verification_code"))
			}
			// Somebody else's code, which is right for them.
			stranger := s.browser()
			strangers := sendCode(stranger.at("192.0.2.7"), "/sign-in/email", fields{"email": flow.page + "@example.com"})
			if foreign := s.backend.code(flow.page + "@example.com"); foreign != right {
				b.submit(code, fields{"verification_code": foreign}).want(http.StatusUnprocessableEntity, name, "error.code_wrong")
			}
			_ = strangers
			// Used once.
			if p := b.submit(code, fields{"verification_code": right}); p.status != http.StatusOK || p.name() == name {
				t.Fatalf("the right code: status %d, page %q, %q", p.status, p.name(), p.keys())
			}
			s.clock.advance(repeatLife)
			b.submit(code, fields{"verification_code": right}).want(http.StatusUnprocessableEntity, name, "error.code_wrong")
			// Expired.
			s.clock.advance(time.Minute)
			code = sendCode(b, flow.path, flow.typed)
			s.clock.advance(10 * time.Minute)
			b.submit(code, fields{"verification_code": s.backend.code(flow.to)}).want(http.StatusUnprocessableEntity, name, "error.code_wrong")
			// The step itself is over after 25 minutes; the number stays typed.
			s.clock.advance(15 * time.Minute)
			p = b.submit(code, fields{"verification_code": "123456"}).want(http.StatusUnprocessableEntity, flow.page, "error.code_lost")
			want := fields{}
			for field, value := range flow.typed {
				want[field] = value
			}
			p.wantValue(want)
			b.get(code.url.String()).want(http.StatusOK, flow.page, "error.code_lost")
			b.submit(p, nil).want(http.StatusOK, name)
		})
	}
}

// TestTriesOfACode: five wrong ones and the code is dead, for a code that was
// never sent as well.
func TestTriesOfACode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var want []string
	for i, to := range []string{demoEmail, "deno@example.com"} {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		code := sendCode(b, "/reset-password", fields{"email": to})
		wrong := "123456"
		if to == demoEmail && s.backend.code(to) == wrong {
			wrong = "654321"
		}
		var got []string
		for range 7 {
			p := b.submit(code, fields{"verification_code": wrong})
			got = append(got, fmt.Sprint(p.status, p.keys(), visible(p)))
			code = p
		}
		if i == 0 {
			want = got
			p := b.submit(code, fields{"verification_code": s.backend.code(to)})
			p.want(http.StatusUnprocessableEntity, "reset-password-code", "error.code_tries")
			// A new code is a new chance.
			s.clock.advance(time.Minute)
			again := b.press(p, "action=resend", nil).want(http.StatusOK, "reset-password-code", "code.again")
			b.submit(again, fields{"verification_code": s.backend.code(to)}).want(http.StatusOK, "reset-password-new")
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tries tell that no code was sent (-sent +not):\n%s", diff)
		}
	}
	for i, key := range []string{"error.code_wrong", "error.code_wrong", "error.code_wrong", "error.code_wrong", "error.code_tries", "error.code_tries", "error.code_tries"} {
		if !strings.Contains(want[i], key) {
			t.Errorf("try %d: %s, want %s", i+1, want[i], key)
		}
	}
}

// TestManyCodesAtOnce: fifty wrong codes at once get no further than five.
func TestManyCodesAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-in/email", fields{"email": demoEmail})
	right := s.backend.code(demoEmail)
	values := code.filled(nil)
	action := code.action()
	var wg sync.WaitGroup
	statuses := make(chan string, 50)
	for i := range 50 {
		form := map[string][]string{}
		for k, v := range values {
			form[k] = v
		}
		guess := fmt.Sprintf("%06d", 100000+i)
		if guess == right {
			guess = "999999"
		}
		form["verification_code"] = []string{guess}
		wg.Go(func() {
			p, err := b.try(http.MethodPost, action, form, nil)
			if err != nil {
				t.Error(err)
				return
			}
			statuses <- fmt.Sprint(p.status, p.fieldKey("verification_code"))
		})
	}
	wg.Wait()
	close(statuses)
	if n := s.backend.count("/v1/verification/verify"); n > 5 {
		t.Errorf("%d of 50 codes reached TCB, want 5 at most", n)
	}
	tally := map[string]int{}
	for status := range statuses {
		tally[status]++
	}
	if tally["422error.code_tries"] < 45 || tally["422error.code_wrong"]+tally["422error.code_tries"] != 50 {
		t.Errorf("answers %v", tally)
	}
	b.submit(code, fields{"verification_code": right}).want(http.StatusUnprocessableEntity, "sign-in-email-code", "error.code_tries")
}

// TestBlockedAfterCode: who has proved the address is told what is wrong.
func TestBlockedAfterCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.backend.register("blocked@example.com", "blocked", "Good-pass-1")
	s.backend.setStatus("blocked", "BLOCKED")
	s.backend.register("pending@example.com", "pending", "Good-pass-1")
	s.backend.setStatus("pending", "PENDING")
	for i, tt := range []struct{ to, key string }{{"blocked@example.com", "error.user_blocked"}, {"pending@example.com", "error.user_pending"}} {
		b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
		code := sendCode(b, "/sign-in/email", fields{"email": tt.to})
		p := b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).want(http.StatusUnprocessableEntity, "sign-in-email-confirmed", tt.key)
		if p.link("sign-in") == "" {
			t.Error("no way back to sign-in")
		}
		s.clock.advance(time.Minute)
		code = sendCode(b, "/sign-up", fields{"email": tt.to})
		p = b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).want(http.StatusOK, "sign-up-confirmed")
		b.submit(p, nil).want(http.StatusUnprocessableEntity, "sign-up-confirmed", tt.key)
		s.clock.advance(time.Minute)
		code = sendCode(b, "/reset-password", fields{"email": tt.to})
		p = b.submit(code, fields{"verification_code": s.backend.code(tt.to)}).want(http.StatusOK, "reset-password-new")
		b.submit(p, fields{"new_password": "Fresh-pass-2"}).want(http.StatusUnprocessableEntity, "reset-password-new", tt.key)
		s.clock.advance(time.Minute)
	}
}

// TestVerifiedStepExpires: a right code serves for ten minutes; then another is needed, for the
// same number.
func TestVerifiedStepExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser()
	code := sendCode(b, "/sign-up", fields{"email": "slow@example.com"})
	details := b.submit(code, fields{"verification_code": s.backend.code("slow@example.com")}).want(http.StatusOK, "sign-up-details")
	s.clock.advance(10*time.Minute - time.Second)
	b.get(details.url.String()).want(http.StatusOK, "sign-up-details")
	s.clock.advance(time.Second)
	b.get(details.url.String()).want(http.StatusOK, "sign-up", "error.session_over")
	calls := s.backend.count("")
	p := b.submit(details, fields{"username": "slow", "password": "Slow-pass-1"}).want(http.StatusUnprocessableEntity, "sign-up", "error.session_over")
	if got := s.backend.count(""); got != calls {
		t.Errorf("TCB was called %d times", got-calls)
	}
	p.wantValue(fields{"email": "slow@example.com"})
	b.submit(p, nil).want(http.StatusOK, "sign-up-code")
}
