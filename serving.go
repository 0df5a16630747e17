package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"tcb-login/admin"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers"
	"tcb-login/i18n"
	"tcb-login/limit"
	"tcb-login/static"
)

// serving is the program while it serves: what it was started with, what it is made of, and which of its
// settings it can exchange.
type serving struct {
	opts     options
	environ  []string
	messages *i18n.Bundle
	log      *slog.Logger
	level    *slog.LevelVar
	hangUps  <-chan os.Signal
	emulated bool       // the emulator stands in for TCB
	folder   folderLock // while it is used: see usesFolder

	settings *settings.Settings // in force
	logins   *loginpage.Pages
	store    limit.Store
	site     handlers.Config
	ops      *operations
	pages    *handlers.Live
	operator *handlers.Live // nil: no such listener
}

// usesFolder reports whether something is kept in the data folder with these settings: what the emulator has, or a
// session key.
func (r *serving) usesFolder(s *settings.Settings) bool {
	return r.emulated || len(s.Session.Keys) == 0
}

// configure wires what the pages need. requests is what ends them, outbox where the demo's emulator shows what it
// sent.
func (r *serving) configure(requests context.Context, pages net.Listener, outbox string, stdout io.Writer) error {
	var err error
	if r.store, err = openStore(requests, r.settings, r.log); err != nil {
		return err
	}
	r.site = handlers.Config{
		Context: requests, Settings: r.settings, Origins: r.settings.PublicOrigins, LoginPages: r.logins,
		Counter: r.store, Outcomes: r.store, Values: r.store, Messages: r.messages, Logger: r.log,
	}
	if r.site.Sessions, err = newSessions(r.settings, r.opts.data, r.store); err != nil {
		return err
	}
	if r.site.Static, err = static.Load(); err != nil {
		return err
	}
	loopback, err := loopbackHosts(pages)
	if err != nil {
		return err
	}
	if r.opts.settings == "" {
		r.site.Demo = &handlers.Demo{Outbox: outbox}
	}
	switch {
	case len(r.site.Origins) == 0:
		for _, host := range loopback {
			r.site.Origins = append(r.site.Origins, "http://"+host)
		}
	case r.site.Demo != nil && !slices.Contains(loopback, strings.TrimPrefix(r.site.Origins[0], "http://")): // which is the demo app's own
		r.site.Demo.App, r.site.Demo.Hosts = r.site.Origins[0], loopback
	}
	r.ops, err = newOperations(&r.site, stdout)
	return err
}

// assemble makes the apps, and adds their servers; operator is nil where there is to be no listener for the
// operator.
func (r *serving) assemble(servers []server, pages, operator net.Listener) ([]server, error) {
	site, err := handlers.New(r.site)
	if err != nil {
		return nil, err
	}
	r.pages = handlers.NewLive(site)
	servers = append(servers, proxied(appServer("login", r.pages, pages)))
	if operator == nil {
		return servers, nil
	}
	cfg, err := r.ops.listener(r.site, r.opts.adminListen)
	if err != nil {
		return nil, err
	}
	r.operator = handlers.NewLive(admin.New(cfg))
	return append(servers, appServer("admin", r.operator, operator)), nil
}

// reloadOn reads the settings anew at each signal.
func (r *serving) reloadOn(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			r.ops.metrics.SettingsRead(r.reload())
		}
	}
}

// reload reads the settings anew, with what they name, and takes over what needs no restart. Whatever is wrong with
// them, what is in force stays, and it returns false.
func (r *serving) reload() bool {
	read, logins, problems, misuse := load(r.opts, r.environ, r.messages)
	tellProblems(r.log, "settings", problems)
	switch {
	case misuse != nil:
		r.log.Error("settings not taken over: those from before stay in force", "error", "the program would not start with them: "+misuse.Error())
		return false
	case problems.HasErrors():
		r.log.Error("settings not taken over: those from before stay in force")
		return false
	}
	merged, change := settings.Merge(r.settings, read)
	if err := r.take(merged, logins); err != nil {
		r.log.Error("settings not taken over: those from before stay in force", "error", err.Error())
		return false
	}
	if len(change.Restart) > 0 {
		r.log.Warn("settings that need a restart: those from before stay in force", "settings", change.Restart)
	}
	r.log.Info("settings read anew", "changed", append([]string{}, change.Taken...)) // [] where there are none, not null
	return true
}

// take has the pages be made of other settings. Nothing is exchanged before all is made.
func (r *serving) take(s *settings.Settings, logins *loginpage.Pages) error {
	next := r.site
	next.Settings = s
	if r.usesFolder(s) {
		if err := r.folder.take(r.opts.data); err != nil {
			return err
		}
	}
	defer func() {
		if !r.usesFolder(r.settings) { // those in force by then
			r.folder.release()
		}
	}()
	var err error
	if next.Sessions, err = newSessions(s, r.opts.data, r.store); err != nil {
		return err
	}
	site, err := handlers.New(next)
	if err != nil {
		return err
	}
	var operator admin.Config
	if r.operator != nil {
		if operator, err = r.ops.listener(next, r.opts.adminListen); err != nil {
			return err
		}
	}
	if err := r.ops.ask(s); err != nil {
		return err
	}
	r.settings, r.site = s, next
	r.level.Set(s.LogLevel)
	var environments []string // in force, which the settings read may lack or have more of
	for _, env := range s.Environments {
		environments = append(environments, env.ID)
	}
	r.logins.Become(logins, environments)
	r.pages.Replace(site)
	if r.operator != nil {
		r.operator.Replace(admin.New(operator))
	}
	return nil
}
