package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A child is a process of ours: the program, its twin, the bare one or the stub.
type child struct {
	name string
	addr string // where it listens
	cmd  *exec.Cmd
	ask  io.WriteCloser
	told *bufio.Reader
	done chan struct{} // closed when it has ended
}

func (c *child) pid() int       { return c.cmd.Process.Pid }
func (c *child) origin() string { return "http://" + c.addr }

// freeAddress is one on loopback at which nobody listens. Settings need it before the program is
// there.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// launch starts a process that is to listen at an address. Its log goes into a file, as a
// service's would.
func (b *bench) launch(name, addr, program string, args ...string) (*child, error) {
	logged, err := os.OpenFile(filepath.Join(b.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer logged.Close()
	c := &child{name: name, addr: addr, cmd: exec.Command(program, args...), done: make(chan struct{})}
	c.cmd.Dir, c.cmd.Stderr = b.dir, logged
	c.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "TMPDIR=" + b.dir, keyVariable + "=" + b.key, auditKeyVariable + "=" + b.auditKey}
	tie(c.cmd)
	if c.ask, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	c.cmd.Stdout, c.told = in, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	b.children[c], b.last = true, name
	go func() {
		_ = c.cmd.Wait() // how it ended is of no interest; that it has, is
		out.Close()
		close(c.done)
	}()
	return c, nil
}

// await waits until a child takes connections.
func (c *child) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", c.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-c.done:
			return fmt.Errorf("%s ended before it listened; see %s.log", c.name, c.name)
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen at %s: %w", c.name, c.addr, ctx.Err())
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// allocations asks one of our own programs how many objects it has allocated.
func (c *child) allocations() (uint64, error) {
	if _, err := io.WriteString(c.ask, "\n"); err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	line, err := c.told.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	return strconv.ParseUint(strings.TrimSpace(line), 10, 64)
}

// stop ends a child, at last by force.
func (b *bench) stop(c *child) {
	if c == nil || !b.children[c] {
		return
	}
	delete(b.children, c)
	c.ask.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

func (b *bench) stopAll() {
	for c := range b.children {
		b.stop(c)
	}
}
