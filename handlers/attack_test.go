//go:build !race

package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers/limits"
)

// What an attacker gets in an hour is counted here: they try from every network that they have for
// as long as anything gets through, before pages with the real limits and a clock that the test
// moves. What gets through is what reaches TCB, whose own limits come on top and are left out.
// docs/operate.md has the figures, and this test compares.
//
// The race detector would make minutes of it: `make unit` runs it without, beside the times.

// A vantage is what networks an attacker has.
type vantage struct {
	networks int
	at       func(i int) string
}

// vantages are the columns of the table. Of a /48 the attacker takes networks far apart, which
// share no more than it.
var vantages = [3]vantage{
	{1, func(int) string { return "203.0.113.9" }},
	{1000, func(i int) string { return fmt.Sprintf("198.18.%d.%d", i/250, i%250+1) }},
	{1000, func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i*64) }},
}

// An attackRow is a row of the table.
type attackRow struct {
	against string
	per     time.Duration
	every   time.Duration // between two rounds of tries
	solves  bool          // a captcha for each
	bounds  [3]bound      // from each vantage
	begin   func(m *mounted) try
}

// A try from a network says how much gets through, and whether more may.
type try func(b *browser) (through int, more bool)

// A bound is what settings and rules let through.
type bound struct {
	most int
	each bool // networks have nothing in common: two of them try, and the figure is for one
}

// mounted is an attack under way.
type mounted struct {
	*site
	attackRow
	b *browser
	n int // of tries
}

// patience is from how many networks in a row nothing gets through before an attacker waits.
const patience = 2

// mount gives how much gets through, up to a little more than may.
func (a attackRow) mount(t *testing.T, v vantage, want bound) int {
	s := newSite(t, registers(true), func(c *siteConfig) {
		c.settings.Environments[0].Limits, c.timeless = settings.DefaultLimits, true
	})
	s.backend.captcha("never")
	m := &mounted{site: s, attackRow: a, b: s.browser()}
	m.b.strict = false
	try := a.begin(m)
	networks, most := v.networks, want.most // beyond which nothing may hold them up
	if want.each {
		networks = min(networks, 2)
		most *= networks
	}
	through, next := 0, 0
	round := func() {
		for idle := 0; idle < min(patience, networks) && through <= most; {
			got, more := try(m.b.at(v.at(next)))
			if through += got; got > 0 {
				idle = 0
			}
			if !more {
				idle++
				next = (next + 1) % networks
			}
		}
	}
	for range a.per / a.every {
		round()
		s.clock.advance(a.every)
	}
	s.clock.advance(-time.Second) // what a bucket has gained since
	round()
	if want.each {
		through = (through + networks - 1) / networks
	}
	return through
}

// post sends a form from a network, and solves a captcha where the attack does.
func (m *mounted) post(b *browser, p *page, typed fields) *page {
	m.n++
	got := b.follow(b.do(http.MethodPost, p.action(), alone(p.filled(typed)), nil))
	if got.picture() != "" && m.solves {
		got = b.solve(got)
	}
	return got
}

// reached is how many calls to a path there were during do.
func (m *mounted) reached(path string, do func()) (through int, more bool) {
	before := m.backend.count(path)
	do()
	through = m.backend.count(path) - before
	return through, through > 0
}

