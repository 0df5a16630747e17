package main

import (
	"os/exec"
	"syscall"
)

// tie has the kernel end a child when we do, however that comes about, and keeps from it what a
// terminal sends to all. It is told of the thread that started the child: see main.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// openFiles is how many files and sockets a process may have open. Go has raised it as far as it
// may.
func openFiles() (int, error) {
	var most syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most)
	return int(most.Cur), err
}
