package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"

	"tcb-login/audit"
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

// runTwin is our site in a process that tells how much it allocates.
func runTwin(args []string) error {
	flags := flag.NewFlagSet("twin", flag.ContinueOnError)
	file := flags.String("settings", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	app, listen, err := newTwin(*file, os.LookupEnv, os.Stderr, nil)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("twin: %w", err)
	}
	go wire.ObeyParent()
	return app.Listener(framing.NewListener(ln))
}

// newTwin wires our site as main does it for settings without an emulator. What main has besides (the
// operator's listener, reloads, what stands between us and TCB) makes no answer, and is not counted. TCB
// is asked through backend, over the network where that is nil.
func newTwin(file string, env func(string) (string, bool), log io.Writer, backend *http.Client) (app *fiber.App, listen string, err error) {
	messages, err := i18n.Load()
	if err != nil {
		return nil, "", err
	}
	s, logins, problems := config.Load(file, settings.Launch{Env: env}, messages)
	if problems.HasErrors() {
		return nil, "", errors.New(problems.String())
	}
	if len(s.Session.Keys) == 0 || len(s.Audit.Keys) == 0 || s.Audit.To == "" {
		return nil, "", errors.New("the settings have no keys, or no audit log")
	}
	key := s.Audit.Keys[0]
	record, err := audit.Open(audit.Config{Path: s.Audit.To, Key: audit.Key{ID: key.ID, Bytes: []byte(key.Key.Reveal())}})
	if err != nil {
		return nil, "", err
	}
	memory := limit.NewMemory(limit.MemoryConfig{})
	sessions, err := session.New(session.Config{
		Keys: [][]byte{[]byte(s.Session.Keys[0].Reveal())}, BasePath: s.BasePath,
		Deny: memory, Quota: handlers.SessionQuota(memory),
	})
	if err != nil {
		return nil, "", err
	}
	assets, err := static.Load()
	if err != nil {
		return nil, "", err
	}
	app, err = handlers.New(handlers.Config{
		Context: context.Background(), Settings: s, Origins: s.PublicOrigins, LoginPages: logins,
		NewAuth: func(env settings.Environment, c settings.Client) (entry.Auth, error) {
			client, err := authclient.New(authclient.Config{
				Env: env.ID, Region: env.Region, ClientID: c.ID, Endpoint: env.Endpoint, Timeout: s.BackendTimeout, HTTPClient: backend,
			})
			return entry.ClientAuth{Client: client}, err
		},
		Sessions: sessions, Counter: memory, Outcomes: memory, Values: memory, Messages: messages, Static: assets, Audit: record,
		Logger: slog.New(slog.NewJSONHandler(log, nil)),
	})
	return app, s.Listen, err
}

// patience is how long any one thing may take that takes no time when all is well.
const patience = 30 * time.Second
