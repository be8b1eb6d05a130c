package config

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// syntax reports the first place where the document is not TOML, in words that
// do not need a TOML expert.
func syntax(doc document) (Fault, bool) {
	var anything map[string]any
	err := toml.Unmarshal([]byte(doc.text), &anything)
	if err == nil {
		return Fault{}, false
	}
	var wrong *toml.DecodeError
	if !errors.As(err, &wrong) {
		return doc.fault(span{}, strings.TrimPrefix(err.Error(), "toml: "), ""), true
	}
	at := doc.runeStart(doc.offset(wrong.Position()))
	message := strings.TrimPrefix(wrong.Error(), "toml: ")
	if len(wrong.Key()) > 0 && strings.Contains(message, "already") {
		key := wrong.Key()[len(wrong.Key())-1]
		return doc.fault(span{at, at + len(key)}, quoted(key)+" is set twice", "keep one of them"), true
	}
	return doc.explain(at, message), true
}

// offset turns a line and a column, both from 1 and in bytes, into an offset.
func (d document) offset(line, column int) int {
	start := 0
	for range line - 1 {
		next := strings.IndexByte(d.text[start:], '\n')
		if next < 0 {
			break
		}
		start += next + 1
	}
	return min(start+column-1, len(d.text))
}

// explanations put the parser's messages into plain words; the first whose
// text is in the message counts.
var explanations = []struct{ message, problem, hint string }{
	{"expected '=' after key", `"=" is missing after the key`, ""},
	{"array is incomplete", "the list is never closed", `add "]"`},
	{"expected ',' or ']'", `the list needs "," between its entries and "]" at its end`, ""},
	{"inline table is incomplete", "the table is never closed", `add "}"`},
	{"expected ',' or '}'", `the table needs "," between its keys and "}" at its end`, ""},
	{"cannot have new lines", "the quote is never closed on its line", ""},
	{"unterminated", "the quote is never closed", ""},
	{"not terminated", "the three quotes are never closed", ""},
	{"invalid escape", `"\" begins an escape that TOML does not know`, `write "\\", or use 'single quotes'`},
	{"expected newline", "something follows the value", "one key per line, and # begins a comment"},
	{"to close table name", `"]" is missing after the table's name`, ""},
	{"invalid character at start of key", "a key is missing", "a key holds letters, digits, - and _"},
}

func (d document) explain(at int, message string) Fault {
	here := span{at, at + 1}
	if strings.HasPrefix(d.text, "\ufeff") && at == 0 {
		return d.fault(here, "the file begins with a byte order mark", "save it as UTF-8 without one")
	}
	if r, size := utf8.DecodeRuneInString(d.text[at:]); r == utf8.RuneError && size == 1 {
		return d.fault(here, "the text is not UTF-8", "")
	}
	if strings.Contains(message, "at start of value") || strings.Contains(message, "expected keyword") ||
		strings.Contains(message, "not end of input") || strings.Contains(message, "must be quoted") {
		return d.unquoted(at)
	}
	for _, e := range explanations {
		if strings.Contains(message, e.message) {
			return d.fault(here, e.problem, e.hint)
		}
	}
	return d.fault(here, message, "")
}

// unquoted explains a value that is no value: missing, or text without quotes.
func (d document) unquoted(at int) Fault {
	start := strings.LastIndexAny(d.text[:at], " \t\n=[,") + 1
	word := d.text[start:]
	if end := strings.IndexAny(word, " \t\r\n,]}#"); end >= 0 {
		word = word[:end]
	}
	here := span{start, start + len(word)}
	switch lower := strings.ToLower(word); {
	case word == "" || strings.HasSuffix(word, "="):
		return d.fault(span{at, at + 1}, "the value is missing", "")
	case lower == "true" || lower == "yes" || lower == "on":
		return d.fault(here, "not a value", "write true")
	case lower == "false" || lower == "no" || lower == "off":
		return d.fault(here, "not a value", "write false")
	}
	return d.fault(here, "text needs quotes", "write "+quoted(word))
}
