package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// parseSchedstat reads how long a thread has run, the first of three numbers, in nanoseconds
// (Documentation/scheduler/sched-stats.rst).
func parseSchedstat(text string) (time.Duration, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat: %d fields, want 3", len(fields))
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("schedstat: %.40q is no time", fields[0])
	}
	return time.Duration(ns), nil
}

// cpuOf is how long all threads of some processes have run. A thread that ends takes its time with
// it; those of a Go program do not end.
func cpuOf(pids ...int) (total time.Duration, err error) {
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(threads) == 0 {
			return 0, fmt.Errorf("no schedstat of process %d: it has ended, or the kernel does not count", pid)
		}
		for _, name := range threads {
			text, err := os.ReadFile(name)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return 0, err
			}
			ran, err := parseSchedstat(string(text))
			if err != nil {
				return 0, err
			}
			total += ran
		}
	}
	return total, nil
}

// parseRollup reads the anonymous memory of a process, in bytes, of its smaps_rollup.
func parseRollup(text []byte) (int64, error) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("Anonymous:"))
		if !ok {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) != 2 || string(fields[1]) != "kB" {
			return 0, fmt.Errorf("smaps_rollup: %.60q", line)
		}
		kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil || kb < 0 {
			return 0, fmt.Errorf("smaps_rollup: %.60q", line)
		}
		return kb << 10, nil
	}
	return 0, errors.New("smaps_rollup has no line Anonymous")
}

// anonymousOf is the anonymous memory of a process in MB, as 2^20 bytes.
func anonymousOf(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	n, err := parseRollup(text)
	return float64(n) / (1 << 20), err
}

// tcpListen is the state of a listening socket in /proc/net/tcp.
const tcpListen = "0A"

// parseListeners reads the inodes of sockets that listen at a port, of /proc/net/tcp or tcp6.
func parseListeners(text []byte, port int) (inodes []string) {
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for scanner.Scan() {
		f := strings.Fields(scanner.Text())
		if len(f) < 10 || f[3] != tcpListen {
			continue
		}
		i := strings.LastIndexByte(f[1], ':')
		if at, err := strconv.ParseUint(f[1][i+1:], 16, 16); err == nil && i > 0 && int(at) == port {
			inodes = append(inodes, f[9])
		}
	}
	return inodes
}

// listeningAt finds the processes that have a socket which listens at a port: of several that share
// one, as a server with workers does, all.
func listeningAt(port int) (pids []int, err error) {
	sockets := map[string]bool{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // without IPv6 there is no tcp6
		}
		for _, inode := range parseListeners(text, port) {
			sockets["socket:["+inode+"]"] = true
		}
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil, err
	}
	found := map[int]bool{}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !sockets[to] {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err == nil && !found[pid] {
			found[pid] = true
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("no process that we may look at listens at port %d", port)
	}
	return pids, nil
}
