//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// TestStop: connections that never asked for anything (load balancers, browsers and Go's own client
// make them in advance) do not keep the server from ending well. The ending itself is asserted by
// start, for every test.
func TestStop(t *testing.T) {
	s := start(t, options{bare: true})
	for _, name := range []string{"login", "emulator", "admin"} {
		c, err := net.Dial("tcp", s.listening(t, name).Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	// They are accepted once a connection made after them has been answered.
	s.emulator.people(t)
	resp, err := http.Get(s.origin + "/__auth/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()

	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = <-s.ended
	s.ended <- err
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %v with nothing in flight", took)
	}
}
