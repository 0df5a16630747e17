// Package metrics counts what an operator watches, for Prometheus. It is the one package that knows
// its client.
//
// Labels are bounded, whatever strangers send: routes and methods are those of the table of pages,
// statuses and outcomes are of closed lists, error codes are those that TCB documents, calling codes
// those that there are, environments and limits those of the settings and the source. Everything else
// counts as "other". So what a scrape costs does not grow.
//
// A request costs one atomic addition: its series is found when the routes are hung, not by a look-up
// of labels for each. The methods of a nil *Set count nothing.
package metrics

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tcb-login/identifier"
	"tcb-login/pattern"
)

const (
	namespace = "tcb_login"
	other     = "other" // what is in no list
)

// Config says what labels can be, beside what is always the same.
type Config struct {
	Version  string
	Codes    []string // of TCB's errors
	Events   []string // security events, as package audit names them
	Outcomes []string
	Methods  []string // ways in
	Reasons  []string // why requests are refused
}

// Set is all series of a program.
type Set struct {
	registry *prometheus.Registry
	cfg      Config

	requests    *prometheus.CounterVec
	took        *prometheus.HistogramVec
	refusals    *prometheus.CounterVec
	calls       *prometheus.CounterVec
	callSeconds *prometheus.HistogramVec
	signIns     *prometheus.CounterVec
	events      *prometheus.CounterVec
	limits      *prometheus.CounterVec
	captchas    *prometheus.CounterVec
	codes       *prometheus.CounterVec
	sessions    *prometheus.CounterVec
	reloads     *prometheus.CounterVec
	refused     prometheus.Gauge
}

