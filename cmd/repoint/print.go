package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// stdout carries what was asked for: tables, JSON, logs. stderr carries talk:
// progress, warnings, errors and hints. Neither is coloured here.

func (p *program) printJSON(v any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// table prints rows in aligned columns, the first row as the head.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return t.Flush()
}

// ago says how long ago a time was, as people do.
func (p *program) ago(t time.Time) string {
	d := p.now().Sub(t)
	for _, step := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := int(d / step.unit); n >= 2 {
			return fmt.Sprintf("%d %s ago", n, step.name)
		}
	}
	return fmt.Sprintf("%d seconds ago", max(int(d.Seconds()), 0))
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
