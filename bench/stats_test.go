package main

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 9, 2}, 3},
		{nil, math.NaN()},
	} {
		if got := median(tt.in); got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
			t.Errorf("median of %v: %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, tt := range []struct {
		in   []time.Duration
		p    float64
		want time.Duration
	}{
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred, 0, 1},
		{[]time.Duration{7}, 99, 7},
		{[]time.Duration{2, 1}, 50, 1},
		{nil, 99, 0},
	} {
		if got := percentile(tt.in, tt.p); got != tt.want {
			t.Errorf("p%v of %d times: %d, want %d", tt.p, len(tt.in), got, tt.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("percentile has sorted what it was given")
	}
}

// The ratio is that of the rounds: here the medians alone would say that both are alike.
func TestCompare(t *testing.T) {
	t.Parallel()
	got := compare([]pair{{10, 5}, {20, 20}, {30, 40}, {40, 10}, {20, 80}})
	want := compared{ours: 20, bare: 20, ratio: 1, more: 0}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(compared{}), cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	got = compare([]pair{{10, math.NaN()}, {12, math.NaN()}, {30, math.NaN()}})
	if diff := cmp.Diff(alone(12), got, cmp.AllowUnexported(compared{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("without a bare program: %s", diff)
	}
	if got := compare([]pair{{10, 0}}); !math.IsNaN(got.ratio) {
		t.Errorf("a ratio to nothing: %v", got.ratio)
	}
}

// alone is a figure that the bare program does not have.
func alone(v float64) compared { return compared{v, math.NaN(), math.NaN(), math.NaN()} }

func TestBudget(t *testing.T) {
	t.Parallel()
	either := budget{times: 2, more: 25}
	for _, tt := range []struct {
		name     string
		b        budget
		c        compared
		ok, told bool
		text     string
	}{
		{"within the ratio", either, compare([]pair{{60, 30}}), true, true, "≤ 2.0× or +25 µs"},
		{"beyond it, and within what it may be more", either, compare([]pair{{34, 10}}), true, true, "≤ 2.0× or +25 µs"},
		{"beyond both", either, compare([]pair{{61, 30}}), false, true, "≤ 2.0× or +25 µs"},
		{"a ratio alone", budget{times: 2.5}, compare([]pair{{26, 10}}), false, true, "≤ 2.5×"},
		{"a ratio that is met", budget{times: 2.5}, compare([]pair{{25, 10}}), true, true, "≤ 2.5×"},
		{"an amount", budget{most: 12}, alone(12), true, true, "≤ 12 µs"},
		{"more than an amount", budget{most: 12}, alone(12.1), false, true, "≤ 12 µs"},
		{"nothing to compare with", either, alone(1), false, false, "≤ 2.0× or +25 µs"},
		{"none", budget{}, compare([]pair{{9, 1}}), false, false, "–"},
	} {
		ok, told := tt.b.met(tt.c)
		if ok != tt.ok || told != tt.told || tt.b.text("µs") != tt.text {
			t.Errorf("%s: met %t, told %t, %q", tt.name, ok, told, tt.b.text("µs"))
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]string{0: "0", 0.456: "0.46", 5: "5", 9.876: "9.88", 12.34: "12.3", 987.6: "988", -1.5: "-1.50"} {
		if got := number(in); got != want {
			t.Errorf("%v: %q, want %q", in, got, want)
		}
	}
	if got := number(math.NaN()); got != "–" {
		t.Errorf("NaN: %q", got)
	}
}
