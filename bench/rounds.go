package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"tcb-login/bench/wire"
)

// A measured line is what its rounds came to. Times are in ms, CPU in µs a request.
type measured struct {
	line
	rate, p50, p99, cpu, allocs []pair
}

// capture has ours answer one shot of a line, and notes what it sent and which calls it made.
func (b *bench) capture(ctx context.Context, l line, t *target) (wire.Answer, error) {
	shots, err := l.prepare(ctx, t, 1)
	if err != nil {
		return wire.Answer{}, err
	}
	if _, err := b.order("record"); err != nil {
		return wire.Answer{}, err
	}
	resp := &fasthttp.Response{}
	if err := t.do(shots[0], resp); err != nil {
		return wire.Answer{}, err
	}
	made, err := b.order("calls")
	if err != nil {
		return wire.Answer{}, err
	}
	if err := l.want.check(resp); err != nil {
		return wire.Answer{}, err
	}
	a := answerOf("/"+l.name, resp)
	return a, json.Unmarshal(made, &a.Calls)
}

func answerOf(path string, resp *fasthttp.Response) wire.Answer {
	a := wire.Answer{Path: path, Status: resp.StatusCode(), Body: append([]byte(nil), resp.Body()...)}
	for name, value := range resp.Header.All() {
		if !wire.Own[string(name)] {
			a.Headers = append(a.Headers, wire.Header{Name: string(name), Value: string(value)})
		}
	}
	return a
}

// order tells the stub something.
func (b *bench) order(what string) ([]byte, error) {
	status, body, err := fasthttp.Get(nil, b.stub.origin()+stubPrefix+what)
	if err == nil && status != 200 {
		err = fmt.Errorf("the stub answers %d to %q", status, what)
	}
	return body, err
}

// bareShots are the same requests, to where the bare program has the line's answer.
func bareShots(l line, shots []shot) []shot {
	out := make([]shot, len(shots))
	for i, s := range shots {
		_, query, _ := strings.Cut(s.path, "?")
		s.path = "/" + l.name + "?" + query
		out[i] = s
	}
	return out
}

// A subject is a line and the program that it is measured of.
type subject struct {
	line
	t    *target
	pids []int
}

