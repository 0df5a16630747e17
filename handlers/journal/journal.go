// Package journal is what is on record of requests: a line of the log for each, with why it did not
// get what it asked for; security events in the audit log; and the counters of both. It knows neither
// pages nor HTTP: package web tells it of requests, and rooms of what happened in them (Entry.Note).
package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tcb-login/audit"
	"tcb-login/authclient"
	"tcb-login/handlers/refusal"
	"tcb-login/limit"
	"tcb-login/metrics"
)

// Journal writes. Audit and Metrics may be nil.
type Journal struct {
	Log     *slog.Logger
	Audit   *audit.Log
	Metrics *metrics.Set
	Now     func() time.Time
}

// Entry is what is on record of a request, as far as it is known by now.
type Entry struct {
	Names authclient.Trace // of the request, for our log and for TCB's

	Code string // TCB's error code, if a call was refused, or what was wrong with the bytes
	Err  error  // a bug or an outage; never shown to people

	// Agreed is the hash of the texts that somebody has just agreed to: that they did is on record.
	Agreed string
	Person string // whose sub it is that agreed, or came in

	EnvID, ClientID, ConfigVersion string // of the login page
	Host                           string // where it is none of ours
	Parameter                      string // that a refusal is about
	Address                        string // of who asks
	Session                        string // its id, at the request's beginning

	Route *metrics.Route
	Quiet bool // asked by a machine all day long: for the log at its most talkative

	reason  refusal.Reason
	journal *Journal
	began   time.Time

	mu    sync.Mutex
	rules []string // limits that were used up
}

// Begin is the beginning of a request.
func (j *Journal) Begin(e *Entry) { e.journal, e.began = j, j.Now() }

// Began is when the request did.
func (e *Entry) Began() time.Time { return e.began }

type key struct{}

// Context is ctx, whose calls of TCB have the request's names, and whose counts are on record.
func (e *Entry) Context(ctx context.Context) context.Context {
	return context.WithValue(authclient.WithTrace(ctx, &e.Names), key{}, e)
}

// Refused notes for the log line that TCB refused a call.
func (e *Entry) Refused(err error) { e.Code = refusal.CodeOf(err) }

// Because notes why the request does not get what it asked for. What was said first is the more exact.
func (e *Entry) Because(reason refusal.Reason) {
	if e.reason == "" {
		e.reason = reason
	}
}

// Counter is a counter whose limits are on record where they are used up.
func Counter(c limit.Counter) limit.Counter { return counter{c} }

type counter struct{ limit.Counter }

// Take counts one.
func (c counter) Take(ctx context.Context, rule limit.Rule, of string) (limit.Decision, error) {
	d, err := c.Counter.Take(ctx, rule, of)
	if e, ok := ctx.Value(key{}).(*Entry); ok && err == nil && !d.OK {
		e.mu.Lock()
		e.rules = append(e.rules, rule.Name)
		e.mu.Unlock()
	}
	return d, err
}

// Note puts a security event on record.
func (e *Entry) Note(event audit.Event) {
	if e.journal == nil { // a sample
		return
	}
	event.Request = audit.Request{
		EnvID: e.EnvID, ClientID: e.ClientID, ConfigVersion: e.ConfigVersion,
		Address: e.Address, RequestID: e.Names.RequestID, TraceID: e.Names.TraceID, Session: e.Session,
	}
	m := e.journal.Metrics
	m.Event(string(event.Name), string(event.Outcome))
	switch event.Name {
	case audit.SignIn:
		m.SignIn(string(event.Method), string(event.Outcome))
		if event.Outcome == audit.OK {
			e.Person = event.Sub
			m.Session(metrics.SessionBegun)
		}
	case audit.HandOff:
		m.Session(metrics.SessionHandedOver)
	case audit.SessionEnded:
		m.Session(metrics.SessionEnded)
	case audit.StepUp:
		if event.Outcome == audit.OK {
			m.Session(metrics.SessionSteppedUp)
		}
	case audit.CodeSent:
		e.countCode(sentCounts, event)
	case audit.CodeChecked:
		e.countCode(checkedCounts, event)
	}
	e.journal.Audit.Write(event)
}

