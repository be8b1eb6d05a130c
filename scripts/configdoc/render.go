package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const head = `<!-- Made from the comments in config/*.go by go generate ./config. Change them there. -->

# repoint.toml

The operator's file is in the app's directory, ` + "`/srv/blog/repoint.toml`" + `; the repository may carry a
` + "`repoint.toml`" + ` of its own. Where both set a key, the operator's value replaces the whole of the
repository's, a list too. ` + "`repoint config check blog`" + ` says all that is wrong with both, and
` + "`repoint config show blog`" + ` prints what a deploy would use.

Every key is optional. One that is set by the operator alone is refused in the repository's file: it
concerns the machine.
`

// words are what the manual calls types.
var words = map[string]string{
	"string": "text", "bool": "`true` or `false`", "int": "whole number", "[]string": "list of texts",
	"Commands": "[commands](#commands)", "Duration": "[duration](#duration)", "Size": "[size](#size)", "Schedule": "[schedule](#schedule)",
	"[]Cache": "list of paths or tables", "[]Signal": "list of tables",
}

// manual is the page as far as it is written.
type manual struct {
	types map[string]described
	page  bytes.Buffer
	used  []string // types with a section of their own, at the end
}

// render writes the manual of the type Config: the keys outside of tables,
// then each table, then how its kinds of values are written.
func render(types map[string]described) ([]byte, error) {
	m := &manual{types: types}
	m.page.WriteString(head)
	top := types["Config"]
	for _, f := range top.fields {
		if !m.isTable(f) {
			if err := m.key("", f, top.fields, f.fromRepo); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range top.fields {
		if m.isTable(f) {
			if err := m.table(f); err != nil {
				return nil, err
			}
		}
	}
	m.page.WriteString("\n## How values are written\n")
	for _, name := range m.used {
		fmt.Fprintf(&m.page, "\n### %s\n\n%s", strings.ToLower(name), prose(name, types[name].doc, nil))
	}
	return m.page.Bytes(), nil
}

func (m *manual) isTable(f field) bool { return m.types[f.of].fields != nil }

func (m *manual) table(f field) error {
	d := m.types[f.of]
	fmt.Fprintf(&m.page, "\n## [%s]\n\n%s", f.key, prose(f.of, d.doc, d.fields))
	for _, in := range d.fields {
		if err := m.key(f.key+".", in, d.fields, f.fromRepo); err != nil {
			return err
		}
	}
	return nil
}

// key writes the section of one key.
func (m *manual) key(table string, f field, siblings []field, fromRepo bool) error {
	kind, known := words[f.of]
	if !known {
		return fmt.Errorf("%s%s: the manual has no word for the type %s", table, f.key, f.of)
	}
	if _, own := m.types[f.of]; own && !slices.Contains(m.used, f.of) {
		m.used = append(m.used, f.of)
	}
	text, value := cutDefault(f.doc)
	if value == "" {
		return fmt.Errorf("%s%s: the comment names no default", table, f.key)
	}
	who := "the operator"
	if fromRepo {
		who += " or the repository"
	}
	fmt.Fprintf(&m.page, "\n### %s%s\n\nType: %s. Default: %s. Set by %s.\n\n%s",
		table, f.key, kind, value, who, prose(f.name, text, siblings))
	if entry, ok := m.types[strings.TrimPrefix(f.of, "[]")]; ok && entry.fields != nil {
		m.entry(strings.TrimPrefix(f.of, "[]"), entry)
	}
	return nil
}

// entry writes what a table in a list may hold.
func (m *manual) entry(name string, d described) {
	fmt.Fprintf(&m.page, "\n%s\n", prose(name, d.doc, nil))
	for _, f := range d.fields {
		text, value := cutDefault(f.doc)
		needed := "needed"
		if value != "" {
			needed = "default " + value
		}
		text = strings.TrimSpace(prose(f.name, text, d.fields))
		fmt.Fprintf(&m.page, "- `%s` (%s, %s): %s\n", f.key, words[f.of], needed, strings.ReplaceAll(text, "\n", "\n  "))
	}
}
