package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tcb-login/limit/redistest"
	"tcb-login/limit/shared"
)

// Several instances of the pages, with one Redis, one emulator and one clock. Redis' clock is its
// own, and does not stand still.

// storeKey is long enough, and no secret.
var storeKey = []byte("the store's key in handlers' tests")

// patient is how long an instance waits for a Redis that is there.
const patient = 20 * time.Second

// A cluster is what instances have in common.
type cluster struct {
	t     *testing.T
	redis *redistest.Server
	first *site
	all   []*shared.Store
}

func newCluster(t *testing.T) *cluster { return &cluster{t: t, redis: redistest.Start(t)} }

// instance is one more site.
func (c *cluster) instance(deadline time.Duration, change ...func(*siteConfig)) (*site, *shared.Store) {
	c.t.Helper()
	var store *shared.Store
	s := newSite(c.t, append([]func(*siteConfig){func(sc *siteConfig) {
		if c.first != nil {
			sc.backend, sc.clock = c.first.backend, c.first.clock
		}
		var err error
		store, err = shared.Open(c.t.Context(), shared.Config{
			URL: c.redis.URL(), Key: storeKey, Logger: slog.New(slog.DiscardHandler), Now: sc.clock.Now, Deadline: deadline,
		})
		if err != nil {
			c.t.Fatal(err)
		}
		sc.deny, sc.counter, sc.outcomes, sc.values = store, store, store, store
	}}, change...)...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { store.Run(ctx); close(done) }()
	c.t.Cleanup(func() { cancel(); <-done })
	if c.first == nil {
		c.first = s
	}
	c.all = append(c.all, store)
	return s, store
}

// two are two instances with a Redis that works.
func two(t *testing.T, change ...func(*siteConfig)) (c *cluster, one, other *site) {
	t.Helper()
	c = newCluster(t)
	one, _ = c.instance(patient, change...)
	other, _ = c.instance(patient, change...)
	return c, one, other
}

// awaitBack waits until no instance is without Redis.
func (c *cluster) awaitBack() {
	c.t.Helper()
	c.redis.Await(c.t, func() bool {
		for _, store := range c.all {
			if s := store.State(); s.Away || s.Queued > 0 {
				return false
			}
		}
		return true
	})
}

// asked is how often Redis has been asked whether an id is denied.
func (c *cluster) asked() int {
	c.t.Helper()
	_, after, _ := strings.Cut(c.redis.Do(c.t, "INFO", "commandstats").(string), "cmdstat_exists:calls=")
	n, _, _ := strings.Cut(after, ",")
	calls, _ := strconv.Atoi(n)
	return calls
}

// TestSharedSignOut: who signs out at one instance is out at all, whichever key their cookie is
// sealed with.
func TestSharedSignOut(t *testing.T) {
	t.Parallel()
	c, one, other := two(t)
	b, _ := one.signedIn(t)
	b.on(t, other).open("/account").want(http.StatusOK, "account")
	thief := b.copy()
	there := b.on(t, other)
	there.submit(there.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	rotated, _ := c.instance(patient, func(sc *siteConfig) {
		sc.keys = [][]byte{[]byte("another key of sessions, for later"), sessionKey}
	})
	for name, s := range map[string]*site{"the first": one, "the second": other, "one with other keys": rotated} {
		thief.copy().on(t, s).open("/account").want(http.StatusOK, "hand-off")
		if p := thief.copy().on(t, s).open("/sign-in"); p.status != http.StatusOK || p.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a form is %d, with the cookie %q", name, p.status, p.header.Get("Set-Cookie"))
		}
	}
}

// TestSharedReplaced: an id that a step-up has replaced at one instance is good at none, though TCB
// still takes the token of its login.
func TestSharedReplaced(t *testing.T) {
	t.Parallel()
	c, one, other := two(t)
	b, _ := one.signedIn(t)
	thief := b.copy()
	b.on(t, other).stepUp("/account/verify", demoPassword).want(http.StatusOK, "account")
	rotated, _ := c.instance(patient, func(sc *siteConfig) {
		sc.keys = [][]byte{[]byte("another key of sessions, for later"), sessionKey}
	})
	for _, s := range []*site{one, other, rotated} {
		b.on(t, s).open("/account").want(http.StatusOK, "account")
		thief.copy().on(t, s).open("/account").want(http.StatusOK, "hand-off")
	}
}

// TestSharedLimits: tries and sends count together.
func TestSharedLimits(t *testing.T) {
	t.Parallel()
	_, one, other := two(t)
	one.backend.captcha("never")
	b := one.browser()
	for i := range 6 {
		at := b.on(t, []*site{one, other}[i%2])
		p := at.submit(at.open("/sign-in"), fields{"username": "demo", "password": fmt.Sprintf("Wrong-pass-%d", i)})
		if want := map[bool]int{true: http.StatusUnprocessableEntity, false: http.StatusTooManyRequests}[i < 4]; p.status != want {
			t.Errorf("try %d: %d, want %d", i, p.status, want)
		}
	}
	b = one.browser()
	b.submit(b.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	b = other.browser()
	b.submit(b.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusTooManyRequests, "sign-in-email", "error.send_wait")
}

// TestSharedPicture: a picture is solved once, wherever.
func TestSharedPicture(t *testing.T) {
	t.Parallel()
	_, one, other := two(t)
	one.backend.captcha("always")
	b := one.browser()
	asked := b.submit(b.open("/sign-in"), fields{"username": "demo", "password": "Wrong-pass-1"}).want(http.StatusUnprocessableEntity, "sign-in", "captcha.ask")
	key := one.backend.key()
	b.submit(asked, fields{"captcha_key": key}).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
	verified := one.backend.count("/v1/captcha/data/verify")
	b.on(t, other).submit(asked, fields{"captcha_key": key}).want(http.StatusUnprocessableEntity, "sign-in", "error.captcha_wrong")
	if one.backend.count("/v1/captcha/data/verify") != verified {
		t.Error("TCB was asked about a picture that is used")
	}
}

// TestSharedStates: a way out and back is good for one way back, at whichever instance.
func TestSharedStates(t *testing.T) {
	t.Parallel()
	t.Run("provider", func(t *testing.T) {
		t.Parallel()
		_, one, other := two(t, withProvider)
		b := one.browser()
		p := b.get(b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")).want(http.StatusOK, "provider-return")
		copied := b.copy().on(t, other)
		// Nobody is signed in by it, so that the session goes on and the state alone stands in the way.
		one.backend.refuse("/v1/signin/with/provider", http.StatusServiceUnavailable, "unavailable")
		b.on(t, other).lax().submit(p, nil)
		one.backend.answer("", nil)
		granted := one.backend.count("/v1/provider/token")
		if granted != 1 {
			t.Fatalf("the code was offered to TCB %d times", granted)
		}
		for _, s := range []*site{one, other} {
			again := p.filled(nil)
			again.Set("more", s.addr) // no double click
			copied.copy().on(t, s).do(http.MethodPost, p.action(), again, nil).want(http.StatusBadRequest, "error", "provider.lost")
		}
		if one.backend.count("/v1/provider/token") != granted {
			t.Error("the code was offered to TCB a second time")
		}
	})
	t.Run("captcha page", func(t *testing.T) {
		t.Parallel()
		_, one, other := two(t, withCaptchaPage)
		one.backend.captcha("always")
		b := one.browser()
		shown := b.get(b.atCaptchaPage(b.submit(b.open("/sign-in/email"), fields{"email": "x@example.com"}), "solve")).want(http.StatusOK, "captcha-return")
		thief := b.copy()
		b.on(t, other).submit(shown, nil).want(http.StatusOK, "sign-in-email-code")
		again := shown.filled(nil)
		again.Set("more", "x")
		thief.do(http.MethodPost, shown.action(), again, nil).want(http.StatusUnprocessableEntity, "sign-in-email", "captcha.over")
	})
}

// TestSharedLostRequest: who comes back to another instance, without cookies, begins again where they
// left; and nobody finds anything there once they have come back.
func TestSharedLostRequest(t *testing.T) {
	t.Parallel()
	c, one, other := two(t, withProvider)
	b := one.browser()
	back := b.consent(b.toProvider(b.open("/sign-in"), "demo"), "allow", "p-1", "")
	lost := other.browser()
	p := lost.get(back).want(http.StatusOK, "sign-in", "provider.again")
	if done := lost.submit(p, fields{"username": "demo", "password": demoPassword}).completed(); done.RedirectURI != appPage {
		t.Errorf("signing in leads to %s, want %s", done.RedirectURI, appPage)
	}
	for _, key := range c.redis.Keys(t) {
		if strings.Contains(key, ":value:") {
			if left := c.redis.Do(t, "PTTL", key).(int64); left <= 0 || left > tripLife.Milliseconds() {
				t.Errorf("a login request is found for %d ms", left)
			}
			if held := c.redis.Do(t, "GET", key).(string); strings.Contains(held, "env_id") {
				t.Error("Redis holds a login request that can be read")
			}
		}
	}
	b.submit(b.get(back), nil).completed()
	other.browser().get(back).want(http.StatusBadRequest, "error", "provider.lost")
}

// TestSharedTwice: a form that is posted again to another instance comes to the same there, and TCB
// is asked once. What Redis keeps of it cannot be read.
func TestSharedTwice(t *testing.T) {
	t.Parallel()
	for _, form := range twiceForms() {
		switch form.name {
		case "password", "code by SMS", "step-up by password", "sign-out", "back from a provider", "profile":
		default: // the others are alike
			continue
		}
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			one, _ := c.instance(patient, twiceChanges)
			other, _ := c.instance(patient, twiceChanges)
			one.backend.captcha("never")
			one.backend.register(knownPhone, "phoned", "Phone-pass-1")
			b := one.browser().on(t, one)
			action, values := form.reach(one, b)
			onDevice(values)
			before := b.copy().on(t, other).lax()
			calls := one.backend.count("")
			first := b.do(http.MethodPost, action, values, nil)
			if first.status >= http.StatusBadRequest {
				t.Fatalf("once: %s, %q", first.outcome(), first.keys())
			}
			once := one.backend.count("") - calls
			for _, key := range c.redis.Keys(t) {
				if strings.Contains(key, ":outcome:") {
					held := fmt.Sprint(c.redis.Do(t, "HGETALL", key))
					for _, plain := range []string{"access_token", "<html", "__Host-", "sign-in"} {
						if strings.Contains(held, plain) {
							t.Errorf("Redis holds %q of an outcome", plain)
						}
					}
				}
			}
			for range 2 {
				if late, err := before.copy().try(http.MethodPost, action, values, nil); err != nil || late.outcome() != first.outcome() {
					t.Errorf("elsewhere: %s, want %s: %v", late.outcome(), first.outcome(), err)
				}
			}
			if n := one.backend.count("") - calls; n != once {
				t.Errorf("TCB got %d calls, want %d", n, once)
			}
			third, err := before.copy().try(http.MethodPost, action, values, nil)
			if form.ends { // there is nothing to call TCB for any more
				return
			}
			if err != nil || third.outcome() == first.outcome() && one.backend.count("")-calls == once {
				t.Errorf("a third time: %s, without a call", third.outcome())
			}
		})
	}
}

// TestSharedTwiceAtOnce: who is second waits for the first, at another instance too.
func TestSharedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	_, one, other := two(t)
	b := one.browser()
	p := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	values := p.filled(fields{"verification_code": one.backend.code(demoEmail)})
	onDevice(values)
	var wg sync.WaitGroup
	for _, s := range []*site{one, other} {
		at := b.copy().on(t, s).lax()
		wg.Go(func() {
			if got, err := at.try(http.MethodPost, p.action(), values, nil); err != nil || got.outcome() != "200 complete " {
				t.Errorf("%s: %v", got.outcome(), err)
			}
		})
	}
	wg.Wait()
	if n := one.backend.count("/v1/verification/verify"); n != 1 {
		t.Errorf("the code was given to TCB %d times", n)
	}
}

