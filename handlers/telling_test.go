package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcb-login/config"
	"tcb-login/config/loginpage"
)

// What kinds of accounts there are, and the steps that anybody can take with somebody's name, who is
// signed in too: no answer may tell the kind. Here the answers are compared, in timing_test.go their
// times. Not among the steps are
//
//   - those after a right code or password, which tell whose it is by themselves;
//   - QR codes and codes of devices, which name nobody;
//   - the step-up, by password or by code, with a login of ours or the app's: it names nobody but who
//     is signed in, and the code goes to where their account has it. stepUpTimes has its wrong codes;
//   - whether a username is taken, which sign-up and the portal say openly, as they must. What looks
//     like a number or an address is refused before TCB is asked, and how many questions there are
//     in an hour is in attack_test.go.

// Kinds of accounts.
const (
	known        = "known"       // signs in by what is right
	unknown      = "unknown"     // there is none
	locked       = "locked"      // by TCB, after too many wrong passwords
	blocked      = "blocked"     // by the operator
	pending      = "pending"     // not yet let in
	passwordless = "no password" // signs in by codes alone
	withheld     = "withheld"    // TCB would send no code there
)

// kindNames are parts of names, as long as each other: a name shows in pages and addresses.
var kindNames = map[string]string{
	known: "know", unknown: "none", locked: "lock", blocked: "bloc", pending: "pend", passwordless: "nopw", withheld: "hold",
}

var kinds = []string{known, unknown, locked, blocked, pending, passwordless, withheld}

const rightPassword = "Good-pass-1"

// By what somebody is named.
const (
	byName  = "username"
	byEmail = "email"
	byPhone = "phone"
)

// nameOf is the name of the nth account of a kind. Masked, those of all kinds look alike.
func nameOf(kind, by string, n int) string {
	switch by {
	case byPhone:
		return fmt.Sprintf("138%d%07d", slices.Index(kinds, kind), n)
	case byEmail:
		return nameOf(kind, byName, n) + "@example.com"
	}
	return fmt.Sprintf("us-%s%04d", kindNames[kind], n)
}

// atTCB is a name as TCB has it.
func atTCB(by, name string) string {
	if by == byPhone {
		return "+86 " + name
	}
	return name
}

// kindOf is the kind of a name, however TCB is told it; empty for other names.
func kindOf(name string) string {
	digits := strings.TrimPrefix(name, "+86 ")
	for i, kind := range kinds {
		if strings.HasPrefix(name, "us-"+kindNames[kind]) || len(digits) == 11 && strings.HasPrefix(digits, fmt.Sprintf("138%d", i)) {
			return kind
		}
	}
	return ""
}

// accounts makes so many of a kind, and names them.
func (s *site) accounts(kind, by string, n int) (names []string) {
	s.t.Helper()
	for i := range n {
		name := nameOf(kind, by, i)
		names = append(names, name)
		if kind == unknown {
			continue
		}
		to, username, password := nameOf(kind, byEmail, i), "", rightPassword
		switch by {
		case byPhone:
			to = atTCB(by, name)
		case byName:
			username = name
		}
		if kind == passwordless {
			password = ""
		}
		s.backend.register(to, username, password)
		switch kind {
		case locked:
			s.backend.lock(atTCB(by, name))
		case blocked:
			s.backend.setStatus(to, "BLOCKED")
		case pending:
			s.backend.setStatus(to, "PENDING")
		}
	}
	return names
}

// typedName fills in the form that sends codes.
func typedName(by, name string) fields {
	if by == byPhone {
		return fields{"phone_country": "CN", "phone_number": name}
	}
	return fields{"email": name}
}

// passwordFor is what a stranger types: where TCB refuses more than a wrong password, the right one.
func passwordFor(kind string) string {
	if kind == blocked || kind == pending {
		return rightPassword
	}
	return "Wrong-pass-1"
}

// A codeFlow is one that somebody begins with a name.
type codeFlow struct {
	path, by string
	auto     bool     // signing in makes accounts, so that codes go to everybody
	own      bool     // of who is signed in, and names what is to be theirs
	inCI     []string // the kinds whose times CI compares; make test-all compares all
}

func (f codeFlow) String() string {
	name := fmt.Sprintf("%s by %s", strings.ReplaceAll(strings.Trim(f.path, "/"), "/", "-"), f.by)
	if f.auto {
		name += ", where it registers"
	}
	return name
}

// codeKinds are those that differ for who has a code sent.
var codeKinds = []string{known, unknown, blocked, pending, passwordless, withheld}

var codeFlows = []codeFlow{
	{path: "/sign-in/email", by: byEmail, inCI: []string{known, unknown}},
	{path: "/sign-in/sms", by: byPhone},
	{path: "/sign-in/email", by: byEmail, auto: true},
	{path: "/sign-in/sms", by: byPhone, auto: true},
	{path: "/sign-up", by: byEmail},
	{path: "/sign-up", by: byPhone, inCI: []string{known, unknown, blocked}},
	{path: "/reset-password", by: byEmail},
	{path: "/reset-password", by: byPhone, inCI: []string{known, unknown, passwordless, withheld}},
	{path: "/account/email", by: byEmail, own: true},
	{path: "/account/phone", by: byPhone, own: true, inCI: []string{known, unknown}},
}

