package main

import (
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseSchedstat(t *testing.T) {
	t.Parallel()
	got, err := parseSchedstat("123456789 42 7\n")
	if err != nil || got != 123456789 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "1 2", "1 2 3 4", "x 2 3", "-1 2 3", "99999999999999999999 2 3"} {
		if got, err := parseSchedstat(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestParseRollup(t *testing.T) {
	t.Parallel()
	const head = "55c893184000-7fff76356000 ---p 00000000 00:00 0    [rollup]\nRss:   1632 kB\nPss_Anon:  112 kB\n"
	got, err := parseRollup([]byte(head + "Anonymous:          7516 kB\nLazyFree:  0 kB\n"))
	if err != nil || got != 7516<<10 {
		t.Errorf("%d, %v", got, err)
	}
	for _, text := range []string{"", head, head + "Anonymous: 12\n", head + "Anonymous: x kB\n", head + "Anonymous: -1 kB\n", head + "Anonymous: 1 MB\n"} {
		if got, err := parseRollup([]byte(text)); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
}

func TestParseListeners(t *testing.T) {
	t.Parallel()
	const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F90 0100007F:8A2C 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 14 1 0000000000000000 100 0 0 10 0
   4: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 15 1 0 100 0 0 10 0
   5: nonsense
   6: 1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16 1 0000000000000000 100 0 0 10 0
`
	if diff := cmp.Diff([]string{"11", "12", "15"}, parseListeners([]byte(text), 8080)); diff != "" {
		t.Error(diff)
	}
	if got := parseListeners([]byte(text), 80); got != nil {
		t.Errorf("at another port: %q", got)
	}
}

func FuzzParsers(f *testing.F) {
	f.Add([]byte("1 2 3"), 80)
	f.Add([]byte("Anonymous: 1 kB\n"), 1)
	f.Add([]byte("0: 0100007F:1F90 0:0 0A 0 0 0 0 0 11"), 8080)
	f.Fuzz(func(t *testing.T, text []byte, port int) {
		if ran, err := parseSchedstat(string(text)); err == nil && ran < 0 {
			t.Errorf("a negative time: %d", ran)
		}
		if _, err := parseRollup(text); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		for _, inode := range parseListeners(text, port) {
			if port < 0 || port > 65535 || inode == "" {
				t.Errorf("port %d: inode %q", port, inode)
			}
		}
	})
}

// What is read of this very process.
func TestProc(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		_ = median([]float64{1, 2, 3})
	}
	runtime.Gosched()
	after, err := cpuOf(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("CPU: %v, then %v (%v)", before, after, err)
	}
	if mb, err := anonymousOf(os.Getpid()); err != nil || mb < 0.5 || mb > 10_000 {
		t.Errorf("anonymous memory: %v MB, %v", mb, err)
	}
	if _, err := cpuOf(1 << 30); err == nil {
		t.Error("CPU of a process that is not there")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	pids, err := listeningAt(ln.Addr().(*net.TCPAddr).Port)
	if err != nil || !slices.Equal(pids, []int{os.Getpid()}) {
		t.Errorf("who listens: %v, %v, want %d", pids, err, os.Getpid())
	}
}
