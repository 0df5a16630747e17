package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// median of some values; NaN of none. Of an even number it is the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile is the least of some times that p of a hundred do not exceed (the nearest rank).
func percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// A pair is what one round measured of both programs.
type pair struct{ ours, bare float64 }

// compared are the medians over the rounds, each of its own: the ratio of the medians is not the
// median of the ratios.
type compared struct{ ours, bare, ratio, more float64 }

func compare(rounds []pair) compared {
	var ours, bare, ratio, more []float64
	for _, r := range rounds {
		ours = append(ours, r.ours)
		if math.IsNaN(r.bare) {
			continue
		}
		bare = append(bare, r.bare)
		more = append(more, r.ours-r.bare)
		if r.bare > 0 {
			ratio = append(ratio, r.ours/r.bare)
		}
	}
	return compared{median(ours), median(bare), median(ratio), median(more)}
}

// A budget is what a figure may be: so many times the bare program's, or so much more than it,
// whichever is larger; or at most so much by itself.
type budget struct{ times, more, most float64 }

// met compares with a budget. told is false where there is none, or nothing to compare.
func (b budget) met(c compared) (ok, told bool) {
	switch {
	case b.most > 0:
		return c.ours <= b.most, !math.IsNaN(c.ours)
	case b.times > 0:
		return c.ratio <= b.times || b.more > 0 && c.more <= b.more, !math.IsNaN(c.ratio)
	}
	return false, false
}

// text names the budget, of a figure in a unit.
func (b budget) text(unit string) string {
	switch {
	case b.most > 0:
		return fmt.Sprintf("≤ %s %s", number(b.most), unit)
	case b.more > 0:
		return fmt.Sprintf("≤ %.1f× or +%s %s", b.times, number(b.more), unit)
	case b.times > 0:
		return fmt.Sprintf("≤ %.1f×", b.times)
	}
	return "–"
}

// number is a figure with as many digits as mean something.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
