package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"tcb-login/admin"
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
// share, which is watched until ctx ends.
func openStore(ctx context.Context, s *settings.Settings, log *slog.Logger) (limit.Store, error) {
	if !s.Session.Shared() {
		return limit.NewMemory(limit.MemoryConfig{}), nil
	}
	store, err := shared.Open(ctx, storeConfig(s, log))
	if err != nil {
		return nil, err
	}
	go store.Run(ctx)
	return store, nil
}

// storeHealth is how a store is. Being away keeps no instance from serving.
func storeHealth(state shared.State) admin.Dependency {
	d := admin.Dependency{Name: "store", Status: admin.Works, Since: state.Since}
	if state.Away {
		d.Status, d.Detail = admin.Degraded, state.Reason
	}
	if state.Queued > 0 {
		d.Status, d.Detail = admin.Degraded, fmt.Sprintf("%s (%d sign-ins and sign-outs wait to be told)", cmp.Or(d.Detail, "it is back"), state.Queued)
	}
	return d
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
