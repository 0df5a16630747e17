//go:build !race

package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tcb-login/config/loginpage"
)

// The attacks of attack_test.go, one by one.

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
		case "/auth/v1/user/sudo":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_password","error_code":3,"error_description":"wrong"}`)
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
	for through <= m.most {
		got, _ := m.reached("/v1/verification/verify", func() {
			m.post(b, p, fields{"verification_code": fmt.Sprintf("%06d", m.n)})
		})
		if through += got; got == 0 {
			break
		}
	}
	return through, through > 0
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

// both has a login of somebody with a phone number.
func (m *mounted) both() {
	m.backend.register(bothEmail, "both", bothPassword)
	m.backend.bind("both", bothPassword, bothPhone)
	m.post(m.b, m.b.open("/sign-in"), fields{"username": "both", "password": bothPassword}).completed()
}

// stepUps has somebody's login, and guesses at the password.
func stepUps(m *mounted) try {
	m.post(m.b, m.b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
	m.unlimited()
	return m.stepUp
}

func (m *mounted) stepUp(b *browser) (through int, more bool) {
	p := b.open("/account/verify")
	if p.name() != "step-up-password" {
		return 0, false
	}
	return m.reached("/v1/user/sudo", func() { m.post(b, p, fields{"password": fmt.Sprintf("Wrong-pass-%d", m.n)}) })
}

// handedOver has somebody's login in the app, and brings it anew for each guess at the password:
// refreshed, and by a browser that has never been here.
func handedOver(m *mounted) try {
	login := m.post(m.b, m.b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed().Credentials
	m.unlimited()
	return func(b *browser) (int, bool) {
		b = b.copy()
		b.forget()
		status, out := b.handOver(b.open("/account"), map[string]string{"access_token": login.AccessToken, "refresh_token": login.RefreshToken}, nil)
		if status != http.StatusOK {
			m.t.Errorf("bringing the login: status %d, %s", status, out.Error)
			return 0, false
		}
		if out.Credentials != nil {
			login.AccessToken, login.RefreshToken = out.Credentials.AccessToken, out.Credentials.RefreshToken
		}
		return m.stepUp(b)
	}
}

// stepUpCodes has somebody's login, and guesses at the codes that they get.
func stepUpCodes(m *mounted) try {
	m.both()
	m.unlimited()
	first := m.b.open("/account/verify")
	return func(b *browser) (int, bool) { return m.guessCode(b, m.post(b, first, nil)) }
}

// again gives a page that is made anew when it has been there for so long.
func (m *mounted) again(life time.Duration, make func() *page) func() *page {
	p, since := make(), m.clock.Now()
	return func() *page {
		if m.clock.Now().Sub(since) >= life-time.Minute {
			p, since = make(), m.clock.Now()
		}
		return p
	}
}

// devices has a login of their own, and guesses at codes of devices that wait.
func devices(m *mounted) try {
	first := m.again(sudoLife, func() *page {
		m.post(m.b, m.b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		return m.b.open(devicePath)
	})
	return func(b *browser) (int, bool) {
		p := first()
		return m.reached("/v1/user/device/authorize", func() {
			m.post(b, p, fields{"user_code": fmt.Sprintf("WDJB-%s", letters(m.n))})
		})
	}
}

// newUsernames are about to sign up, and ask for one that somebody has.
func newUsernames(m *mounted) try {
	last := m.again(10*time.Minute, func() *page { // a right code's life
		m.n++
		to := fmt.Sprintf("new%d@example.com", m.n)
		p := m.post(m.b, m.b.open("/sign-up", "via=email"), fields{"email": to})
		return m.post(m.b, p, fields{"verification_code": m.backend.code(to)})
	})
	return func(b *browser) (int, bool) {
		p := last()
		return m.reached("/v1/checkIfUserExist", func() {
			m.post(b, p, fields{"username": "demo", "name": "New", "password": "Quiet-river-7"})
		})
	}
}

// otherUsernames have a login of their own, and ask for another's username.
func otherUsernames(m *mounted) try {
	m.otherPerson()
	first := m.again(sudoLife, func() *page {
		m.post(m.b, m.b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
		return m.b.stepUp("/account/username", demoPassword)
	})
	return func(b *browser) (int, bool) {
		p := first()
		return m.reached("/v1/user/profile", func() { m.post(b, p, fields{"username": "hanmeimei"}) })
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
