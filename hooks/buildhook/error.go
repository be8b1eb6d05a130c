package buildhook

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// shownLine is the longest part of a command line, in bytes, that an error repeats.
const shownLine = 60

// Error says how a build hook failed. Secrets that the hook's Mask knows are hidden in it.
type Error struct {
	// Phase is the hook's.
	Phase string
	// Line is the command line that failed, whole.
	Line string
	// Status is its exit status; 0 if it ended by a signal or was never started.
	Status int
	// Signal names the signal that ended it, such as "SIGKILL"; "" if it exited.
	Signal string
	// Timeout tells that it was stopped because the hook's time was up.
	Timeout bool
	// Canceled tells that it was stopped, or not started, because the context ended.
	Canceled bool
	// After is the time from the start of the hook's first line to the failure, without
	// the time it took to stop what ran.
	After time.Duration
	// Tail is the end of what the line printed, at most 20 lines.
	Tail []string
}

// Error is one short line: "npm ci exited 1", "npm ci was ended by SIGKILL", or
// "npm ci stopped after 15m0s (timeout)".
func (e *Error) Error() string {
	line := short(e.Line)
	switch {
	case e.Timeout:
		return fmt.Sprintf("%s stopped after %s (timeout)", line, round(e.After))
	case e.Canceled:
		return fmt.Sprintf("%s stopped after %s (canceled)", line, round(e.After))
	case e.Signal != "":
		return fmt.Sprintf("%s was ended by %s", line, e.Signal)
	}
	return fmt.Sprintf("%s exited %d", line, e.Status)
}

// short is the first line of a script that says something, cut to what fits a message.
func short(script string) string {
	text, more := "", false
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(clean([]byte(line)))
		if line == "" {
			continue
		}
		if text != "" {
			more = true
			break
		}
		text = line
	}
	if more || len(text) > shownLine {
		return cutRunes(text, shownLine) + "…"
	}
	return text
}

// cutRunes returns the longest prefix of s of at most size bytes that splits no character.
func cutRunes(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
