package deploy

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// width is how far a line may reach: a pusher sees it behind "remote: " on 80
// columns.
const width = 72

// Printer writes events as the plain text that pushers, terminals and log
// files show. It sends no colour: the pusher's own git colours what begins
// with "error:", "hint:", "warning:" and "success:".
func Printer(w io.Writer) Sink {
	open := "" // the step whose output is being printed
	return func(e Event) {
		switch e.Kind {
		case Title:
			fmt.Fprintln(w, cut(e.Text))
		case Begun:
			open = e.Step
			fmt.Fprintln(w, cut("-----> "+e.Step+"  "+e.Text))
		case Output:
			fmt.Fprintln(w, "       "+e.Text)
		case Done:
			line := "-----> " + e.Step + "  " + e.Text
			if open == e.Step {
				line = "       " + e.Text
			}
			open = ""
			fmt.Fprintln(w, aligned(line, Took(e.Took)))
		case Wait:
			fmt.Fprintln(w, e.Text)
		default:
			for line := range strings.SplitSeq(strings.TrimRight(e.Text, "\n"), "\n") { // several errors in one
				fmt.Fprintf(w, "%s: %s\n", e.Kind, line)
			}
		}
	}
}

// aligned puts took at the right end of the line, or behind it when the line
// is long.
func aligned(line, took string) string {
	pad := width - 8 - utf8.RuneCountInString(line) - len(took)
	return line + strings.Repeat(" ", max(pad, 2)) + took
}

func cut(line string) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}

// Took writes a duration as steps show it: 0.0004s, 0.02s, 14.8s, 2m05s.
func Took(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.4fs", d.Seconds())
	case d < time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

// Bytes writes a size as people read it: 812 B, 3.1 MB.
func Bytes(n int64) string {
	size, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