// rounds measures lines, and another program's page where one is named.
func (b *bench) rounds(ctx context.Context, picked []line) ([]measured, error) {
	ours, err := b.startOurs(ctx, "ours", b.settings())
	if err != nil {
		return nil, err
	}
	defer b.stop(ours)
	var subjects []subject
	t := newTarget(ours.addr, ours.origin())
	for _, l := range picked {
		subjects = append(subjects, subject{l, t, []int{ours.pid()}})
	}
	if b.against != "" {
		other, err := otherProgram(b.against)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, other)
	}
	var answers []wire.Answer
	for _, s := range subjects {
		a, err := b.capture(ctx, s.line, s.t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		answers = append(answers, a)
	}
	bare, err := b.startBare(ctx, "bare", answers)
	if err != nil {
		return nil, err
	}
	defer b.stop(bare)
	side := newTarget(bare.addr, bare.origin())
	out := make([]measured, len(subjects))
	for round := range b.roundsOf + 1 { // the first warms both up
		b.say("round %d of %d", round, b.roundsOf)
		for i, s := range subjects {
			out[i].line = s.line
			if err := out[i].round(ctx, round, s, subject{s.line, side, []int{bare.pid()}}); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	if unknown, err := b.order("unknown"); err != nil || len(unknown) > 0 {
		return nil, fmt.Errorf("calls that the stub does not know: %s (%v)", unknown, err)
	}
	return out, b.countAllocations(ctx, out, side, bare)
}

// round drives both programs, of which another one begins each time.
func (m *measured) round(ctx context.Context, round int, ours, bare subject) error {
	n := m.count
	if round == 0 {
		n /= 4
	}
	shots, err := m.prepare(ctx, ours.t, n)
	if err != nil {
		return err
	}
	var both [2]run
	for _, who := range []int{round % 2, 1 - round%2} {
		s, shots := ours, shots
		if who == 1 {
			s, shots = bare, bareShots(m.line, shots)
		}
		if both[who], err = s.t.drive(ctx, m.over, shots, m.want, s.pids...); err != nil {
			return err
		}
	}
	if round > 0 {
		m.add(both[0], both[1])
	}
	return nil
}

// otherProgram is a page of another program on this machine, whose processes are found by the port.
func otherProgram(address string) (subject, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return subject{}, fmt.Errorf("-against %q: want an address like http://127.0.0.1:5556/page", address)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return subject{}, fmt.Errorf("-against %q: only programs on this machine, by a loopback address", address)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return subject{}, err
	}
	pids, err := listeningAt(port)
	if err != nil {
		return subject{}, fmt.Errorf("-against: %w", err)
	}
	t := newTarget(u.Host, "http://"+u.Host)
	get := shot{method: "GET", path: u.RequestURI()}
	resp := &fasthttp.Response{}
	if err := t.do(get, resp); err != nil {
		return subject{}, fmt.Errorf("-against: %w", err)
	}
	l := line{name: againstName, title: "GET " + u.Host + u.EscapedPath(), count: manyGets, over: connections, want: wanted{status: resp.StatusCode()}}
	l.prepare = func(_ context.Context, _ *target, n int) ([]shot, error) { return repeated(get, n), nil }
	return subject{l, t, pids}, nil
}

const againstName = "against"

// add takes a round.
func (m *measured) add(ours, bare run) {
	n := float64(len(ours.times))
	of := func(what func(run) float64) pair {
		if len(bare.times) == 0 {
			return pair{what(ours), math.NaN()}
		}
		return pair{what(ours), what(bare)}
	}
	m.rate = append(m.rate, of(func(r run) float64 { return n / r.wall.Seconds() }))
	m.p50 = append(m.p50, of(func(r run) float64 { return milliseconds(percentile(r.times, 50)) }))
	m.p99 = append(m.p99, of(func(r run) float64 { return milliseconds(percentile(r.times, 99)) }))
	m.cpu = append(m.cpu, of(func(r run) float64 { return float64(r.cpu.Nanoseconds()) / 1000 / n }))
}

// countAllocations drives the twin, and the bare program once more.
func (b *bench) countAllocations(ctx context.Context, all []measured, side *target, bare *child) error {
	b.say("allocations")
	twin, err := b.startTwin(ctx)
	if err != nil {
		return err
	}
	defer b.stop(twin)
	t := newTarget(twin.addr, twin.origin())
	for i := range all {
		m := &all[i]
		if m.name == againstName {
			continue // nobody can ask it
		}
		count := func(t *target, c *child, shots []shot) (float64, error) {
			before, err := c.allocations()
			if err != nil {
				return 0, err
			}
			if _, err := t.drive(ctx, m.over, shots, m.want); err != nil {
				return 0, err
			}
			after, err := c.allocations()
			return float64(after-before) / float64(len(shots)), err
		}
		// Connections and pools are there after the first time.
		for range 2 {
			shots, err := m.prepare(ctx, t, 200)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			var p pair
			if p.ours, err = count(t, twin, shots); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			if p.bare, err = count(side, bare, bareShots(m.line, shots)); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			m.allocs = []pair{p}
		}
	}
	return nil
}

// startBare runs the bare program with some answers, of whoever has the origin of the first.
func (b *bench) startBare(ctx context.Context, name string, answers []wire.Answer, more ...string) (*child, error) {
	file := filepath.Join(b.dir, name+".json")
	if err := wire.Write(file, answers); err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c, err := b.launch(name, addr, b.bare, append([]string{"-listen", addr, "-answers", file, "-backend", b.stub.origin()}, more...)...)
	if err != nil {
		return nil, err
	}
	return c, c.await(ctx)
}
