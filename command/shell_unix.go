//go:build unix

package command

import (
	"os"
	"os/exec"
	"syscall"
)

func shell(line string) *exec.Cmd { return exec.Command("sh", "-c", line) }

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// passOn sends a signal to the command, or to all of its group. Who has ended meanwhile gets none.
func passOn(cmd *exec.Cmd, sig os.Signal, group bool) {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return
	}
	pid := cmd.Process.Pid
	if group {
		pid = -pid
	}
	_ = syscall.Kill(pid, number)
}

// exitCode is what a shell would say of the command: a signal's number comes after 128.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