// Latencies of TCB's, and of our pages, which are a hundred times faster where they call nothing.
var (
	callBuckets    = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	requestBuckets = []float64{.0005, .001, .0025, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// New registers all series.
func New(cfg Config) *Set {
	s := &Set{registry: prometheus.NewRegistry(), cfg: cfg}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		s.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
		s.registry.MustRegister(h)
		return h
	}
	s.requests = counter("requests_total", "Requests that were answered.", "method", "route", "status")
	s.took = histogram("request_seconds", "How long answers took.", requestBuckets, "method")
	s.refusals = counter("refusals_total", "Requests that did not get what they asked for, by the reason that the log has.", "reason")
	for _, reason := range append([]string{other}, cfg.Reasons...) {
		s.refusals.WithLabelValues(reason) // at 0: Prometheus sees no increase in a series that begins at 1, and the first bug is one to tell of
	}
	s.calls = counter("tcb_calls_total", "Calls of TCB, by the client's method and TCB's error code (ok: none).", "env_id", "call", "code")
	s.callSeconds = histogram("tcb_call_seconds", "How long calls of TCB took, with their tries.", callBuckets, "env_id", "call")
	s.signIns = counter("sign_ins_total", "Ways in that somebody tried, by how they ended.", "method", "outcome")
	s.events = counter("events_total", "Security events, as the audit log has them.", "event", "outcome")
	s.limits = counter("limits_hit_total", "Limits of ours that were used up when somebody came to one.", "rule")
	s.captchas = counter("captchas_total", "Captchas: asked by TCB or by us (demanded), solved, wrong.", "event")
	s.codes = counter("codes_total", "Codes by SMS and email: sent, right, wrong, withheld by TCB. Emails have no calling code.", "event", "channel", "calling_code")
	s.sessions = counter("sessions_total", "Logins on our pages: begun, handed_over, stepped_up, ended.", "event")
	s.reloads = counter("config_reloads_total", "Login configs that changed and were read again.", "outcome")
	s.refused = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "settings_refused", Help: "1 where the settings that were last read anew were not taken over: those from before stay in force.",
	})
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the version is its label.", ConstLabels: prometheus.Labels{"version": cfg.Version},
	})
	info.Set(1)
	s.registry.MustRegister(s.refused, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Handler serves the metrics to Prometheus.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Labels are the labels of every series that is registered, by its name.
func (s *Set) Labels() map[string][]string {
	all := map[string][]string{}
	described := make(chan *prometheus.Desc, 16)
	go func() { s.registry.Describe(described); close(described) }()
	for d := range described {
		if m := describes.Regexp().FindStringSubmatch(d.String()); m != nil {
			labels := strings.FieldsFunc(m[2]+","+m[3], func(r rune) bool { return r == ',' })
			for i, l := range labels {
				labels[i], _, _ = strings.Cut(l, "=")
			}
			all[m[1]] = labels
		}
	}
	return all
}

// describes reads a Desc, which tells in no other way.
var describes = pattern.New(`fqName: "([^"]+)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)

// within is a value of a closed list, or other.
func within(list []string, value string) string {
	if slices.Contains(list, value) {
		return value
	}
	return other
}

// Refused counts a request that did not get what it asked for.
func (s *Set) Refused(reason string) {
	if s != nil {
		s.refusals.WithLabelValues(within(s.cfg.Reasons, reason)).Inc()
	}
}

// Call counts a call of TCB. Op is a method of authclient's, code empty where all went well.
func (s *Set) Call(env, op, code string, took time.Duration) {
	if s == nil {
		return
	}
	if code == "" {
		code = "ok"
	} else {
		code = within(s.cfg.Codes, code)
	}
	s.calls.WithLabelValues(env, op, code).Inc()
	s.callSeconds.WithLabelValues(env, op).Observe(took.Seconds())
}

// Event counts a security event.
func (s *Set) Event(name, outcome string) {
	if s != nil {
		s.events.WithLabelValues(within(s.cfg.Events, name), within(s.cfg.Outcomes, outcome)).Inc()
	}
}

// SignIn counts a way in.
func (s *Set) SignIn(method, outcome string) {
	if s != nil {
		s.signIns.WithLabelValues(within(s.cfg.Methods, method), within(s.cfg.Outcomes, outcome)).Inc()
	}
}

// Limit counts a limit that was used up, by the name that it has in the source.
func (s *Set) Limit(rule string) {
	if s != nil {
		s.limits.WithLabelValues(rule).Inc()
	}
}

// What happens to a captcha.
const (
	CaptchaAsked    = "asked"    // TCB wants one
	CaptchaDemanded = "demanded" // we do
	CaptchaSolved   = "solved"
	CaptchaWrong    = "wrong"
)

// Captcha counts one.
func (s *Set) Captcha(event string) {
	if s != nil {
		s.captchas.WithLabelValues(event).Inc()
	}
}

// What happens to a code.
const (
	CodeSent     = "sent"
	CodeRight    = "right"
	CodeWrong    = "wrong"
	CodeWithheld = "withheld"
)

// Code counts one. Calling is the calling code of its number, empty for an e-mail.
func (s *Set) Code(event, channel, calling string) {
	if s == nil {
		return
	}
	if calling != "" && !identifier.IsCallingCode(calling) {
		calling = other
	}
	s.codes.WithLabelValues(event, channel, calling).Inc()
}

// What happens to a login on our pages.
const (
	SessionBegun      = "begun"
	SessionHandedOver = "handed_over"
	SessionSteppedUp  = "stepped_up"
	SessionEnded      = "ended"
)

// Session counts one.
func (s *Set) Session(event string) {
	if s != nil {
		s.sessions.WithLabelValues(event).Inc()
	}
}

// Reload counts login configs that were read again, and those that could not be.
func (s *Set) Reload(ok, broken int) {
	if s != nil {
		s.reloads.WithLabelValues("ok").Add(float64(ok))
		s.reloads.WithLabelValues("error").Add(float64(broken))
	}
}

// SettingsRead tells whether the settings that were read anew were taken over.
func (s *Set) SettingsRead(taken bool) {
	if s != nil {
		s.refused.Set(truth(!taken))
	}
}