// TestSharedTwiceRefused: what did not go well may be tried again at once, anywhere.
func TestSharedTwiceRefused(t *testing.T) {
	t.Parallel()
	_, one, other := two(t)
	b := one.browser()
	p := b.open("/sign-in")
	for i, s := range []*site{one, other, one} {
		b.on(t, s).do(http.MethodPost, p.action(), p.filled(fields{"username": "demo", "password": "Wrong-pass-1"}), nil).want(http.StatusUnprocessableEntity, "sign-in", "error.sign_in_failed")
		if n := one.backend.count("/v1/signin"); n != i+1 {
			t.Errorf("%d calls after %d tries", n, i+1)
		}
	}
}

// TestSharedTwiceAfterSignOut: signing out deletes what would bring the login back, at every
// instance.
func TestSharedTwiceAfterSignOut(t *testing.T) {
	t.Parallel()
	_, one, other := two(t)
	b := one.browser()
	p := b.open("/sign-in")
	values := p.filled(fields{"username": "demo", "password": demoPassword})
	onDevice(values)
	thief := b.copy().lax()
	first := b.do(http.MethodPost, p.action(), values, nil).completed()
	there := b.on(t, other)
	there.submit(there.open("/sign-out"), nil).want(http.StatusOK, "interstitial")
	for _, s := range []*site{one, other} {
		calls := one.backend.count("/v1/signin")
		got := thief.copy().on(t, s).do(http.MethodPost, p.action(), values, nil)
		if one.backend.count("/v1/signin") == calls || strings.Contains(got.body, first.Credentials.AccessToken) {
			t.Error("a login that has ended is given again")
		}
	}
}

