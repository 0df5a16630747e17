package command

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/term"
)

// runShell runs a line by the shell to its end and returns its exit code. Signals go on to it; what
// it does with them is its own affair. A failure from elsewhere ends it.
func runShell(line string, environ []string, p Process, failed <-chan error) (code int, err error) {
	stdin, _ := p.Stdin.(*os.File)
	terminal := stdin != nil && term.IsTerminal(int(stdin.Fd()))
	cmd := shell(line)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, p.Stdin, p.Stdout, p.Stderr
	cmd.WaitDelay = time.Second // for what it left running, with our output open
	// Whom the terminal reads from has to be in its group, and gets ^C from it by itself. Elsewhere a
	// group of its own lets a signal reach all that the shell has started.
	if !terminal {
		ownGroup(cmd)
	}
	if err := cmd.Start(); err != nil {
		return codeRefused, fmt.Errorf("-exec: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-p.Signals:
			if !terminal || sig != os.Interrupt {
				passOn(cmd, sig, !terminal)
			}
		case failure := <-failed:
			passOn(cmd, syscall.SIGTERM, !terminal)
			<-ended
			return codeRefused, failure
		case err := <-ended:
			if cmd.ProcessState != nil {
				return exitCode(cmd.ProcessState), nil
			}
			return codeRefused, fmt.Errorf("-exec: %w", err)
		}
	}
}
