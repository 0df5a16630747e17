package main

import (
	"context"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// beginWithin is how long a connection that has begun takes to be there: a few times the way to a
// proxy and back.
const beginWithin = 100 * time.Millisecond

// refuseNew has no connection of a listener begin any more, and returns when those that have begun
// are accepted. A listener that is closed resets what it has not accepted, perhaps with a request on
// its way already: a proxy must not send a form again then, since it cannot know what became of it.
// Here the first packet of a connection (SYN) is dropped, and when it comes again a second later the
// listener is closed and refuses it, with nothing sent. A kernel that knows no such filter closes as
// it always has.
func refuseNew(ctx context.Context, ln net.Listener) {
	const flags, syn = 13, 0x02 // in TCP's header
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: syn, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: ^uint32(0)},
	}
	refused := onSocket(ln, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	for waiting := uint32(1); refused && waiting > 0 && ctx.Err() == nil; {
		time.Sleep(beginWithin)
		refused = onSocket(ln, func(fd int) error {
			info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
			if err == nil {
				waiting = info.Unacked // of a listener: connections that are not accepted yet
			}
			return err
		})
	}
}

// onSocket reports whether something could be done to a listener's socket.
func onSocket(ln net.Listener, do func(fd int) error) bool {
	l, ok := ln.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	return err == nil && failed == nil
}
