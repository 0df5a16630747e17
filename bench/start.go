package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"tcb-login/bench/wire"
)

const startsOf = 10

// starts measures how long the two programs take from their start to their first answer, and what
// that costs, one after the other.
func (b *bench) starts(ctx context.Context, r *report) error {
	answers, err := b.signInAnswer(ctx)
	if err != nil {
		return err
	}
	file := b.dir + "/start.json"
	if err := wire.Write(file, answers); err != nil {
		return err
	}
	var first, cpu []pair
	for range startsOf {
		addr, yaml, err := b.prepareOurs("start", b.settings())
		if err != nil {
			return err
		}
		ours, err := b.firstAnswer(ctx, addr, newTarget(addr, "http://"+addr).entry("/"), func() (*child, error) { return b.launchOurs("start", addr, yaml) })
		if err != nil {
			return err
		}
		if addr, err = freeAddress(); err != nil {
			return err
		}
		bare, err := b.firstAnswer(ctx, addr, answers[0].Path, func() (*child, error) {
			return b.launch("bare-start", addr, b.bare, "-listen", addr, "-answers", file)
		})
		if err != nil {
			return err
		}
		first = append(first, pair{milliseconds(ours.wall), milliseconds(bare.wall)})
		cpu = append(cpu, pair{milliseconds(ours.cpu), milliseconds(bare.cpu)})
	}
	r.figures = append(r.figures,
		figure{"start to the first answer", "ms", compare(first), budget{times: 4}},
		figure{"CPU of a start", "ms", compare(cpu), budget{times: 3}})
	return nil
}

// signInAnswer is the sign-in page as ours sends it, at /get-sign-in.
func (b *bench) signInAnswer(ctx context.Context) ([]wire.Answer, error) {
	ours, err := b.startOurs(ctx, "sample", b.settings())
	if err != nil {
		return nil, err
	}
	defer b.stop(ours)
	a, err := b.capture(ctx, lines()[0], newTarget(ours.addr, ours.origin()))
	return []wire.Answer{a}, err
}

// firstAnswer starts a program and asks it for a page until it answers.
func (b *bench) firstAnswer(ctx context.Context, addr, path string, launch func() (*child, error)) (run, error) {
	began := time.Now()
	c, err := launch()
	if err != nil {
		return run{}, err
	}
	defer b.stop(c)
	var conn net.Conn
	for {
		if conn, err = net.Dial("tcp", addr); err == nil {
			break
		}
		select {
		case <-c.done:
			return run{}, fmt.Errorf("%s ended before it listened", c.name)
		case <-time.After(100 * time.Microsecond):
		}
		if ctx.Err() != nil || time.Since(began) > patience {
			return run{}, fmt.Errorf("%s does not listen: %w", c.name, err)
		}
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, addr); err != nil {
		return run{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return run{}, err
	}
	took := run{wall: time.Since(began)}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		return run{}, fmt.Errorf("%s: status %d", c.name, resp.StatusCode)
	}
	took.cpu, err = cpuOf(c.pid())
	return took, err
}

// pause waits, unless the run is to end.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
