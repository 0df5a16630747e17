package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := parseOptions([]string{"-only", "get-sms,start", "-rounds", "2", "-strict"}, io.Discard)
	if err != nil || o.rounds != 2 || !o.strict || !o.picks("start") || o.picks("get-css") {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := parseOptions(nil, io.Discard); err != nil || o.rounds != 5 || !o.picks("get-css") || o.strict {
		t.Errorf("nothing said: %+v, %v", o, err)
	}
	for _, args := range [][]string{{"-only", "get-everything"}, {"-only", "start,"}, {"-rounds", "0"}, {"-rounds", "101"}, {"more"}, {"-nothing"}} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	if all := names(); len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
		t.Errorf("a name twice: %q", all)
	}
}

// Another program is measured on this machine alone.
func TestOtherProgram(t *testing.T) {
	t.Parallel()
	_, target := newBench(t)
	got, err := otherProgram(target.origin + target.entry("/"))
	if err != nil || len(got.pids) != 1 || got.want.status != 200 {
		t.Errorf("%v, %v", got.pids, err)
	}
	for _, address := range []string{"", "127.0.0.1:80", "https://127.0.0.1:8443/", "http://127.0.0.1/", "http://192.0.2.1:80/", "http://example.com:80/", "http://127.0.0.1:x/", "http://127.0.0.1:1/"} {
		if _, err := otherProgram(address); err == nil {
			t.Errorf("%q: no error", address)
		}
	}
}

func sample() *report {
	r := &report{
		lines: []measured{
			{line: line{title: "GET a", budget: returning}, cpu: []pair{{40, 30}}, rate: []pair{{9, 10}}, allocs: []pair{{388, 0.01}}},
			{line: line{title: "GET b", budget: backed}, cpu: []pair{{300, 100}}},
			{line: line{title: "GET of another"}, cpu: []pair{{300, 100}}},
		},
		figures: []figure{{"memory", "MB", alone(13), budget{most: 12}}},
		tables:  []table{{"Growth", []string{"n", "ms"}, [][]string{{"1", "2"}}}},
	}
	r.note("A note.")
	return r
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := sample()
	if got := r.missed(); got != 2 {
		t.Errorf("%d budgets missed, want 2", got)
	}
	var text, markdown bytes.Buffer
	r.text(&text)
	r.markdown(&markdown)
	for _, want := range []string{"40 | 30 | 1.33×", "388 | 0 ", "≤ 2.0× or +25 µs   met", "≤ 2.5×             MISSED", "memory, MB   13                    ≤ 12 MB   MISSED", "A note.", "budgets missed: 2"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	for row := range strings.Lines(markdown.String()) {
		if strings.HasPrefix(row, "| GET") && strings.Count(row, "|") != 9 {
			t.Errorf("a row with other columns than eight: %s", row)
		}
	}
	for _, want := range []string{"| GET a | 9 / 10 / 0.90× |", "| n | ms |\n| --- | --- |\n| 1 | 2 |"} {
		if !strings.Contains(markdown.String(), want) {
			t.Errorf("no %q in:\n%s", want, markdown.String())
		}
	}
	if got := cell(compared{math.NaN(), math.NaN(), math.NaN(), math.NaN()}); got != "–" {
		t.Errorf("nothing measured: %q", got)
	}
}

// A child that does not listen, or ends at once, is told; and stopped.
func TestChildren(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: t.TempDir(), children: map[*child]bool{}}
	addr, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	ends, err := b.launch("ends", addr, program, "0")
	if err != nil {
		t.Fatal(err)
	}
	if err := ends.await(t.Context()); err == nil || !strings.Contains(err.Error(), "ended before it listened") {
		t.Errorf("one that ends: %v", err)
	}
	sleeps, err := b.launch("sleeps", addr, program, "3600")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := sleeps.await(ctx); err == nil || !strings.Contains(err.Error(), "does not listen") {
		t.Errorf("one that does not listen: %v", err)
	}
	b.stopAll()
	select {
	case <-sleeps.done:
	case <-time.After(patience):
		t.Error("it runs on")
	}
	if len(b.children) != 0 {
		t.Errorf("%d children left", len(b.children))
	}
}
