//go:build !race

package handlers

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"tcb-login/config/settings"
)

// What an attacker gets in an hour is counted here: they try from every network that they have for
// as long as anything gets through, before pages with the real limits and a clock that the test
// moves. What gets through is what reaches TCB, whose own limits come on top and are left out.
// docs/operate.md has the figures, and this test compares. They are numbers here too, and not those
// of the rules: who raises one there is to see what it comes to.
//
// The race detector would make minutes of it: `make unit` runs it without, beside the times.

// A vantage is what networks an attacker has.
type vantage struct {
	networks int
	at       func(i int) string
}

// vantages are the columns of the table: addresses of one network; networks with nothing in common;
// and those of a /56 and of a /48. In the latter they are far apart, and share no more than it.
var vantages = [4]vantage{
	{1000, func(i int) string { return fmt.Sprintf("2001:db8:7:1::%x", i+1) }},
	{1000, func(i int) string { return fmt.Sprintf("198.18.%d.%d", i/250, i%250+1) }},
	{256, func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i) }},
	{1000, func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i*64) }},
}

// An attackRow is a row of the table.
type attackRow struct {
	against string
	per     time.Duration
	every   time.Duration // between two rounds of tries
	solves  bool          // a captcha for each
	bounds  [4]bound      // from each vantage
	begin   func(m *mounted) try
}

// A try from a network says how much gets through, and whether more may.
type try func(b *browser) (through int, more bool)

// A bound is what gets through, and no more.
type bound struct {
	most int
	each bool // networks have nothing in common: two of them try, and the figure is for one
}

// mounted is an attack under way.
type mounted struct {
	*site
	attackRow
	b    *browser
	n    int // of tries
	most int // beyond which nothing may hold them up
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
	networks := v.networks
	m.most = want.most
	if want.each {
		networks = min(networks, 2)
		m.most *= networks
	}
	try := a.begin(m)
	through, next := 0, 0
	round := func() {
		for idle := 0; idle < min(patience, networks) && through <= m.most; {
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

// attacks are the rows of the table.
func attacks() []attackRow {
	const hour, day = time.Hour, 24 * time.Hour
	const minute, twoMinutes, tenMinutes = time.Minute, 2 * time.Minute, 10 * time.Minute
	demoMail, demoNumber := fields{"email": demoEmail}, someNumber(1)
	all := func(n int) [4]bound { return [4]bound{{n, false}, {n, false}, {n, false}, {n, false}} }
	mine := func(one, all int) [4]bound { return [4]bound{{one, false}, {all, false}, {all, false}, {all, false}} }
	each := func(n int) [4]bound { return [4]bound{{n, false}, {n, true}, {n, true}, {n, true}} }
	// What a /56 and a /48 have, and what is of the whole environment, is a bucket: full at first,
	// and filled once more within the hour.
	wide := func(one, in56, in48 int) [4]bound {
		return [4]bound{{one, false}, {one, true}, {in56, false}, {in48, false}}
	}
	budget := func(one, all, in56, in48 int) [4]bound {
		return [4]bound{{one, false}, {all, false}, {in56, false}, {in48, false}}
	}
	return []attackRow{
		{"passwords of one person", hour, tenMinutes, false, all(4), passwords},
		{"passwords of one person, each with a captcha", hour, tenMinutes, true, each(24), passwords},
		{"passwords of anybody", hour, tenMinutes, false, wide(50, 399, 1599), anybody("/sign-in", "/v1/signin", someName)},
		{"passwords in a login that was left open", hour, tenMinutes, false, all(10), stepUps},
		{"passwords in a login of the app's", hour, tenMinutes, false, all(20), handedOver},
		{"codes by SMS to one person", hour, twoMinutes, false, mine(15, 30), codes("/sign-in/sms", demoNumber)},
		{"codes by SMS to one person, each sent with a captcha", hour, minute, true, all(300), codes("/sign-in/sms", demoNumber)},
		{"codes by email to one person", hour, twoMinutes, false, mine(25, 100), codes("/sign-in/email", demoMail)},
		{"codes of a reset, by email to one person", hour, twoMinutes, false, mine(25, 100), codes("/reset-password", demoMail)},
		{"codes by SMS besides a password that is known", hour, twoMinutes, false, mine(15, 30), factors},
		{"codes by SMS in a login that was left open", hour, twoMinutes, false, mine(15, 30), stepUpCodes},
		{"codes of devices that wait", hour, tenMinutes, false, each(30), devices},
		{"text messages to one number", hour, twoMinutes, false, mine(3, 6), sends("/sign-in/sms", demoNumber)},
		{"text messages to one number", day, hour, false, mine(5, 6), sends("/sign-in/sms", demoNumber)},
		{"text messages to one number, each with a captcha", hour, minute, true, all(60), sends("/sign-in/sms", demoNumber)},
		{"text messages to anybody", hour, tenMinutes, false, budget(30, 1999, 239, 959), anybody("/sign-in/sms", "/v1/verification", someNumber)},
		{"text messages to anybody abroad, in a country of the login config", hour, tenMinutes, false, budget(30, 99, 99, 99), abroad},
		{"emails to one address", hour, twoMinutes, false, mine(5, 20), sends("/sign-in/email", demoMail)},
		{"emails to one address", day, hour, false, mine(15, 20), sends("/sign-in/email", demoMail)},
		{"emails to anybody", hour, tenMinutes, false, wide(30, 239, 959), anybody("/sign-in/email", "/v1/verification", someAddress)},
		{"usernames that are taken, at sign-up", hour, twoMinutes, false, each(39), newUsernames},
		{"usernames that are taken, in the portal", hour, twoMinutes, false, each(39), otherUsernames},
		{"wrong captchas", hour, twoMinutes, false, each(149), pictures},
	}
}

// TestAttackPerHour prints what gets through, and compares it with the bounds and with the docs.
func TestAttackPerHour(t *testing.T) {
	rows := attacks()
	got := make([][len(vantages)]int, len(rows))
	t.Run("attacks", func(t *testing.T) {
		for i, a := range rows {
			for j, v := range vantages {
				want := a.bounds[j]
				t.Run(fmt.Sprintf("%s in %v, %d", a.against, a.per, j), func(t *testing.T) {
					t.Parallel()
					got[i][j] = a.mount(t, v, want)
					if got[i][j] != want.most {
						t.Errorf("%d get through, want %d", got[i][j], want.most)
					}
				})
			}
		}
	})
	table := []string{"| against | in | 1 address or /64 | 1,000 networks | an IPv6 /56 | an IPv6 /48 |", "| --- | --- | --- | --- | --- | --- |"}
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
