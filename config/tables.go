package config

import (
	"reflect"

	"github.com/pelletier/go-toml/v2/unstable"
)

// tables collects what one file gives for a setting that is a list of tables.
// TOML has many ways to write one: entries in brackets, a [[header]] for each,
// or a single table as [header], { braces } or dotted keys. All end here, and
// the setting gets its value when the file has been read.
type tables struct {
	of      setting
	at      span // the list, or its first entry
	entries []entry
	broken  bool // something was wrong: the list is not used
}

// entry is one table of the list.
type entry struct {
	at     span
	given  map[string]given // by key
	broken bool
}

type given struct {
	text string
	at   span
}

// entryWanted says in words what one entry of a list of tables must be.
func entryWanted(s setting) string {
	table := "a table with " + s.keys(" and ")
	if s.inside[0].entry == "alone" {
		return "a " + s.inside[0].key + " in quotes or " + table
	}
	return table
}

// tables reads `key = value` of a list of tables.
func (r *reader) tables(s setting, n *unstable.Node, at span) {
	t := r.listOf(s)
	t.at = at
	if n.Kind != unstable.Array {
		r.tableEntry(s, n, at, s.name+" must be "+wanted(s))
		return
	}
	for it := n.Children(); it.Next(); {
		r.tableEntry(s, it.Node(), r.entrySpan(it.Node(), at), "every entry of "+s.name+" must be "+entryWanted(s))
	}
}

func (r *reader) tableEntry(s setting, n *unstable.Node, at span, problem string) {
	switch {
	case n.Kind == unstable.InlineTable:
		r.open(s, at)
		for it := n.Children(); it.Next(); {
			r.keyValue(s, it.Node())
		}
	case n.Kind == unstable.String && s.inside[0].entry == "alone":
		r.open(s, at)
		r.part(s.inside[0], n, at)
	default:
		r.fault(at, "", "%s", problem)
		r.listOf(s).broken = true
	}
}

// listOf returns what the file has given for s so far.
func (r *reader) listOf(s setting) *tables {
	for _, t := range r.lists {
		if t.of.name == s.name {
			return t
		}
	}
	t := &tables{of: s}
	r.lists = append(r.lists, t)
	return t
}

// open begins the next entry of the list; what follows belongs to it.
func (r *reader) open(s setting, at span) {
	t := r.listOf(s)
	if len(t.entries) == maxEntries {
		if !t.broken {
			r.fault(at, "", "%s has more than %d entries", s.name, maxEntries)
		}
		t.broken = true
		return
	}
	if t.at == (span{}) {
		t.at = at
	}
	t.entries = append(t.entries, entry{at: at, given: make(map[string]given)})
}

// part reads one key of the entry that was opened last. Dotted keys open none:
// the first of them does.
func (r *reader) part(s setting, n *unstable.Node, at span) {
	t := r.listOf(*s.of)
	if len(t.entries) == 0 {
		r.open(*s.of, at)
	}
	text, ok := r.text(s, n, at, "")
	if !ok {
		r.spoil(s)
		return
	}
	t.entries[len(t.entries)-1].given[s.key] = given{text, at}
}

// spoil keeps a list from being used when s, the list or a key of it, is at
// fault, and keeps the entry's other faults from being guessed.
func (r *reader) spoil(s setting) {
	if s.of != nil {
		s = *s.of
	}
	if !s.list {
		return
	}
	t := r.listOf(s)
	t.broken = true
	if len(t.entries) > 0 {
		t.entries[len(t.entries)-1].broken = true
	}
}

// finish gives the settings that are lists of tables their values.
func (r *reader) finish() {
	for _, t := range r.lists {
		for _, e := range t.entries {
			r.complete(t, e)
		}
		if !t.broken {
			r.keep(t)
		}
	}
}

// complete looks for keys that an entry lacks.
func (r *reader) complete(t *tables, e entry) {
	for _, in := range t.of.inside {
		if _, ok := e.given[in.key]; ok || e.broken || in.entry == "optional" {
			continue
		}
		r.fault(e.at, "it takes "+t.of.keys(" and "), "an entry of %s has no %s", t.of.name, in.key)
		t.broken = true
	}
}

// keep puts a list into the configuration. An empty one becomes nil, as in the
// defaults. What an entry does not give has its place where the entry is.
func (r *reader) keep(t *tables) {
	list := reflect.Zero(t.of.is)
	whole := place{doc: r.doc, value: t.at}
	parts := make([]place, len(t.of.inside))
	for _, e := range t.entries {
		table := reflect.New(t.of.is.Elem()).Elem()
		for i, in := range t.of.inside {
			g, ok := e.given[in.key]
			if !ok {
				g.at = e.at
			}
			table.Field(i).SetString(g.text)
			parts[i].elements = append(parts[i].elements, g.at)
		}
		list = reflect.Append(list, table)
		whole.elements = append(whole.elements, e.at)
	}
	reflect.ValueOf(t.of.field(r.config)).Elem().Set(list)
	r.places[t.of.name] = whole
	for i, in := range t.of.inside {
		r.places[in.name] = place{doc: r.doc, value: t.at, elements: parts[i].elements}
	}
}
