package durable

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Left is a path that could not be removed.
type Left struct {
	Path   string
	Err    error  // why
	Remedy string // a command that helps, for a shell; empty if none is known
}

func (l Left) String() string {
	text := shown(l.Path) + ": " + l.Err.Error()
	if l.Remedy != "" {
		text += " (" + l.Remedy + ")"
	}
	return text
}

// maxLeft is how many paths a NotRemovedError names.
const maxLeft = 20

// NotRemovedError says what is left of trees that were removed as far as
// possible. Directories around what is left are not counted.
type NotRemovedError struct {
	Left  []Left // the first ones
	Count int    // of all
}

// Error is one line: the first path, and how many more there are.
func (e *NotRemovedError) Error() string {
	text := "cannot remove " + e.Left[0].String()
	if more := e.Count - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Unwrap returns why the first ones are left.
func (e *NotRemovedError) Unwrap() (errs []error) {
	for _, left := range e.Left {
		errs = append(errs, left.Err)
	}
	return errs
}

// Add takes over what another removal has left, and returns other errors.
func (e *NotRemovedError) Add(err error) error {
	var other *NotRemovedError
	if !errors.As(err, &other) {
		return err
	}
	e.Count += other.Count
	e.Left = append(e.Left, other.Left[:min(len(other.Left), maxLeft-len(e.Left))]...)
	return nil
}

// leftovers are collected by several workers.
type leftovers struct {
	mu  sync.Mutex
	all NotRemovedError
}

func (l *leftovers) add(f *folder, name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all.Count++; len(l.all.Left) < maxLeft {
		l.all.Left = append(l.all.Left, explain(f, name, err))
	}
}

func (l *leftovers) err() error {
	if l.all.Count == 0 {
		return nil
	}
	return &l.all
}

// shown is a path as a message shows it: on one line, whatever is in it.
func shown(path string) string {
	if strings.ContainsFunc(path, notPlain) {
		return strconv.Quote(path)
	}
	return path
}

func notPlain(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// quoted is a path as a shell reads it.
func quoted(path string) string {
	switch {
	case strings.ContainsFunc(path, notPlain):
		return ansiQuoted(path)
	case strings.ContainsFunc(path, notWord):
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

func notWord(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+,:@%", r))
}

// ansiQuoted quotes what no other quotes can show.
func ansiQuoted(path string) string {
	var text strings.Builder
	for _, b := range []byte(path) {
		switch {
		case b == '\'' || b == '\\':
			text.WriteString(`\` + string(b))
		case b < ' ' || b > '~':
			fmt.Fprintf(&text, `\%03o`, b)
		default:
			text.WriteByte(b)
		}
	}
	return "$'" + text.String() + "'"
}
