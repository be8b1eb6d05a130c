package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// times are the measurements of one thing.
type times []time.Duration

func (t times) median() time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// ratio is how many times as long a takes as b.
func ratio(a, b times) float64 {
	if b.median() == 0 {
		return math.NaN() // not measured: no limit holds
	}
	return float64(a.median()) / float64(b.median())
}

// String writes the median as people read it.
func (t times) String() string {
	switch d := t.median(); {
	case len(t) == 0:
		return "–"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
}

// row is one line of the table of limits.
type row struct{ what, measured, limit, holds string }

// limit makes a row of a figure that may be at most so much.
func limit(what, measured, atMost string, holds bool) row {
	answer := "**no**"
	if holds {
		answer = "yes"
	}
	return row{what, measured, atMost, answer}
}

// table writes Markdown.
func table(head []string, lines [][]string) string {
	var b strings.Builder
	write := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	write(head)
	write(slices.Repeat([]string{"---"}, len(head)))
	for _, line := range lines {
		write(line)
	}
	return b.String()
}

func limitsTable(rows []row) string {
	var lines [][]string
	for _, r := range rows {
		lines = append(lines, []string{r.what, r.measured, r.limit, r.holds})
	}
	return table([]string{"what", "measured", "at most", "holds"}, lines)
}
