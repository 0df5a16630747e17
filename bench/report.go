package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// A report is what a run came to.
type report struct {
	lines   []measured
	figures []figure
	tables  []table
	notes   []string
}

// A figure is one value that both programs have, or ours alone.
type figure struct {
	name, unit string
	value      compared
	budget     budget
}

// A table is how figures grow.
type table struct {
	title string
	head  []string
	rows  [][]string
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// missed counts budgets.
func (r *report) missed() (n int) {
	count := func(b budget, c compared) {
		if ok, told := b.met(c); told && !ok {
			n++
		}
	}
	for _, m := range r.lines {
		count(m.budget, compare(m.cpu))
	}
	for _, f := range r.figures {
		count(f.budget, f.value)
	}
	return n
}

// verdict says whether a budget is met.
func verdict(b budget, c compared) string {
	switch ok, told := b.met(c); {
	case !told:
		return ""
	case ok:
		return "met"
	}
	return "MISSED"
}

// cells are a table of the report: the first row is its head.
func (r *report) lineCells() [][]string {
	cells := [][]string{{"request", "requests/s", "p50 ms", "p99 ms", "CPU µs", "allocations", "budget of CPU", ""}}
	for _, m := range r.lines {
		cpu := compare(m.cpu)
		cells = append(cells, []string{
			m.title, cell(compare(m.rate)), cell(compare(m.p50)), cell(compare(m.p99)), cell(cpu), cell(compare(m.allocs)),
			m.budget.text("µs"), verdict(m.budget, cpu),
		})
	}
	return cells
}

func (r *report) figureCells() [][]string {
	cells := [][]string{{"", "ours | bare | ratio", "budget", ""}}
	for _, f := range r.figures {
		name := f.name
		if f.unit != "" {
			name += ", " + f.unit
		}
		cells = append(cells, []string{name, cell(f.value), f.budget.text(f.unit), verdict(f.budget, f.value)})
	}
	return cells
}

// cell is a figure of both programs.
func cell(c compared) string {
	switch {
	case math.IsNaN(c.bare) && math.IsNaN(c.ours):
		return "–"
	case math.IsNaN(c.bare):
		return number(c.ours)
	case c.bare < 0.5 && c.ours > 100*c.bare: // as allocations, of which the bare program has none
		return fmt.Sprintf("%s | %.0f", number(c.ours), c.bare)
	}
	return fmt.Sprintf("%s | %s | %s×", number(c.ours), number(c.bare), number(c.ratio))
}

func (r *report) all() (tables []table) {
	add := func(title string, cells [][]string) {
		if len(cells) > 1 {
			tables = append(tables, table{title, cells[0], cells[1:]})
		}
	}
	add("Requests: ours | bare | ratio (medians of the rounds)", r.lineCells())
	add("Beside requests", r.figureCells())
	return append(tables, r.tables...)
}

func (r *report) text(w io.Writer) {
	for _, t := range r.all() {
		fmt.Fprintf(w, "\n%s\n", t.title)
		tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
		for _, row := range append([][]string{t.head}, t.rows...) {
			fmt.Fprintln(tw, strings.Join(row, "\t"))
		}
		tw.Flush()
	}
	fmt.Fprintln(w)
	for _, n := range r.notes {
		fmt.Fprintln(w, n)
	}
	fmt.Fprintf(w, "budgets missed: %d\n", r.missed())
}

// markdown is what README.md shows.
func (r *report) markdown(w io.Writer) {
	escape := func(row []string) string {
		for i, c := range row {
			row[i] = strings.ReplaceAll(c, "|", "/")
		}
		return "| " + strings.Join(row, " | ") + " |"
	}
	for _, t := range r.all() {
		fmt.Fprintf(w, "**%s**\n\n%s\n|%s\n", strings.ReplaceAll(t.title, "|", "/"), escape(t.head), strings.Repeat(" --- |", len(t.head)))
		for _, row := range t.rows {
			fmt.Fprintln(w, escape(row))
		}
		fmt.Fprintln(w)
	}
	for _, n := range r.notes {
		fmt.Fprintf(w, "%s\n\n", n)
	}
}

// lastWords is the end of the log of the child that was started last, for an error that it
// explains.
func (b *bench) lastWords() error {
	text, err := os.ReadFile(filepath.Join(b.dir, b.last+".log"))
	if err != nil || len(text) == 0 {
		return nil
	}
	return fmt.Errorf("the end of the log of %s:\n%s", b.last, text[max(0, len(text)-1000):])
}
