package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStopBegun: whoever has got a connection to the pages and sends a form on it is answered, at the very
// moment of a stop too; whoever has got none has sent nothing. So a proxy loses no form.
func TestStopBegun(t *testing.T) {
	t.Parallel()
	for round := range 5 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			p := startProgram(t)
			addr := p.addr["login"]
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
						fmt.Fprintf(c, "POST /__auth/nothing HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", addr)
						_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
						_, err = http.ReadResponse(bufio.NewReader(c), nil)
						c.Close()
						if err != nil {
							t.Errorf("a form: %v", err)
							return
						}
						answered.Add(1)
					}
				})
			}
			wait(t, "forms are answered", func() bool { return answered.Load() > 100 })
			p.end(t)
			crowd.Wait()
		})
	}
}
