package command

import (
	"os"
	"os/exec"
)

func shell(line string) *exec.Cmd { return exec.Command("cmd", "/C", line) }

func ownGroup(*exec.Cmd) {}

// passOn ends the command: Windows has no other signal that one process can send to another.
func passOn(cmd *exec.Cmd, _ os.Signal, _ bool) { _ = cmd.Process.Kill() }

func exitCode(state *os.ProcessState) int { return state.ExitCode() }
