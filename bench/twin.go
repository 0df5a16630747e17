package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"tcb-login/authclient"
	"tcb-login/bench/wire"
	"tcb-login/config"
	"tcb-login/config/settings"
	"tcb-login/framing"
	"tcb-login/handlers"
	"tcb-login/handlers/entry"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/session"
	"tcb-login/static"
)

// runTwin is our site in a process that tells how much it allocates. It is wired as main does it for
// settings without an emulator; what main has besides (the operator's listener, reloads) makes no
// answer.
func runTwin(args []string) error {
	flags := flag.NewFlagSet("twin", flag.ContinueOnError)
	file := flags.String("settings", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	messages, err := i18n.Load()
	if err != nil {
		return err
	}
	s, logins, problems := config.Load(*file, settings.Launch{Env: os.LookupEnv}, messages)
	if problems.HasErrors() {
		return errors.New(problems.String())
	}
	if len(s.Session.Keys) == 0 {
		return errors.New("the settings have no session keys")
	}
	memory := limit.NewMemory(limit.MemoryConfig{})
	sessions, err := session.New(session.Config{
		Keys: [][]byte{[]byte(s.Session.Keys[0].Reveal())}, BasePath: s.BasePath,
		Deny: memory, Ended: limit.NewMemory(limit.MemoryConfig{}), Quota: handlers.SessionQuota(memory),
	})
	if err != nil {
		return err
	}
	assets, err := static.Load()
	if err != nil {
		return err
	}
	app, err := handlers.New(handlers.Config{
		Context: context.Background(), Settings: s, Origins: s.PublicOrigins, LoginPages: logins,
		NewAuth: func(env settings.Environment, c settings.Client) (entry.Auth, error) {
			client, err := authclient.New(authclient.Config{
				Env: env.ID, Region: env.Region, ClientID: c.ID, Endpoint: env.Endpoint, Timeout: s.BackendTimeout,
			})
			return entry.ClientAuth{Client: client}, err
		},
		Sessions: sessions, Counter: memory, Messages: messages, Static: assets,
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("twin: %w", err)
	}
	go wire.ObeyParent()
	return app.Listener(framing.NewListener(ln))
}

// patience is how long any one thing may take that takes no time when all is well.
const patience = 30 * time.Second
