package metrics

import "github.com/prometheus/client_golang/prometheus"

// Upstream is how we get to TCB in one environment.
type Upstream struct {
	State    int // of the breaker: 0 closed, 1 open, 2 half-open
	Away     bool
	InFlight int
	Cap      int
	Full     uint64 // calls that were not made because too many were in flight
	Held     uint64 // because TCB is away
}

// Upstream has a scrape ask how an environment is.
func (s *Set) Upstream(env string, look func() Upstream) {
	if s == nil {
		return
	}
	labels := prometheus.Labels{"env_id": env}
	gauge := func(name, help string, value func(Upstream) float64) {
		s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels},
			func() float64 { return value(look()) }))
	}
	gauge("tcb_breaker_state", "Whether calls leave: 0 they do, 1 none does, 2 one has left to find out.", func(u Upstream) float64 { return float64(u.State) })
	gauge("tcb_up", "1 where TCB answered when it was last called.", func(u Upstream) float64 { return truth(!u.Away) })
	gauge("tcb_in_flight", "Calls of TCB that wait for an answer.", func(u Upstream) float64 { return float64(u.InFlight) })
	gauge("tcb_in_flight_max", "As many may.", func(u Upstream) float64 { return float64(u.Cap) })
	for why, value := range map[string]func(Upstream) uint64{
		"full": func(u Upstream) uint64 { return u.Full },
		"away": func(u Upstream) uint64 { return u.Held },
	} {
		s.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "tcb_held_back_total", Help: "Calls of TCB that were not made, since too many were in flight or TCB is away.",
			ConstLabels: prometheus.Labels{"env_id": env, "why": why},
		}, func() float64 { return float64(value(look())) }))
	}
}

// Store has a scrape ask whether what keeps counters and ended sessions answers: "memory", or what is
// further away.
func (s *Set) Store(name string, up func() bool) {
	if s != nil {
		s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "store_up", Help: "1 where the store of counters and ended sessions answers.", ConstLabels: prometheus.Labels{"store": name},
		}, func() float64 { return truth(up()) }))
	}
}

// Audit has a scrape ask how many lines of the audit log were lost.
func (s *Set) Audit(lost func() uint64) {
	if s != nil {
		s.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "audit_lost_total", Help: "Lines of the audit log that could not be written.",
		}, func() float64 { return float64(lost()) }))
	}
}

// Problems has a scrape ask how many login configs cannot be read.
func (s *Set) Problems(count func() int) {
	if s != nil {
		s.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "config_problems", Help: "What is wrong with login configs now: their last good version serves on.",
		}, func() float64 { return float64(count()) }))
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
