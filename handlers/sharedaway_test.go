package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tcb-login/limit/redistest"
	"tcb-login/limit/shared"
)

// soon is how long an instance waits for a Redis that may be away.
const soon = 200 * time.Millisecond

// grown gives Redis an epoch of long ago, as if it had been there for years.
func (c *cluster) grown() {
	c.t.Helper()
	for _, key := range c.redis.Keys(c.t) {
		if strings.HasPrefix(key, "tcb-login:epoch:") {
			c.redis.Do(c.t, "SET", key, "grown:1000000")
		}
	}
}

// an outage test has a login with a step-up, and a code under way, both from before.
type beforeOutage struct {
	c            *cluster
	one, other   *site
	store        *shared.Store // of one
	in           *browser
	login        completion
	underWay     *browser
	code         *page
	thief, spare *browser
}

func newOutage(t *testing.T) *beforeOutage {
	t.Helper()
	o := &beforeOutage{c: newCluster(t)}
	o.one, o.store = o.c.instance(soon)
	o.other, _ = o.c.instance(soon)
	o.c.grown()
	o.one.backend.captcha("never")
	o.in, o.login = o.one.signedIn(t)
	o.in.stepUp("/account/verify", demoPassword).want(http.StatusOK, "account")
	o.in.open("/account/password").want(http.StatusOK, "account-password")
	o.thief = o.in.copy()
	o.spare, _ = o.one.signedIn(t)
	o.underWay = o.one.browser()
	o.code = o.underWay.submit(o.underWay.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	o.one.clock.advance(5 * time.Minute)
	for _, s := range []*site{o.one, o.other} { // the last good round trip
		b := s.browser()
		b.open("/sign-in")
		b.submit(b.open("/sign-in"), fields{"username": ""}).want(http.StatusUnprocessableEntity, "sign-in")
	}
	o.c.awaitBack()
	return o
}

// handOverAgain brings the app's login back, without the step-up.
func (o *beforeOutage) handOverAgain(t *testing.T, b *browser) {
	t.Helper()
	p := b.open("/account").want(http.StatusOK, "hand-off")
	status, out := b.handOver(p, map[string]string{"access_token": o.login.Credentials.AccessToken}, nil)
	if status != http.StatusOK {
		t.Fatalf("hand-off: %d %+v", status, out)
	}
	b.open("/account").want(http.StatusOK, "account")
	b.open("/account/password").want(http.StatusOK, "step-up-password")
}

// TestSharedAway: without Redis pages answer in time; forms, tokens and steps under way go on, and
// so do limits. A login from before is handed over once more and its step-up asked again. Who signs
// out is out here at once, and everywhere when Redis is back, which nobody has to see to.
func TestSharedAway(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*redistest.Server){"hangs": (*redistest.Server).Hang, "gone": (*redistest.Server).Cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(t)
			leave(o.c.redis)
			began := time.Now()
			o.underWay.submit(o.code, fields{"verification_code": o.one.backend.code(demoEmail)}).completed()
			o.handOverAgain(t, o.in)
			b := o.one.browser()
			b.submit(b.open("/sign-in"), fields{"username": "demo", "password": demoPassword}).completed()
			b.open("/account").want(http.StatusOK, "account") // it has begun since
			wrong := o.one.browser().at("203.0.113.77")
			for i := range 5 {
				p := wrong.submit(wrong.open("/sign-in"), fields{"username": "nobody", "password": "Wrong-pass-" + string(rune('1'+i))})
				if limited := p.status == http.StatusTooManyRequests; limited != (i == 4) {
					t.Errorf("try %d: %d", i, p.status)
				}
			}
			if took := time.Since(began); took > 20*time.Second { // of some 25 requests on a busy machine
				t.Errorf("all of it took %v", took)
			}
			out := o.in.copy()
			o.in.submit(o.in.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			out.copy().open("/account").want(http.StatusOK, "hand-off")
			if s := o.store.State(); !s.Away || s.Queued == 0 {
				t.Errorf("%+v", s)
			}
			o.c.redis.Resume()
			o.c.awaitBack()
			out.copy().on(t, o.other).open("/account").want(http.StatusOK, "hand-off")
			b.on(t, o.other).open("/account").want(http.StatusOK, "account")
		})
	}
}

// TestSharedBack: what was not touched in an outage is as it was before.
func TestSharedBack(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.c.redis.Cut()
	o.thief.copy().open("/account").want(http.StatusOK, "hand-off")
	// Who wants out gets out, at TCB too.
	ended := o.one.backend.count("/v1/user/signout")
	b := o.thief.copy()
	p := b.open("/sign-out")
	o.c.redis.Resume()
	o.c.awaitBack()
	o.in.open("/account/password").want(http.StatusOK, "account-password")
	o.c.redis.Cut()
	b.submit(p, nil).want(http.StatusOK, "interstitial")
	if o.one.backend.count("/v1/user/signout") == ended {
		t.Error("signing out without Redis has not ended the login at TCB")
	}
}

// TestSharedStartedWithout: an instance that starts without Redis serves, and takes no login of
// before.
func TestSharedStartedWithout(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.c.redis.Cut()
	late, _ := o.c.instance(soon)
	b := o.thief.copy().on(t, late)
	b.open("/sign-in").want(http.StatusOK, "sign-in")
	o.underWay.on(t, late).submit(o.code, fields{"verification_code": o.one.backend.code(demoEmail)}).completed()
	o.one.clock.advance(time.Second)
	o.handOverAgain(t, b)
	o.c.redis.Resume()
	o.c.awaitBack()
	o.spare.on(t, late).open("/account").want(http.StatusOK, "account")
}

// TestSharedForgotten: a Redis that was emptied without being away does not know who signed out.
func TestSharedForgotten(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(t *testing.T, r *redistest.Server){
		"flushed":   func(t *testing.T, r *redistest.Server) { r.Do(t, "FLUSHALL") },
		"restarted": func(t *testing.T, r *redistest.Server) { r.Restart(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(t)
			out := o.in.copy()
			there := o.in.on(t, o.other)
			out.copy().open("/account").want(http.StatusOK, "account")
			gone, _ := o.other.signedIn(t)
			stolen := gone.copy()
			gone.submit(gone.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
			o.one.clock.advance(time.Second)
			forget(t, o.c.redis)
			stolen.on(t, o.one).open("/account").want(http.StatusOK, "hand-off")
			o.c.awaitBack()
			o.underWay.submit(o.code, fields{"verification_code": o.one.backend.code(demoEmail)}).completed()
			o.handOverAgain(t, there)
			there.on(t, o.one).open("/account").want(http.StatusOK, "account")
		})
	}
}
