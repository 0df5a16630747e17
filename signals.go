package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// readsAnew reports whether the settings are read anew at SIGHUP. The demo has none, and the emulator cannot
// change its own.
func (o *options) readsAnew() bool { return o.settings != "" && !o.emulator }

// serverSignals catches what would end a server, from before anything that may take long. SIGHUP comes to the
// channel where settings are read anew at it. Elsewhere it means that the terminal is gone, and ends the context
// unless whoever started us had it ignored, as nohup does.
func serverSignals(ctx context.Context, readsAnew bool) (until context.Context, hangUps <-chan os.Signal, ignore func()) {
	pipes := outliveReaders()
	if readsAnew {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP)
		return ctx, signals, func() { signal.Stop(signals); pipes() }
	}
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, nil, pipes
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	return ctx, nil, func() { stop(); pipes() }
}

// outliveReaders has a write to the standard output or error fail once nobody reads it any more, as when whoever
// collects logs has ended. It would end the program. SIGPIPE is caught and not ignored, since what "emulator -exec"
// runs would inherit that.
func outliveReaders() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}
