package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

var errLinux = errors.New("bench: Linux only: CPU and memory of a process are read from /proc")

// The kernel ends our children with the thread that started them, so that all are started by the
// first one, which lives as long as we do.
func init() { runtime.LockOSThread() }

func main() {
	if err := dispatch(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// dispatch is one of the processes of a run, or the run.
func dispatch() error {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "stub":
			return runStub(os.Args[2:])
		case "twin":
			return runTwin(os.Args[2:])
		}
	}
	if runtime.GOOS != "linux" {
		return errLinux
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return measure(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// bench is a run.
type bench struct {
	roundsOf int
	dir      string // of its own, for settings, logs and the program
	self     string // this program
	program  string // ours, and
	bare     string // what it is compared with
	key      string // of sessions
	auditKey string
	against  string // an address of another program; usually empty
	stub     *child
	children map[*child]bool
	last     string // the name of the child that was started last
	progress io.Writer
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+" …\n", args...) }

// A part is what is measured besides the lines.
type part struct {
	name string
	run  func(*bench, context.Context, *report) error
}

var parts = []part{
	{"start", (*bench).starts},
	{"memory", (*bench).memory},
	{"idle-connections", (*bench).idleConnections},
	{"hang", (*bench).hang},
	{"paint", (*bench).paint},
	{"growth-configs", (*bench).growthConfigs},
	{"growth-limits", (*bench).growthLimits},
}

// names are those that -only takes.
func names() (all []string) {
	for _, l := range lines() {
		all = append(all, l.name)
	}
	for _, p := range parts {
		all = append(all, p.name)
	}
	return all
}

type options struct {
	only     []string
	rounds   int
	markdown bool
	strict   bool
	against  string
	within   time.Duration
}

func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "measure these alone, with commas between: "+strings.Join(names(), " "))
	flags.IntVar(&o.rounds, "rounds", 5, "how often each line is measured")
	flags.BoolVar(&o.markdown, "markdown", false, "print the table for README.md")
	flags.BoolVar(&o.strict, "strict", false, "exit code 1 where a budget is missed")
	flags.StringVar(&o.against, "against", "", "also measure this address, of another program on this machine")
	flags.DurationVar(&o.within, "timeout", 15*time.Minute, "give up after this")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rounds < 1 || o.rounds > 100:
		return o, fmt.Errorf("-rounds %d: want 1 to 100", o.rounds)
	}
	if *only == "" {
		return o, nil
	}
	for name := range strings.SplitSeq(*only, ",") {
		if !slices.Contains(names(), name) {
			return o, fmt.Errorf("-only: there is no %q; there are %s", name, strings.Join(names(), ", "))
		}
		o.only = append(o.only, name)
	}
	return o, nil
}

func (o options) picks(name string) bool { return o.only == nil || slices.Contains(o.only, name) }

// errMissed is a budget that was missed, with -strict.
var errMissed = errors.New("bench: a budget is missed")

func measure(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	b := &bench{roundsOf: o.rounds, against: o.against, children: map[*child]bool{}, progress: stderr}
	for _, key := range []*string{&b.key, &b.auditKey} {
		var random [32]byte
		rand.Read(random[:])
		*key = base64.StdEncoding.EncodeToString(random[:])
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "tcb-login-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	defer b.stopAll()
	r := &report{}
	r.note("Measured on %d CPUs, %s/%s, %s; %d rounds over %d connections (%d where answers wait for a floor).",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), o.rounds, connections, patient)
	err = b.all(ctx, o, r)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("bench: ended before it was through: %w", ctx.Err())
	case o.markdown:
		r.markdown(stdout)
	default:
		r.text(stdout)
	}
	if err == nil && o.strict && r.missed() > 0 {
		return errMissed
	}
	return err
}

// all measures what is picked. What fails is told at the end, after what else was measured.
func (b *bench) all(ctx context.Context, o options, r *report) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	if err := b.startStub(ctx); err != nil {
		return err
	}
	var picked []line
	for _, l := range lines() {
		if o.picks(l.name) {
			picked = append(picked, l)
		}
	}
	if len(picked) > 0 || b.against != "" {
		measured, err := b.rounds(ctx, picked)
		if err != nil {
			return errors.Join(err, b.lastWords())
		}
		r.lines = measured
	}
	var failed []error
	for _, p := range parts {
		if !o.picks(p.name) || ctx.Err() != nil {
			continue
		}
		b.say("%s", p.name)
		if err := p.run(b, ctx, r); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err), b.lastWords())
		}
	}
	return errors.Join(failed...)
}