// unlimited makes TCB send every code and find each wrong: its own limits are none of ours. Where no
// captcha is solved, one picture does for all.
func (m *mounted) unlimited() {
	var sent atomic.Int64
	picture := sync.OnceValue(func() []byte {
		rec := httptest.NewRecorder()
		body := strings.NewReader(`{}`)
		m.backend.em.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/auth/v1/captcha/data?client_id=demo", body))
		return rec.Body.Bytes()
	})
	m.backend.answer("", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/auth/v1/verification":
			fmt.Fprintf(w, `{"verification_id":"%043d","expires_in":600,"is_user":true}`, sent.Add(1))
		case "/auth/v1/verification/verify":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_argument","error_code":3,"error_description":"wrong"}`)
		case "/auth/v1/signin":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"not_found","error_code":5,"error_description":"nobody"}`)
		case "/auth/v1/captcha/data":
			if !m.solves {
				_, _ = w.Write(picture())
				return
			}
			m.backend.em.ServeHTTP(w, r)
		default:
			m.backend.em.ServeHTTP(w, r)
		}
	})
}

// passwords guesses at somebody's.
func passwords(m *mounted) try {
	m.unlimited()
	first := m.b.open("/sign-in")
	return func(b *browser) (int, bool) {
		return m.reached("/v1/signin", func() {
			m.post(b, first, fields{"username": "demo", "password": "Wrong-pass-1"})
		})
	}
}

// sends has codes sent to somebody.
func sends(path string, typed fields) func(m *mounted) try {
	return func(m *mounted) try {
		m.unlimited()
		first := m.b.open(path)
		return func(b *browser) (int, bool) {
			return m.reached("/v1/verification", func() { m.post(b, first, typed) })
		}
	}
}

// anybody tries at one after another, many at once: what a page answers waits for its floor.
func anybody(path, call string, typed func(n int) fields) func(m *mounted) try {
	const atOnce = 20 // fewer than a network has places for
	return func(m *mounted) try {
		m.unlimited()
		first := m.b.open(path)
		return func(b *browser) (int, bool) {
			through, _ := m.reached(call, func() {
				var all []func(*browser) error
				for range atOnce {
					m.n++
					form := alone(first.filled(typed(m.n)))
					all = append(all, func(*browser) error {
						_, err := b.try(http.MethodPost, first.action(), form, nil)
						return err
					})
				}
				m.atOnce(b, all)
			})
			return through, through == atOnce
		}
	}
}

// codes has codes sent and guesses at each.
func codes(path string, typed fields) func(m *mounted) try {
	return func(m *mounted) try {
		m.unlimited()
		first := m.b.open(path, viaOf(typed))
		return func(b *browser) (int, bool) { return m.guessCode(b, m.post(b, first, typed)) }
	}
}

// abroad sends text messages to Britain, from a page that is for people there too.
func abroad(m *mounted) try {
	m.cfg.LoginPages.Find(loginpage.Key{Env: "demo", Version: loginpage.EnvVersion}).Countries.Allowed = []string{"CN", "GB"}
	return anybody("/sign-in/sms", "/v1/verification", func(n int) fields {
		return fields{"phone_country": "GB", "phone_number": fmt.Sprintf("7400%06d", n)}
	})(m)
}

// guessCode types codes into the page that asks for one, until none gets through.
func (m *mounted) guessCode(b *browser, p *page) (through int, more bool) {
	if !strings.HasSuffix(p.name(), "-code") || p.status != http.StatusOK {
		return 0, false
	}
	for {
		got, _ := m.reached("/v1/verification/verify", func() {
			m.post(b, p, fields{"verification_code": fmt.Sprintf("%06d", m.n)})
		})
		if through += got; got == 0 {
			return through, through > 0
		}
	}
}

func viaOf(typed fields) string {
	if typed["email"] != "" {
		return "via=email"
	}
	return "via=phone"
}

// factors has the password of somebody, and guesses at the code besides.
func factors(m *mounted) try {
	m.backend.register(bothEmail, "both", bothPassword)
	m.backend.bind("both", bothPassword, bothPhone)
	m.backend.wantFactor()
	m.backend.login(map[string]any{"SmsVerificationConfig": map[string]int{"SmsDayLimit": -1}})
	signIn := m.b.open("/sign-in")
	var half *page
	return func(b *browser) (int, bool) {
		if half != nil {
			if p := m.post(b, half, nil); p.name() != "sign-in" {
				return m.guessCode(b, p)
			}
		}
		if half = m.post(b, signIn, fields{"username": "both", "password": bothPassword}); half.name() != "second-factor" {
			half = nil
			return 0, false
		}
		return m.guessCode(b, m.post(b, half, nil))
	}
}

// stepUps has somebody's login, and guesses at the password.
func stepUps(m *mounted) try {
	m.post(m.b, m.b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	return func(b *browser) (int, bool) {
		p := b.open("/account/verify")
		if p.name() != "step-up-password" {
			return 0, false
		}
		return m.reached("/v1/user/sudo", func() { m.post(b, p, fields{"password": fmt.Sprintf("Wrong-pass-%d", m.n)}) })
	}
}

// devices has a login of their own, and guesses at codes of devices that wait.
func devices(m *mounted) try {
	signIn := func() *page {
		m.post(m.b, m.b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		return m.b.open(devicePath)
	}
	first := signIn()
	since := m.clock.Now()
	return func(b *browser) (int, bool) {
		if m.clock.Now().Sub(since) >= sudoLife-time.Minute {
			first, since = signIn(), m.clock.Now()
		}
		return m.reached("/v1/user/device/authorize", func() {
			m.post(b, first, fields{"user_code": fmt.Sprintf("WDJB-%s", letters(m.n))})
		})
	}
}

// letters are four of those that a device's code is made of.
func letters(n int) string {
	const of = "BCDFGHJKLMNPQRSTVWXZ"
	var b [4]byte
	for i := range b {
		b[i], n = of[n%len(of)], n/len(of)
	}
	return string(b[:])
}

// pictures guesses at captchas.
func pictures(m *mounted) try {
	m.backend.captcha("always")
	p := m.b.open("/sign-in")
	p = m.post(m.b, p, fields{"username": "demo", "password": "Wrong-pass-1"})
	return func(b *browser) (int, bool) {
		return m.reached("/v1/captcha/data/verify", func() {
			if next := m.post(b, p, fields{"captcha_key": "????"}); next.picture() != "" {
				p = next
			}
		})
	}
}

// Many people.
func someName(n int) fields {
	return fields{"username": fmt.Sprintf("user%d", n), "password": "Wrong-pass-1"}
}

func someAddress(n int) fields { return fields{"email": fmt.Sprintf("user%d@example.com", n)} }

func someNumber(n int) fields {
	return fields{"phone_country": "CN", "phone_number": fmt.Sprintf("139%08d", n)}
}

// attacks are the rows of the table.
func attacks() []attackRow {
	const hour, day = time.Hour, 24 * time.Hour
	const minute, twoMinutes, tenMinutes = time.Minute, 2 * time.Minute, 10 * time.Minute
	demoMail, demoNumber := fields{"email": demoEmail}, someNumber(1)
	set := settings.DefaultLimits
	perHour := func(n int, per time.Duration) int { return n * int(hour/per) }
	code := limits.RuleCode.N
	password := perHour(limits.RulePassword.N, limits.RulePassword.Per)
	paused := perHour(1, limits.RuleSendPause.Per)
	device := perHour(limits.RuleDevice.N, limits.RuleDevice.Per)
	sms, mail := limits.RuleSMSShare.N, limits.RuleEmailShare.N
	person, network, sending := limits.RulePasswordPerson.N, limits.RulePasswordNetwork.N, limits.RuleSendNetwork.N
	all := func(n int) [3]bound { return [3]bound{{n, false}, {n, false}, {n, false}} }
	mine := func(one, all int) [3]bound { return [3]bound{{one, false}, {all, false}, {all, false}} }
	each := func(n int) [3]bound { return [3]bound{{n, false}, {n, true}, {n, true}} }
	// A bucket is full at first, and is filled once more within the hour.
	const bucket = 2
	wide := func(n int) [3]bound { return [3]bound{{n, false}, {n, true}, {16 * n * bucket, false}} }
	return []attackRow{
		{"passwords of one person", hour, tenMinutes, false, all(person), passwords},
		{"passwords of one person, each with a captcha", hour, tenMinutes, true, each(password), passwords},
		{"passwords of anybody", hour, tenMinutes, false, wide(network), anybody("/sign-in", "/v1/signin", someName)},
		{"passwords in a login that was left open", hour, tenMinutes, false, all(limits.RuleStepUp.N), stepUps},
		{"codes by SMS to one person", hour, twoMinutes, false, mine(sms*code, set.SMSPerNumber*code), codes("/sign-in/sms", demoNumber)},
		{"codes by SMS to one person, each sent with a captcha", hour, minute, true, all(paused * code), codes("/sign-in/sms", demoNumber)},
		{"codes by e-mail to one person", hour, twoMinutes, false, mine(mail*code, set.EmailsPerAddress*code), codes("/sign-in/email", demoMail)},
		{"codes of a reset, by e-mail to one person", hour, twoMinutes, false, mine(mail*code, set.EmailsPerAddress*code), codes("/reset-password", demoMail)},
		{"codes by SMS besides a password that is known", hour, twoMinutes, false, mine(sms*code, set.SMSPerNumber*code), factors},
		{"codes of devices that wait", hour, tenMinutes, false, each(device), devices},
		{"text messages to one number", hour, twoMinutes, false, mine(sms, set.SMSPerNumber), sends("/sign-in/sms", demoNumber)},
		{"text messages to one number", day, hour, false, mine(limits.RuleSMSShareDay.N, set.SMSPerNumber), sends("/sign-in/sms", demoNumber)},
		{"text messages to one number, each with a captcha", hour, minute, true, all(paused), sends("/sign-in/sms", demoNumber)},
		{"text messages to anybody", hour, tenMinutes, false, [3]bound{{sending, false}, {set.SMSPerHour * bucket, false}, {16 * sending * bucket, false}}, anybody("/sign-in/sms", "/v1/verification", someNumber)},
		{"text messages to anybody abroad, in a country of the login config", hour, tenMinutes, false, [3]bound{{sending, false}, {set.SMSPerHourAbroad * bucket, false}, {set.SMSPerHourAbroad * bucket, false}}, abroad},
		{"e-mails to one address", hour, twoMinutes, false, mine(mail, set.EmailsPerAddress), sends("/sign-in/email", demoMail)},
		{"e-mails to one address", day, hour, false, mine(limits.RuleEmailShareDay.N, set.EmailsPerAddress), sends("/sign-in/email", demoMail)},
		{"e-mails to anybody", hour, tenMinutes, false, wide(sending), anybody("/sign-in/email", "/v1/verification", someAddress)},
		{"wrong captchas", hour, twoMinutes, false, each(limits.RuleCaptchaWrong.N + limits.RuleCaptchaWrong.Burst), pictures},
	}
}

// TestAttackPerHour prints what gets through, and compares it with the bounds and with the docs.
func TestAttackPerHour(t *testing.T) {
	rows := attacks()
	got := make([][3]int, len(rows))
	t.Run("attacks", func(t *testing.T) {
		for i, a := range rows {
			for j, v := range vantages {
				want := a.bounds[j]
				t.Run(fmt.Sprintf("%s in %v, %d", a.against, a.per, j), func(t *testing.T) {
					t.Parallel()
					got[i][j] = a.mount(t, v, want)
					if got[i][j] > want.most || got[i][j] == 0 {
						t.Errorf("%d get through, want %d at most, and some", got[i][j], want.most)
					}
				})
			}
		}
	})
	table := []string{"| against | in | 1 address | 1,000 networks | an IPv6 /48 |", "| --- | --- | --- | --- | --- |"}
	for i, a := range rows {
		line := fmt.Sprintf("| %s | %s |", a.against, map[time.Duration]string{time.Hour: "hour", 24 * time.Hour: "day"}[a.per])
		for j, n := range got[i] {
			line += fmt.Sprintf(" %d", n)
			if a.bounds[j].each {
				line += " each"
			}
			line += " |"
		}
		table = append(table, line)
	}
	text := strings.Join(table, "\n")
	t.Logf("what gets through:\n%s", text)
	docs, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(docs), text+"\n\n") {
		t.Error("docs/operate.md has other figures than the table above")
	}
}
