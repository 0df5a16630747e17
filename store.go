package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"tcb-login/config/input"
	"tcb-login/config/settings"
	"tcb-login/limit"
	"tcb-login/limit/shared"
)

// storeConfig is what the settings say of a store that instances share.
func storeConfig(s *settings.Settings, log *slog.Logger) shared.Config {
	return shared.Config{
		URL: s.Session.Store, Password: s.Session.StorePassword.Reveal(),
		Key: []byte(s.Session.StoreKey.Reveal()), Logger: log,
	}
}

// openStore is where limits and denied sessions are kept: in memory, or in a Redis that instances
// share, which is watched until ctx ends. degraded says what is wrong with it at the moment.
func openStore(ctx context.Context, s *settings.Settings, log *slog.Logger) (store limit.Store, degraded func() []string, err error) {
	if !s.Session.Shared() {
		return limit.NewMemory(limit.MemoryConfig{}), func() []string { return nil }, nil
	}
	in, err := shared.Open(ctx, storeConfig(s, log))
	if err != nil {
		return nil, nil, err
	}
	go in.Run(ctx)
	return in, func() []string { return storeProblems(in.State()) }, nil
}

// storeProblems are of a store for the operator. None keeps the instance from serving.
func storeProblems(state shared.State) (problems []string) {
	if state.Away {
		problems = append(problems, "session.store is away: "+state.Reason)
	}
	if state.Queued > 0 {
		problems = append(problems, fmt.Sprintf("session.store has not heard of %d sign-ins and sign-outs", state.Queued))
	}
	return problems
}

// checkStore asks a store of the settings whether it would do. One that cannot be reached is a
// warning: the program starts without it, and whoever checks may be elsewhere. One that forgets, or
// takes no word from us, is an error.
func checkStore(ctx context.Context, file string, s *settings.Settings) (problems input.Problems) {
	if !s.Session.Shared() {
		return nil
	}
	err := shared.Check(ctx, storeConfig(s, slog.New(slog.DiscardHandler)))
	if err == nil {
		return nil
	}
	severity := input.SeverityWarning
	if errors.Is(err, shared.ErrPolicy) || shared.Refuses(err) {
		severity = input.SeverityError
	}
	return input.Problems{{File: file, Severity: severity, Message: "session.store: " + err.Error()}}
}
