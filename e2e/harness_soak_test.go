//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var dataPage = regexp.MustCompile(`data-page="[^"]*"`)

// submits posts a form past the pictures that are in the way, and returns the page after them. A picture
// that was solved is tried a second time by a copy of the browser, for what is said otherwise, if
// anything is.
func (s *soak) submits(ctx context.Context, t *testing.T, p *personOf, page string, typed, otherwise []string) (answer string, ok bool) {
	t.Helper()
	status, answer, err := p.submit(ctx, page, typed...)
	for range 5 {
		if err != nil || status != http.StatusUnprocessableEntity || !strings.Contains(answer, `name="captcha_key"`) {
			break
		}
		asked, copied := answer, p.again(t)
		solved := []string{"captcha_key", s.tcb.captcha(t)} // perhaps of somebody else's picture; then another one is drawn
		status, answer, err = p.submit(ctx, asked, slices.Concat(typed, solved)...)
		if err != nil || status >= http.StatusInternalServerError || strings.Contains(answer, `name="captcha_key"`) || otherwise == nil {
			continue
		}
		s.counts.captchas.Add(1)
		if status, again, err := copied.submit(ctx, asked, slices.Concat(otherwise, solved)...); err == nil && status == http.StatusOK {
			t.Errorf("a picture works twice: %q, which came to %s, and then %q, to %s", typed, dataPage.FindString(answer), otherwise, dataPage.FindString(again))
		}
	}
	if ctx.Err() == nil && (err != nil || status >= http.StatusInternalServerError) {
		s.counts.outages.Add(1)
	}
	return answer, err == nil && status == http.StatusOK
}

// opens gets a page.
func (s *soak) opens(ctx context.Context, p *personOf, page string) (string, bool) {
	status, answer, err := p.do(ctx, http.MethodGet, p.entry(page), nil)
	return answer, err == nil && status == http.StatusOK
}

// asksForCode has a code sent to an address, and returns the page that takes it. Who uses the picture
// again would have another one sent, to somebody else.
func (s *soak) asksForCode(ctx context.Context, t *testing.T, p *personOf, page, email string) (string, bool) {
	t.Helper()
	status, form, err := p.do(ctx, http.MethodGet, p.entry(page)+"&via=email", nil)
	if err != nil || status != http.StatusOK {
		return "", false
	}
	return s.submits(ctx, t, p, form, []string{"email", email}, []string{"email", "again-" + email})
}

// typesCode types the code that was sent, sometimes after a wrong one, and then has a copy of the
// browser type it once more.
func (s *soak) typesCode(ctx context.Context, t *testing.T, p *personOf, page, email string) (string, bool) {
	t.Helper()
	sent := s.tcb.outbox(t, email)
	if len(sent) == 0 {
		return "", false
	}
	code := []string{"verification_code", sent[0].Code}
	if wrong := []string{"verification_code", "000000"}; rand.IntN(4) == 0 && !slices.Equal(code, wrong) {
		if _, ok := s.submits(ctx, t, p, page, wrong, nil); ok {
			t.Errorf("a wrong code is as good as the right one of %s", email)
		}
		s.counts.wrong.Add(1)
	}
	copied := p.again(t)
	answer, ok := s.submits(ctx, t, p, page, code, nil)
	if !ok {
		return "", false
	}
	again := append(slices.Clone(code), "again", "1") // so that it is no repetition of the same form
	if _, ok := s.submits(ctx, t, copied, page, again, nil); ok {
		t.Errorf("a code of %s works twice", email)
	}
	s.counts.codesAgain.Add(1)
	return answer, true
}

// signsUp makes an account with a password.
func (s *soak) signsUp(ctx context.Context, t *testing.T, p *personOf, email string) bool {
	t.Helper()
	page, ok := s.asksForCode(ctx, t, p, "sign-up", email)
	if ok {
		page, ok = s.typesCode(ctx, t, p, page, email)
	}
	if !ok {
		return false
	}
	page, _ = s.submits(ctx, t, p, page, []string{"name", "Somebody", "password", soakPassword}, nil)
	if !s.signedIn(t, email, page) {
		return false
	}
	s.mu.Lock()
	s.known = append(s.known, email)
	s.mu.Unlock()
	return true
}