// What is counted of a code, by how it went. A check that nobody decided is neither right nor wrong.
var (
	sentCounts    = map[audit.Outcome]string{audit.OK: metrics.CodeSent, audit.Withheld: metrics.CodeWithheld}
	checkedCounts = map[audit.Outcome]string{audit.OK: metrics.CodeRight, audit.Refused: metrics.CodeWrong}
)

func (e *Entry) countCode(counts map[audit.Outcome]string, event audit.Event) {
	if what, ok := counts[event.Outcome]; ok {
		e.journal.Metrics.Code(what, string(event.Method), event.Calling)
	}
}

// Outcome is how a call went, and why it did not go well. What needs a captcha first has no end yet:
// then it is empty.
func Outcome(err error) (outcome audit.Outcome, reason, code string) {
	why := refusal.ReasonOf(err)
	switch {
	case err == nil:
		return audit.OK, "", ""
	case why == "":
		return "", "", ""
	case refusal.Failed(err):
		return audit.Failed, string(why), refusal.CodeOf(err)
	case authclient.DemandOf(err) != authclient.NoDemand:
		return audit.Incomplete, string(why), refusal.CodeOf(err)
	}
	return audit.Refused, string(why), refusal.CodeOf(err)
}

// Captcha counts what became of one.
func (e *Entry) Captcha(event string) {
	if e.journal != nil {
		e.journal.Metrics.Captcha(event)
	}
}

// A Line is what only the end of a request knows.
type Line struct {
	Method, Route string // none of what never became a request
	Status        int
}

// Write is the end of a request: its line, and what was gathered for the audit log.
func (e *Entry) Write(l Line) {
	j := e.journal
	took := j.Now().Sub(e.began)
	e.Route.Count(l.Status, took)
	for _, rule := range e.rules {
		j.Metrics.Limit(rule)
		e.Note(audit.Event{Name: audit.LimitHit, Outcome: audit.Refused, Rule: rule, Sub: e.Person})
	}
	if e.Agreed != "" {
		e.Note(audit.Event{Name: audit.Consent, Outcome: audit.OK, Texts: e.Agreed, Sub: e.Person})
	}
	level := slog.LevelInfo
	switch {
	case e.Err != nil:
		if level = slog.LevelError; l.Status >= 500 {
			e.Because(refusal.ReasonInternal)
		}
	case e.Quiet:
		level = slog.LevelDebug
	}
	if e.reason != "" {
		j.Metrics.Refused(string(e.reason))
	}
	ctx := context.Background() // the handlers of slog that we have use none
	if !j.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 20)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("request_id", e.Names.RequestID)
	add("trace_id", e.Names.TraceID)
	add("method", l.Method)
	add("route", l.Route)
	attrs = append(attrs, slog.Int("status", l.Status), slog.Float64("took_ms", float64(took.Microseconds())/1000))
	add("address", e.Address)
	add("env_id", e.EnvID)
	add("client_id", e.ClientID)
	add("config_version", e.ConfigVersion)
	add("host", e.Host)
	add("reason", string(e.reason))
	add("parameter", e.Parameter)
	if len(e.rules) > 0 {
		add("rule", e.rules[len(e.rules)-1])
	}
	add("code", e.Code)
	add("agreed", e.Agreed)
	if e.Err != nil {
		add("error", loggable(e.Err))
	}
	// As Logger.LogAttrs does, but for where in the source it was called, which none of our lines has.
	r := slog.NewRecord(time.Now(), level, "request", 0)
	r.AddAttrs(attrs...)
	_ = j.Log.Handler().Handle(ctx, r)
}

// loggable is an error's text where it cannot hold what a person typed: *authclient.Error leaves
// TCB's description out of its text for that reason.
func loggable(err error) string {
	var api *authclient.Error
	if errors.As(err, &api) {
		return api.Error() + ", request " + api.RequestID
	}
	return err.Error()
}
