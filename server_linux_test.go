package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStopBegun: whoever has got a connection and sends a request on it is answered, at the very moment of
// a stop too; whoever has got none has sent nothing. So a proxy loses no form.
func TestStopBegun(t *testing.T) {
	t.Parallel()
	for round := range 6 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			s := proxied(stoppable(t, func() {})["app"])
			running := make(chan error, 1)
			go func() { running <- s.run() }()
			addr := s.ln.Addr().String()
			var answered atomic.Int64
			var crowd sync.WaitGroup
			for range 8 {
				crowd.Go(func() {
					for {
						// Less than a refusal takes, which comes a second later.
						c, err := net.DialTimeout("tcp", addr, 500*time.Millisecond)
						if err != nil {
							return
						}
						fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
						_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
						resp, err := http.ReadResponse(bufio.NewReader(c), nil)
						c.Close()
						if err != nil || resp.StatusCode != http.StatusOK {
							t.Errorf("a form: %v", err)
							return
						}
						answered.Add(1)
					}
				})
			}
			wait(t, "forms are answered", func() bool { return answered.Load() > 100 })
			if err := s.shutdown(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
			if err := <-running; err != nil {
				t.Error(err)
			}
			crowd.Wait()
		})
	}
}