// byCode signs somebody in by a code, and makes an account where there is none.
func (s *soak) byCode(ctx context.Context, t *testing.T, p *personOf, email string) bool {
	t.Helper()
	page, ok := s.asksForCode(ctx, t, p, "sign-in/email", email)
	if ok {
		page, ok = s.typesCode(ctx, t, p, page, email)
	}
	return ok && s.signedIn(t, email, page)
}

// byPassword signs in somebody who has one, sometimes after a wrong one. Who uses the picture of that
// again would try the right one without another.
func (s *soak) byPassword(ctx context.Context, t *testing.T, p *personOf, email string) bool {
	t.Helper()
	page, ok := s.opens(ctx, p, "sign-in")
	if !ok {
		return false
	}
	right := []string{"username", email, "password", soakPassword}
	if rand.IntN(3) == 0 {
		wrong := []string{"username", email, "password", "Wrong-" + strconv.Itoa(rand.IntN(1000))}
		if _, ok := s.submits(ctx, t, p, page, wrong, right); ok {
			t.Errorf("a wrong password signs %s in", email)
		}
		s.counts.wrong.Add(1)
	}
	page, ok = s.submits(ctx, t, p, page, right, nil)
	return ok && s.signedIn(t, email, page)
}

var soakAddress = regexp.MustCompile(`soak-\d+@example\.com`)

// signedIn reports whether a page signs somebody in, who must be the same as ever and nobody else.
func (s *soak) signedIn(t *testing.T, email, page string) bool {
	t.Helper()
	in := loginOf(page)
	if in == nil {
		return false
	}
	s.counts.signIns.Add(1)
	s.isOwn(t, email, page)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch before, known := s.subs[email]; {
	case in.Sub == "":
		t.Errorf("%s: a login of nobody", email)
	case !known:
		s.subs[email] = in.Sub
		s.signedUp++
	case before != in.Sub:
		t.Errorf("%s was %s and is now %s", email, before, in.Sub)
	}
	return true
}

// isOwn checks that a page names nobody else.
func (s *soak) isOwn(t *testing.T, email, page string) {
	t.Helper()
	for _, named := range soakAddress.FindAllString(page, -1) {
		if named != email {
			t.Errorf("a page of %s names %s", email, named)
		}
	}
}

// signsOut ends a login: after it the portal asks anew, at whichever instance, a copy of the browser
// too.
func (s *soak) signsOut(ctx context.Context, t *testing.T, p *personOf, email string) {
	t.Helper()
	if page, ok := s.opens(ctx, p, "account"); ok {
		s.isOwn(t, email, page)
	}
	copied := p.again(t)
	if p.signOut(ctx) != nil {
		return
	}
	s.counts.signOuts.Add(1)
	if in, _ := copied.seesAccount(ctx); in {
		t.Errorf("%s has signed out, and copied cookies still open the portal", email)
	}
}

// memory is of the instances, in bytes.
type memory struct {
	peak  int64   // of the process, whichever
	heaps []int64 // at which the second instance collects, which is what is alive, four times; one after the other
}

// least is of the heaps the least of the first quarter and of the last one: what a single collection
// finds depends on how much was going on.
func (m memory) least() (warm, end int64) {
	if len(m.heaps) < 16 {
		return 0, math.MaxInt64 // too few to say anything
	}
	n := len(m.heaps) / 4
	return slices.Min(m.heaps[:n]), slices.Min(m.heaps[len(m.heaps)-n:])
}

func (m memory) String() string {
	warm, end := m.least()
	return fmt.Sprintf("at most %.1f MB; a heap of %.1f MB when warm, of %.1f MB in the end, of %d weighed", float64(m.peak)/1e6, float64(warm)/1e6, float64(end)/1e6, len(m.heaps))
}

// memory is one of an instance's metrics.
func (m *twoInstances) memory(t *testing.T, name, metric string) int64 {
	t.Helper()
	resp, err := http.Get("http://" + m.address(t, name+":8082") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + metric + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in:\n%s", metric, text)
	}
	bytes, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(bytes)
}
