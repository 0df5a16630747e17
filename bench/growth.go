package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"tcb-login/limit"
)

// loginConfig is a page with what the built-in one has.
const loginConfig = `{
  "name": "Bench %d",
  "backgroundColor": "#f3f3f3",
  "web": [
    {"id": "__password", "label": "", "icon": "", "enable": true},
    {"id": "__sms", "label": "", "icon": "", "enable": true},
    {"id": "email", "label": "", "icon": "", "enable": true}
  ],
  "userRegistry": {"enable": true, "registerType": "auto"},
  "access": {"needLogin": true}
}
`

// writeTree makes a folder of n login configs: the environment's own, and one for each of n-1 apps.
func writeTree(dir string, n int) error {
	for i := range n {
		file := filepath.Join(dir, "__auth", "env", "login.config.json")
		if i > 0 {
			file = filepath.Join(dir, "app-"+strconv.Itoa(i), "login.config.1.json")
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, fmt.Appendf(nil, loginConfig, i), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// perTree is how many pages one environment may have.
const perTree = 1000

// growthConfigs is what many login configs cost: at the start, in memory, with each request, and
// when nobody is there, since the folder is looked at for changes every second.
func (b *bench) growthConfigs(ctx context.Context, r *report) error {
	t := table{title: "Login configs", head: []string{
		"configs", "start, ms", "CPU of it, ms", "anonymous memory idle, MB", "CPU of a GET, µs", "CPU when idle, ms a second",
	}}
	for _, n := range []int{1, 100, 10_000} {
		s := b.settings()
		for left := n; left > 0; left -= perTree {
			tree := filepath.Join(b.dir, fmt.Sprintf("configs-%d-%d", n, left))
			if err := writeTree(tree, min(left, perTree)); err != nil {
				return err
			}
			s.trees = append(s.trees, tree)
		}
		row, err := b.withConfigs(ctx, s)
		if err != nil {
			return err
		}
		t.rows = append(t.rows, append([]string{strconv.Itoa(n)}, row...))
	}
	r.tables = append(r.tables, t)
	r.note("Login configs: an environment has %d at most, so that 10,000 are those of 10 environments. The CPU of a GET has that of looking for changes in it.", perTree)
	return nil
}

func (b *bench) withConfigs(ctx context.Context, s setup) (row []string, err error) {
	addr, yaml, err := b.prepareOurs("configs", s)
	if err != nil {
		return nil, err
	}
	path := newTarget(addr, "http://"+addr).entry("/")
	first, err := b.firstAnswer(ctx, addr, path, func() (*child, error) { return b.launchOurs("configs", addr, yaml) })
	if err != nil {
		return nil, err
	}
	c, err := b.startOurs(ctx, "configs", s)
	if err != nil {
		return nil, err
	}
	defer b.stop(c)
	if err := pause(ctx, settled); err != nil {
		return nil, err
	}
	mb, err := anonymousOf(c.pid())
	if err != nil {
		return nil, err
	}
	const watched = 4 * time.Second
	before, err := cpuOf(c.pid())
	if err == nil {
		err = pause(ctx, watched)
	}
	if err != nil {
		return nil, err
	}
	after, err := cpuOf(c.pid())
	if err != nil {
		return nil, err
	}
	t := newTarget(c.addr, c.origin())
	var cpu []float64
	for range 3 {
		shots, err := again("/")(ctx, t, manyGets)
		if err != nil {
			return nil, err
		}
		got, err := t.drive(ctx, connections, shots, lines()[0].want, c.pid())
		if err != nil {
			return nil, err
		}
		cpu = append(cpu, float64(got.cpu.Nanoseconds())/1000/manyGets)
	}
	return []string{
		number(milliseconds(first.wall)), number(milliseconds(first.cpu)), number(mb), number(median(cpu)),
		number(milliseconds(after-before) / watched.Seconds()),
	}, nil
}

// growthLimits is what many keys cost the counters, in this process: they are kept to so many, and
// forget the ones used least recently.
func (b *bench) growthLimits(ctx context.Context, r *report) error {
	t := table{title: "Keys of the limits (package limit, in memory)", head: []string{"keys", "ns of a count", "ns of a look", "heap, MB"}}
	rule := limit.Rule{Name: "bench", N: 50, Per: time.Hour}
	for _, n := range []int{1, 100, 1_000_000} {
		before := heap()
		m := limit.NewMemory(limit.MemoryConfig{})
		took, looked, err := countKeys(ctx, m, rule, n)
		if err != nil {
			return err
		}
		mb := float64(heap()-before) / (1 << 20)
		runtime.KeepAlive(m)
		t.rows = append(t.rows, []string{strconv.Itoa(n), number(took), number(looked), number(max(mb, 0))})
	}
	r.tables = append(r.tables, t)
	r.note("Keys of the limits: a store holds 200,000 at most, whatever comes; the heap is what it holds at the end.")
	return nil
}

// countKeys counts each of n keys once, then 100,000 of them in turn, which is timed, as looking at
// as many is. A rule allows less than that of few keys; what is refused takes the same way.
func countKeys(ctx context.Context, m *limit.Memory, rule limit.Rule, n int) (take, peek float64, err error) {
	const timed = 100_000
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "10.0.0." + strconv.Itoa(i)
		if i%10_000 == 0 && ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
		if _, err := m.Take(ctx, rule, keys[i]); err != nil {
			return 0, 0, err
		}
	}
	start := time.Now()
	for i := range timed {
		if _, err := m.Take(ctx, rule, keys[i*7919%n]); err != nil {
			return 0, 0, err
		}
	}
	middle := time.Now()
	for i := range timed {
		if _, err := m.Peek(ctx, rule, keys[i*7919%n]); err != nil {
			return 0, 0, err
		}
	}
	return float64(middle.Sub(start).Nanoseconds()) / timed, float64(time.Since(middle).Nanoseconds()) / timed, nil
}

// heap is what this process has allocated and not given up.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
