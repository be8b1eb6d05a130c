package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is one thing that is wrong in one file.
type Fault struct {
	File    string // as the caller named it
	Line    int    // from 1
	Column  int    // from 1, in characters
	Width   int    // characters that are at fault, at least 1
	Text    string // the line, made printable; "" when it may hold a secret
	Problem string // one line: what is wrong
	Hint    string // what was probably meant; "" when there is no good guess
}

// Faults are all faults that were found, by file, then by line. Of one file at
// most 20 are kept: more are echoes.
type Faults []Fault

const (
	maxFaults = 20 // kept of one file
	maxShown  = 60 // characters of a line that are shown
	maxQuoted = 40 // characters of a name that are quoted in a sentence
)

// Error shows each fault with its place, its line and a mark under the part
// that is meant:
//
//	repoint.toml:7:1: unknown key "kepp"; did you mean "keep"?
//	 7 | kepp = 5
//	   | ^^^^
func (f Faults) Error() string {
	shown := make([]string, len(f))
	for i := range f {
		shown[i] = f[i].String()
	}
	return strings.Join(shown, "\n")
}

// String shows one fault as [Faults.Error] does, without a final newline.
func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", f.File, f.Line, f.Column, f.Problem)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	if f.Text == "" {
		return b.String()
	}
	number := strconv.Itoa(f.Line)
	text, column := window(f.Text, f.Column)
	width := max(1, min(f.Width, utf8.RuneCountInString(text)-column+1))
	fmt.Fprintf(&b, "\n %s | %s", number, text)
	fmt.Fprintf(&b, "\n %*s | %*s%s", len(number), "", column-1, "", strings.Repeat("^", width))
	return b.String()
}

// window cuts a long line to the part around the column, and returns the
// column within that part.
func window(text string, column int) (string, int) {
	runes := []rune(text)
	if len(runes) <= maxShown {
		return text, column
	}
	start := min(max(0, column-1-maxShown/3), len(runes)-maxShown)
	end := start + maxShown
	part := append([]rune(nil), runes[start:end]...)
	if start > 0 {
		part[0] = '…'
	}
	if end < len(runes) {
		part[len(part)-1] = '…'
	}
	return string(part), column - start
}

// span is a part of a file, as byte offsets.
type span struct{ start, end int }

// document is one file that faults are found in.
type document struct {
	name string
	text string
}

// fault describes the span of the document that is wrong.
func (d document) fault(at span, problem, hint string) Fault {
	at.start = d.runeStart(at.start)
	at.end = min(max(at.end, at.start), len(d.text))
	before := d.text[:at.start]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(d.text[lineStart:], "\n")
	lineEnd := lineStart + len(line)
	line = strings.TrimSuffix(line, "\r")
	return Fault{
		File:    d.name,
		Line:    strings.Count(before, "\n") + 1,
		Column:  utf8.RuneCountInString(before[lineStart:]) + 1,
		Width:   max(1, utf8.RuneCountInString(d.text[at.start:min(at.end, max(lineEnd, at.start))])),
		Text:    printable(line),
		Problem: problem,
		Hint:    hint,
	}
}

// runeStart moves an offset that lies inside a character to its first byte.
func (d document) runeStart(at int) int {
	for i := at; i >= 0 && i > at-utf8.UTFMax; i-- {
		if _, size := utf8.DecodeRuneInString(d.text[i:]); size > 1 && i+size > at {
			return i
		}
	}
	return at
}

// printable replaces, one for one, what a terminal would not show as itself,
// so that marks stay under what they mark and nothing steers the terminal.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, line)
}

// quoted puts a name from a file into a sentence: quoted, printable and not
// longer than a sentence can bear.
func quoted(name string) string {
	if runes := []rune(name); len(runes) > maxQuoted {
		name = string(runes[:maxQuoted-1]) + "…"
	}
	return strconv.Quote(name)
}