// toAnybody reports that a code goes to who has no account, too.
func (f codeFlow) toAnybody() bool { return f.auto || f.own || f.path == "/sign-up" }

// open is the flow's first page.
func (f codeFlow) open(b *browser) *page {
	b.t.Helper()
	if f.own {
		b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		b.stepUp(f.path, demoPassword)
	}
	return b.open(f.path, "via="+f.by)
}

// registers sets whether signing in does.
func registers(auto bool) func(*siteConfig) {
	return func(c *siteConfig) {
		c.logins = config.BuiltInPages(c.settings)
		page := c.logins.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion})
		if page.Registration = loginpage.RegistrationSplit; auto {
			page.Registration = loginpage.RegistrationAuto
		}
	}
}

// An answer is what a stranger sees of one.
type answer struct {
	Step   string
	Status int
	Header http.Header
	Body   string
}

// TestSendTellsNothing: who asks for a code learns nothing of the account before the code is right:
// every kind gets the very same answers.
func TestSendTellsNothing(t *testing.T) {
	t.Parallel()
	for _, flow := range codeFlows {
		t.Run(flow.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, registers(flow.auto))
			s.backend.captcha("never")
			var want []answer
			for i, kind := range codeKinds { // the first when it is known what TCB's ids look like
				name := s.accounts(kind, flow.by, 1)[0]
				s.backend.answer("", nil)
				if kind == withheld {
					s.backend.refuse("/v1/verification", http.StatusBadRequest, "user_blocked")
				}
				to := atTCB(flow.by, name)
				before := len(s.backend.messages(to))
				got := flow.answers(s.browser().at(fmt.Sprintf("192.0.2.%d", i+1)), name)
				if i == 0 {
					want = got
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s differs (-known +this):\n%.3000s", kind, diff)
				}
				wanted := 2
				if kind == withheld || kind == unknown && !flow.toAnybody() {
					wanted = 0
				}
				if sent := len(s.backend.messages(to)) - before; sent != wanted {
					t.Errorf("%s: %d codes were sent, want %d", kind, sent, wanted)
				}
			}
		})
	}
}

// answers are those to every step before a right code.
func (f codeFlow) answers(b *browser, name string) (got []answer) {
	b.t.Helper()
	clock := b.s.clock
	add := func(step string, p *page) *page {
		got = append(got, answer{step, p.status, visible(p), masked(p, name)})
		return p
	}
	first := f.open(b)
	sent := add("send", b.post(first, typedName(f.by, name)))
	code := add("sent", b.follow(sent))
	add("back, and send", b.post(first, typedName(f.by, name)))
	add("resend, too early", b.press(code, "action=resend", nil))
	for range 6 { // the last is one too many
		add("wrong code", b.submit(code, fields{"verification_code": "000000"}))
		clock.advance(repeatLife)
	}
	again := add("resend", b.pressOnly(code, "action=resend", nil))
	code = add("sent again", b.follow(again))
	add("wrong code of another", b.submit(code, fields{"verification_code": "000000"}))
	add("change", b.press(code, "action=change", nil))
	add("language", b.press(code, "lang=zh-CN", nil))
	clock.advance(time.Hour)
	return got
}

// TestPasswordTellsNothing: who has no account, no password or no access hears exactly what who
// mistyped hears, with the first try and with all after it, whatever they are named by.
func TestPasswordTellsNothing(t *testing.T) {
	t.Parallel()
	for _, by := range []string{byName, byEmail, byPhone} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.backend.captcha("never")
			names := map[string]string{}
			for _, kind := range kinds {
				names[kind] = s.accounts(kind, by, 1)[0]
			}
			names["blocked, wrong password"] = names[blocked]
			s.backend.lock(atTCB(by, names[locked])) // the others took their time
			var want []answer
			for i, kind := range append(slices.Clone(kinds), "blocked, wrong password") {
				b := s.browser().at(fmt.Sprintf("192.0.2.%d", i+1))
				if i == len(kinds) {
					b.s.clock.advance(25 * time.Hour)
				}
				p := b.open("/sign-in")
				var got []answer
				for range 5 { // the fifth meets our own limit
					p = b.submit(p, fields{"username": names[kind], "password": passwordFor(kind)})
					got = append(got, answer{"password", p.status, visible(p), masked(p, names[kind])})
				}
				if want == nil {
					want = got
				} else if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s differs from a wrong password (-wrong +this):\n%.3000s", kind, diff)
				}
			}
			for i, a := range want {
				if status := map[bool]int{false: 422, true: 429}[i == 4]; a.Status != status {
					t.Errorf("try %d: status %d, want %d", i+1, a.Status, status)
				}
			}
		})
	}
}
