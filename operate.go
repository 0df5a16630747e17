package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"tcb-login/admin"
	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/config/input"
	"tcb-login/config/loginpage"
	"tcb-login/config/settings"
	"tcb-login/handlers"
	"tcb-login/handlers/entry"
	"tcb-login/limit/shared"
	"tcb-login/metrics"
	"tcb-login/proxyheaders"
	"tcb-login/upstream"
)

// askEvery is how long TCB may be left unasked: see upstream.Transport.Watch.
const askEvery = time.Minute

// operations are what the pages do without: how we get to TCB, and what an operator sees of us.
type operations struct {
	settings   *settings.Settings
	transports []*upstream.Transport // in the order of the environments, whose clients share them
	log        *slog.Logger
	between    *proxyheaders.Watcher
	leaving    atomic.Bool // about to stop
	audit      *audit.Log  // nil: none
	metrics    *metrics.Set
	store      *shared.Store // nil: none that instances share
	askers     []asker       // in the order of the environments
}

// asker is the client by which an environment's TCB is asked whether it is there.
type asker struct {
	atomic.Pointer[authclient.Client]
}

// newOperations has the pages go through all of it.
func newOperations(cfg *handlers.Config, stdout io.Writer) (*operations, error) {
	s, log := cfg.Settings, cfg.Logger
	o := &operations{settings: s, log: log, between: proxyheaders.New(s.PublicOrigins, s.BasePath, log), metrics: handlers.NewMetrics(buildVersion())}
	if to := s.Audit.To; to != "" {
		where := audit.Config{Path: to, Key: auditKeys(s)[0], Logger: log}
		if to == settings.AuditStdout {
			where.Path, where.Writer = "", stdout
		}
		var err error
		if o.audit, err = audit.Open(where); err != nil {
			return nil, err
		}
	}
	o.metrics.Audit(func() uint64 { lost, _ := o.audit.Lost(); return lost })
	// Where counters and ended sessions are. A store further away says here whether it answers, and in
	// Dependencies how it is.
	kind, up := "memory", func() bool { return true }
	if o.store, _ = cfg.Outcomes.(*shared.Store); o.store != nil {
		kind, up = "redis", func() bool { return !o.store.State().Away }
	}
	o.metrics.Store(kind, up)
	for _, env := range s.Environments {
		o.transports = append(o.transports, upstream.New(upstream.Config{
			Environment: env.ID, InFlight: s.BackendInFlight, Timeout: s.BackendTimeout, Logger: log,
		}))
		t := o.transports[len(o.transports)-1]
		o.metrics.Upstream(env.ID, func() metrics.Upstream {
			h := t.Health()
			return metrics.Upstream{State: int(h.State), Away: h.Away(), InFlight: h.InFlight, Cap: h.Cap, Full: h.Full, Held: h.Held}
		})
	}
	cfg.NewAuth, cfg.Leaving, cfg.Audit, cfg.Metrics = o.newAuth, o.leaving.Load, o.audit, o.metrics
	logins := cfg.LoginPages
	o.metrics.Problems(func() int { return len(logins.Problems()) })
	return o, nil
}

// auditKeys are those of the settings; the first makes hashes.
func auditKeys(s *settings.Settings) (all []audit.Key) {
	for _, k := range s.Audit.Keys {
		all = append(all, audit.Key{ID: k.ID, Bytes: []byte(k.Key.Reveal())})
	}
	return all
}

// checkAudit tells whether the audit log of the settings can be written. Without the right to it is a warning:
// whoever checks may be another user.
func checkAudit(file string, s *settings.Settings) input.Problems {
	if s.Audit.To == "" || s.Audit.To == settings.AuditStdout {
		return nil
	}
	err := audit.Check(s.Audit.To)
	if err == nil {
		return nil
	}
	severity := input.SeverityError
	if errors.Is(err, fs.ErrPermission) {
		severity = input.SeverityWarning
	}
	return input.Problems{{File: file, Severity: severity, Message: "audit: to: " + err.Error()}}
}

// warnings are what is wrong and leaves us as ready as we were.
func (o *operations) warnings() []string {
	all := o.between.Problems()
	if lost, err := o.audit.Lost(); err != nil {
		all = append(all, fmt.Sprintf("the audit log takes no lines: %v (%d lost)", err, lost))
	}
	return all
}

// transport is that of an environment.
func (o *operations) transport(id string) *upstream.Transport {
	for i, env := range o.settings.Environments {
		if env.ID == id {
			return o.transports[i]
		}
	}
	return nil
}

// clientConfig is whom a client of TCB calls, and as whom.
func clientConfig(env settings.Environment, c settings.Client) authclient.Config {
	mode := authclient.CloudAPI
	if env.EndpointMode == settings.EndpointGateway {
		mode = authclient.Gateway
	}
	return authclient.Config{
		Env: env.ID, Region: env.Region, EndPointMode: mode, Intl: env.Intl, Endpoint: env.Endpoint,
		ClientID: c.ID, ClientSecret: c.Secret.Reveal(), PublishableKey: env.PublishableKey.Reveal(),
	}
}