// TestSharedAskedLittle: Redis is asked about an id where something changes, and where a login or a
// step under way is opened. A form is shown without.
func TestSharedAskedLittle(t *testing.T) {
	t.Parallel()
	c, one, _ := two(t)
	b := one.browser()
	b.open("/sign-in")
	code := b.submit(b.open("/sign-in/email"), fields{"email": demoEmail}).want(http.StatusOK, "sign-in-email-code")
	for _, path := range []string{"/sign-in", "/sign-in/email", "/sign-up?via=email&", "/reset-password?via=email&", "/"} {
		before := c.asked()
		b.open(path).want(http.StatusOK, b.open(path).name())
		if n := c.asked() - before; n != 0 {
			t.Errorf("%s: asked %d times", path, n)
		}
	}
	before := c.asked()
	b.get(code.url.String()).want(http.StatusOK, "sign-in-email-code")
	if n := c.asked() - before; n != 1 {
		t.Errorf("a step under way: asked %d times", n)
	}
	before = c.asked()
	b.submit(b.open("/sign-in"), fields{"username": ""}).want(http.StatusUnprocessableEntity, "sign-in")
	if n := c.asked() - before; n != 1 {
		t.Errorf("a POST: asked %d times", n)
	}
	b, _ = one.signedIn(t)
	before = c.asked()
	b.open("/account").want(http.StatusOK, "account")
	if n := c.asked() - before; n != 1 {
		t.Errorf("a page of the portal: asked %d times", n)
	}
	b.forget()
	before = c.asked()
	b.submit(b.open("/sign-in"), fields{"username": ""})
	if n := c.asked() - before; n > 1 {
		t.Errorf("a newcomer: asked %d times", n)
	}
}
