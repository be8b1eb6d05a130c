package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// walk goes through the settings of a file that is valid TOML. It uses
// the parser below the decoder, because only that knows the place of every
// value, and because a decoder stops at its first wrong type.
func (r *reader) walk() {
	var p unstable.Parser
	p.Reset([]byte(r.doc.text))
	table, known := schema(), true
	for len(r.faults) < maxFaults && p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.KeyValue:
			if known {
				r.keyValue(table, e)
			}
		case unstable.Table, unstable.ArrayTable:
			table, known = r.header(e)
		}
	}
}

// header looks a [table] up. When it is not known, what follows below it is
// not looked at: one fault says it all.
func (r *reader) header(e *unstable.Node) (setting, bool) {
	s, last, ok := r.lookUp(schema(), e.Key(), "table")
	switch {
	case !ok:
		return s, false
	case s.inside == nil:
		r.fault(last, "", "%s must be %s, not a table", s.name, wanted(s))
		r.spoil(s)
		return s, false
	case s.list:
		r.open(s, last)
	case e.Kind == unstable.ArrayTable:
		r.fault(last, "write ["+s.name+"]", "%s is one table, not a list of them", s.name)
		return s, false
	}
	return s, true
}

// keyValue reads `key = value`, where the key may be dotted and the value may
// be a table of more of them.
func (r *reader) keyValue(table setting, e *unstable.Node) {
	s, last, ok := r.lookUp(table, e.Key(), "key")
	if !ok {
		return
	}
	value := e.Value()
	at := r.valueSpan(last, e)
	switch {
	case s.of != nil:
		r.part(s, value, at)
	case s.list:
		r.tables(s, value, at)
	case s.inside == nil:
		r.value(s, value, at)
	case value.Kind != unstable.InlineTable:
		r.fault(at, "", "%s must be a table: write [%s] and its keys below", s.name, s.name)
	default:
		for it := value.Children(); it.Next(); {
			r.keyValue(s, it.Node())
		}
	}
}

// lookUp follows a key from a table to the setting it names, and returns the
// place of its last part. A key that leads nowhere, or that this file may not
// set, is a fault.
func (r *reader) lookUp(s setting, key unstable.Iterator, what string) (setting, span, bool) {
	var at span
	for key.Next() {
		n := key.Node()
		name := string(n.Data)
		outer, before := s, at
		at = spanOf(n)
		if outer.inside == nil {
			r.fault(before, "", "%s must be %s, not a table", outer.name, wanted(outer))
			r.spoil(outer)
			return s, at, false
		}
		var ok bool
		if s, ok = outer.find(name); !ok {
			r.unknown(outer, name, what, at)
			r.spoil(outer)
			return s, at, false
		}
		if !s.repository && !r.operator {
			r.fault(at, "", "only the operator's repoint.toml may set %q", s.name)
			return s, at, false
		}
	}
	return s, at, true
}

func (r *reader) unknown(table setting, name, what string, at span) {
	where := ""
	if table.name != "" {
		where = " in [" + table.name + "]"
	}
	r.fault(at, table.suggest(name), "unknown %s %s%s", what, quoted(name), where)
}

// valueSpan is the place of the value in `key = value`. The parser gives none
// for a list, so it is what stands after the "=".
func (r *reader) valueSpan(key span, e *unstable.Node) span {
	end := int(e.Raw.Offset + e.Raw.Length)
	rest := r.doc.text[key.end:end]
	rest = strings.TrimLeft(strings.TrimLeft(rest, " \t")[1:], " \t")
	return span{end - len(rest), end}
}

// entrySpan is the place of an entry of a list. The parser gives none for a
// list in the list, which is then meant as a whole, and of a table only the
// first brace.
func (r *reader) entrySpan(n *unstable.Node, list span) span {
	at := spanOf(n)
	switch n.Kind {
	case unstable.Array:
		return list
	case unstable.InlineTable:
		for it := n.Children(); it.Next(); {
			at.end = spanOf(it.Node()).end
		}
		at.end += strings.IndexByte(r.doc.text[at.end:], '}') + 1
	}
	return at
}

func spanOf(n *unstable.Node) span {
	return span{int(n.Raw.Offset), int(n.Raw.Offset + n.Raw.Length)}
}
