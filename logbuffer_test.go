package main

import (
	"bytes"
	"errors"
	"fmt"
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
		if to.n != 0 {
			t.Errorf("%d pieces at once", to.n)
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		if got := to.String(); got != "one\ntwo\n" || to.n != 1 {
			t.Errorf("%q in %d pieces", got, to.n)
		}
		line := strings.Repeat("x", 1023) + "\n"
		for range flushAt / len(line) {
			fmt.Fprint(b, line)
		}
		if to.n != 2 {
			t.Errorf("%d pieces, want a second when there is much", to.n)
		}
		fmt.Fprintln(b, "last")
		b.Flush()
		if !strings.HasSuffix(to.String(), "last\n") {
			t.Error("what is left was not written")
		}
		time.Sleep(time.Second)
		if to.n != 3 {
			t.Errorf("%d pieces, want nothing written of nothing", to.n)
		}
		to.err = errors.New("full")
		fmt.Fprintln(b, "lost")
		b.Flush()
		if _, err := fmt.Fprintln(b, "next"); !errors.Is(err, to.err) {
			t.Errorf("got error %v of the lines before, want %v", err, to.err)
		}
		b.Flush()
	})
}

// pieces counts what is written in one piece.
type pieces struct {
	bytes.Buffer
	mu  sync.Mutex
	n   int
	err error
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
