package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestLogBuffer: lines come whole and in order, in few pieces, and none waits for long.
func TestLogBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to pieces
		b := &logBuffer{to: &to}
		fmt.Fprintln(b, "one")
		fmt.Fprintln(b, "two")
		if to.count() != 0 {
			t.Errorf("%d pieces at once", to.count())
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		if got := to.text(); got != "one\ntwo\n" || to.count() != 1 {
			t.Errorf("%q in %d pieces", got, to.count())
		}
		line := strings.Repeat("x", 1023) + "\n"
		for range flushAt / len(line) {
			fmt.Fprint(b, line)
		}
		if to.count() != 2 {
			t.Errorf("%d pieces, want a second when there is much", to.count())
		}
		fmt.Fprintln(b, "last")
		b.Flush()
		if !strings.HasSuffix(to.text(), "last\n") {
			t.Error("what is left was not written")
		}
		time.Sleep(time.Second)
		if to.count() != 3 {
			t.Errorf("%d pieces, want nothing written of nothing", to.count())
		}
		to.fail(errors.New("full"))
		fmt.Fprintln(b, "lost")
		b.Flush()
		if _, err := fmt.Fprintln(b, "next"); err == nil {
			t.Error("the error of the lines before is not told")
		}
		b.Flush()
	})
}

// TestPromptHandler: what is wrong does not wait, whatever logger of the first one says it.
func TestPromptHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to pieces
		b := &logBuffer{to: &to}
		log := slog.New(promptHandler{slog.NewJSONHandler(b, nil), b.Flush}).With("a", 1).WithGroup("g")
		log.Info("one")
		if to.count() != 0 {
			t.Error("a request's line does not wait for others")
		}
		log.Warn("two")
		if got := to.text(); !strings.Contains(got, "one") || !strings.Contains(got, `"g":{`) && !strings.Contains(got, `"a":1`) || !strings.Contains(got, "two") {
			t.Errorf("written is %q", got)
		}
	})
}

// pieces counts what is written in one piece.
type pieces struct {
	bytes.Buffer
	mu  sync.Mutex
	n   int
	err error
}

func (p *pieces) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func (p *pieces) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Buffer.String()
}

func (p *pieces) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *pieces) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	if p.err != nil {
		return 0, p.err
	}
	return p.Buffer.Write(b)
}
