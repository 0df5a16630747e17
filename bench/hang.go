package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	hangRounds  = 3
	hangTimeout = 2 * time.Second // backend_timeout of this run
	hangPosts   = 300             // that wait for TCB at any time: more than authclient lets through at once
)

// oneByOne sends a shot again and again over one connection, for as long as more says so.
func (t *target) oneByOne(ctx context.Context, s shot, want wanted, more func(done int, since time.Duration) bool) (times []time.Duration, err error) {
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	for start := time.Now(); more(len(times), time.Since(start)); {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		began := time.Now()
		if err := t.do(s, resp); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
		if err := want.check(resp); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// hang measures GETs of a page while TCB answers nothing: against the same GETs just before, when
// nobody else was there. The posts that wait come evenly, as people do.
func (b *bench) hang(ctx context.Context, r *report) error {
	s := b.settings()
	s.timeout = hangTimeout
	ours, err := b.startOurs(ctx, "hang", s)
	if err != nil {
		return err
	}
	defer b.stop(ours)
	t := newTarget(ours.addr, ours.origin())
	get := t.visitor().shot("GET", t.entry("/"), "")
	if _, err := t.drive(ctx, connections, repeated(get, 1000), lines()[0].want); err != nil {
		return err
	}
	var p50, p99, posts []pair
	var worst time.Duration
	for range hangRounds {
		quiet, beside, slowest, err := b.hangOnce(ctx, t, get)
		if err != nil {
			return err
		}
		ratio := func(p float64) pair {
			return pair{milliseconds(percentile(beside, p)), milliseconds(percentile(quiet, p))}
		}
		p50, p99 = append(p50, ratio(50)), append(p99, ratio(99))
		posts, worst = append(posts, pair{milliseconds(slowest), math.NaN()}), max(worst, slowest)
	}
	r.figures = append(r.figures,
		figure{"p50 of a GET while TCB hangs, against before", "ms", compare(p50), budget{times: 1.5}},
		figure{"p99 of a GET while TCB hangs, against before", "ms", compare(p99), budget{times: 3}},
		figure{"slowest POST meanwhile", "ms", compare(posts), budget{most: milliseconds(hangTimeout + answerWithin)}})
	r.note("TCB hangs: %d times, medians; about %d POSTs wait at any time, and each must be answered within backend_timeout (%s) and %s "+
		"for the answer itself; the slowest of all took %.0f ms.", hangRounds, hangPosts, hangTimeout, answerWithin, milliseconds(worst))
	return nil
}

// hangOnce is one such time: GETs before, GETs meanwhile, and the slowest post.
func (b *bench) hangOnce(ctx context.Context, t *target, get shot) (quiet, beside []time.Duration, slowest time.Duration, err error) {
	const lasts = hangTimeout * 3 / 2
	want := lines()[0].want
	window := func(_ int, since time.Duration) bool { return since < lasts }
	var posts []shot
	n := hangPosts * int(lasts) / int(hangTimeout)
	for _, prepare := range []func(context.Context, *target, int) ([]shot, error){passwords("a-right-password-1"), sends} {
		some, err := prepare(ctx, t, n/2)
		if err != nil {
			return nil, nil, 0, err
		}
		posts = append(posts, some...)
	}
	rand.Shuffle(len(posts), func(i, j int) { posts[i], posts[j] = posts[j], posts[i] })
	if quiet, err = t.oneByOne(ctx, get, want, window); err != nil {
		return nil, nil, 0, err
	}
	if _, err := b.order("hang"); err != nil {
		return nil, nil, 0, err
	}
	waiting := t.postEvenly(ctx, posts, lasts)
	beside, getErr := t.oneByOne(ctx, get, want, window)
	slowest, postErr := waiting()
	_, err = b.order("go-on")
	return quiet, beside, slowest, errors.Join(getErr, postErr, err)
}

// answerWithin is what an answer may take beside the call that it waited for.
const answerWithin = 500 * time.Millisecond

// postEvenly sends posts one after the other over some time, each over a connection of its own. What
// it returns waits for all answers, of which each must say that TCB is away, and has the slowest.
func (t *target) postEvenly(ctx context.Context, posts []shot, over time.Duration) (wait func() (time.Duration, error)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	var failed []error
	start := time.Now()
	for i, s := range posts {
		all.Go(func() {
			if pause(ctx, time.Until(start.Add(over*time.Duration(i)/time.Duration(len(posts))))) != nil {
				return
			}
			resp := fasthttp.AcquireResponse()
			defer fasthttp.ReleaseResponse(resp)
			began := time.Now()
			err := t.do(s, resp)
			took := time.Since(began)
			if status := resp.StatusCode(); err == nil && status != 503 && status != 504 {
				err = fmt.Errorf("a POST while TCB hangs: status %d, want 503 or 504", status)
			}
			mu.Lock()
			defer mu.Unlock()
			if slowest = max(slowest, took); err != nil && len(failed) < 3 {
				failed = append(failed, err)
			}
		})
	}
	return func() (time.Duration, error) {
		all.Wait()
		return slowest, errors.Join(append(failed, ctx.Err())...)
	}
}