// addressOf is where the calls of an environment go.
func addressOf(env settings.Environment) string { return clientConfig(env, env.Clients[0]).Address() }

// newClient makes every client of TCB there is.
func (o *operations) newClient(env settings.Environment, c settings.Client) (*authclient.Client, error) {
	cfg := clientConfig(env, c)
	cfg.Timeout, cfg.UserAgent = o.settings.BackendTimeout, "tcb-login/"+buildVersion()
	cfg.HTTPClient = &http.Client{Transport: o.transport(env.ID)}
	cfg.MaxInFlight = 16 * o.settings.BackendInFlight // the transport says no at once where the client would have calls wait
	cfg.Observe = func(done authclient.CallDone) { o.metrics.Call(env.ID, done.Op, done.Code, done.Took) }
	return authclient.New(cfg)
}

// newAuth is a client as the pages know it.
func (o *operations) newAuth(env settings.Environment, c settings.Client) (entry.Auth, error) {
	client, err := o.newClient(env, c)
	return entry.ClientAuth{Client: client}, err
}

// watch looks after login configs, TCB, and proxies in front of us, until ctx ends.
func (o *operations) watch(ctx context.Context, logins *loginpage.Pages) error {
	go logins.Watch(ctx, reloadEvery, func(changed []loginpage.Key, problems input.Problems) {
		o.metrics.Reload(len(changed), len(problems))
		tellReload(o.log, logins, changed, problems)
	})
	if err := o.ask(o.settings); err != nil {
		return err
	}
	for i := range o.askers {
		go o.transports[i].Watch(ctx, askEvery, func(ctx context.Context) {
			_, _ = o.askers[i].Load().IsUsernameRegistered(ctx, "readiness-check") // whatever it says, TCB is there
		})
	}
	go o.between.Run(ctx)
	return nil
}

// ask has TCB asked where the settings say that it is, of which the environments are always the same.
func (o *operations) ask(s *settings.Settings) error {
	var clients []*authclient.Client
	for _, env := range s.Environments {
		client, err := o.newClient(env, env.Clients[0])
		if err != nil {
			return err
		}
		clients = append(clients, client)
	}
	if o.askers == nil {
		o.askers = make([]asker, len(clients))
	}
	for i, client := range clients {
		o.askers[i].Store(client)
	}
	return nil
}

// reloadEvery is how often login configs are looked at for changes.
const reloadEvery = time.Second

// tellReload logs which login pages are new or gone, and what is wrong with those whose
// last good version serves on.
func tellReload(log *slog.Logger, logins *loginpage.Pages, changed []loginpage.Key, problems input.Problems) {
	for _, key := range changed {
		what := "login config read"
		if logins.Find(key) == nil && logins.ProblemsOf(key) == nil {
			what = "login config no longer there"
		}
		log.Info(what, "env_id", key.Env, "app_id", key.App, "config_version", key.Version, "draft", key.Draft)
	}
	tellProblems(log, "login config", problems)
}

// tellProblems logs what is wrong with files.
func tellProblems(log *slog.Logger, message string, problems input.Problems) {
	for _, p := range problems {
		level := slog.LevelWarn
		if p.Severity == input.SeverityError {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, message, "problem", p.String())
	}
}

// health is how TCB, and a store that instances share, were when they were last called.
func (o *operations) health() (all []admin.Dependency) {
	for i, env := range o.settings.Environments {
		h := o.transports[i].Health()
		d := admin.Dependency{Name: "tcb", EnvID: env.ID, Status: admin.Works, Since: h.Since, Heard: h.Heard}
		switch {
		case h.State != upstream.Closed:
			d.Status, d.Detail = admin.Degraded, "TCB does not answer: calls are held back, but for one now and then that finds out"
		case h.Down:
			d.Status, d.Detail, d.Since = admin.Degraded, "TCB did not answer when it was last called", time.Time{}
		case h.Heard.IsZero():
			d.Status, d.Since = admin.Unknown, time.Time{}
		case h.InFlight >= h.Cap:
			d.Status, d.Detail, d.Since = admin.Degraded, "as many calls are in flight as may be: more are turned away", time.Time{}
		}
		all = append(all, d)
	}
	if o.store != nil {
		all = append(all, storeHealth(o.store.State()))
	}
	return all
}

// listener is the operator's. What else we come to depend on, as a store of sessions, goes beside TCB
// in Dependencies.
func (o *operations) listener(site handlers.Config, listen string) (admin.Config, error) {
	preview, err := handlers.NewPreview(site)
	cfg := admin.Config{
		Version: buildVersion(), Logger: site.Logger, Preview: preview, Logins: site.LoginPages,
		Stopping: o.leaving.Load, Dependencies: o.health, Warnings: o.warnings,
		Metrics: o.metrics.Handler(),
	}
	cfg.Host, _, _ = net.SplitHostPort(listen)
	for _, env := range site.Settings.Environments {
		cfg.Environments = append(cfg.Environments, env.ID)
	}
	return cfg, err
}
