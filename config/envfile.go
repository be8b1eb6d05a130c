package config

import (
	"fmt"
	"strings"
)

// ReadEnvFile reads the KEY=VALUE lines of a file for build hooks, in their
// order. The error is a [Faults] with all that is wrong; it never shows a
// line, because a line may hold a secret.
//
// Empty lines and lines that begin with "#" are skipped, and "export " before
// the name is allowed. A value is taken as it stands, up to the end of the
// line; or in 'single quotes', where nothing is special; or in "double
// quotes", where \n, \t, \r, \", \\, \$ and \` stand for one character each.
// Nothing is expanded: a "$" is a "$".
func ReadEnvFile(name string, data []byte) ([]string, error) {
	e := envReader{doc: document{name, string(data)}, first: make(map[string]int)}
	for line := range strings.Lines(e.doc.text) {
		e.number++
		e.line(strings.TrimRight(line, "\r\n"))
		if e.open || len(e.faults) == maxFaults {
			break
		}
		e.offset += len(line)
	}
	if len(e.faults) > 0 {
		return nil, e.faults
	}
	return e.env, nil
}

type envReader struct {
	doc    document
	env    []string
	first  map[string]int // the line that set a name
	faults Faults

	number, offset int  // of the line, from 1 and in bytes
	open           bool // a quote was not closed: what follows may be its rest
}

// fault marks a byte of the current line. The line itself is not shown.
func (e *envReader) fault(at int, hint, problem string, args ...any) {
	f := e.doc.fault(span{e.offset + at, e.offset + at + 1}, fmt.Sprintf(problem, args...), hint)
	f.Text = ""
	e.faults = append(e.faults, f)
}

func (e *envReader) line(line string) {
	rest := strings.TrimLeft(line, " \t")
	if rest == "" || rest[0] == '#' {
		return
	}
	if after, ok := strings.CutPrefix(rest, "export "); ok {
		rest = strings.TrimLeft(after, " \t")
	}
	at := len(line) - len(rest)
	name, raw, found := strings.Cut(rest, "=")
	if !found {
		e.fault(at, "", `"=" is missing: every line is KEY=VALUE`)
		return
	}
	if i := badNameByte(name); i >= 0 {
		hint := "a name holds letters, digits and _, and begins with no digit"
		if strings.TrimRight(name, " \t") != name {
			hint = `write KEY=VALUE without spaces around "="`
		}
		e.fault(at+i, hint, "not the name of a variable")
		return
	}
	if line, ok := e.first[name]; ok {
		e.fault(at, "", "%s is set twice, first in line %d", quoted(name), line)
		return
	}
	e.first[name] = e.number
	if value, ok := e.value(name, raw, len(line)-len(raw)); ok {
		e.env = append(e.env, name+"="+value)
	}
}

// badNameByte returns where a variable's name goes wrong, -1 when it does not.
func badNameByte(name string) int {
	if name == "" {
		return 0
	}
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return -1
}

// value reads what stands behind the "=", which is at byte `at` of the line.
func (e *envReader) value(name, raw string, at int) (string, bool) {
	if i := strings.IndexByte(raw, 0); i >= 0 {
		e.fault(at+i, "", "the value of %s has a zero byte", name)
		return "", false
	}
	if raw != "" && (raw[0] == '"' || raw[0] == '\'') {
		return e.quotedValue(name, raw, at)
	}
	value := strings.TrimRight(raw, " \t")
	if value != strings.TrimLeft(value, " \t") {
		e.fault(at, `quote the value, or remove the space`, `the value of %s begins with a space`, name)
		return "", false
	}
	for _, mark := range []string{" #", "\t#"} {
		if i := strings.Index(value, mark); i >= 0 {
			e.fault(at+i+1, "quote the value, or put the comment on its own line",
				`the value of %s has a "#" that may be meant as a comment`, name)
			return "", false
		}
	}
	return value, true
}

func (e *envReader) quotedValue(name, raw string, at int) (string, bool) {
	quote := raw[0]
	var value strings.Builder
	i := 1
	for ; i < len(raw) && raw[i] != quote; i++ {
		if quote == '"' && raw[i] == '\\' && i+1 < len(raw) {
			i++
			value.WriteString(unescape(raw[i]))
			continue
		}
		value.WriteByte(raw[i])
	}
	if i >= len(raw) {
		e.open = true
		e.fault(at, `a value is one line; write \n inside "double quotes" for a new line`,
			"the quote of %s is never closed", name)
		return "", false
	}
	if rest := strings.TrimLeft(raw[i+1:], " \t"); rest != "" && rest[0] != '#' {
		e.fault(at+len(raw)-len(rest), "", "something follows the closing quote of %s", name)
		return "", false
	}
	return value.String(), true
}

// unescape returns what "\" and c stand for in double quotes. A "\" before any
// other character is only a "\", as in a shell.
func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case '"', '\\', '$', '`':
		return string([]byte{c})
	}
	return string([]byte{'\\', c})
}
