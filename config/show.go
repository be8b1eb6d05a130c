package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// TOML returns the configuration with every key, defaults included, as a file
// that loads back to the same configuration when it is the operator's.
func (c Config) TOML() []byte {
	var b bytes.Buffer
	c.writeTable(&b, schema())
	return b.Bytes()
}

// writeTable writes the values of a table, then the tables inside it, because
// a value below a [header] would belong to that header.
func (c Config) writeTable(b *bytes.Buffer, table setting) {
	longest := 0
	for _, s := range table.inside {
		if !s.table() {
			longest = max(longest, len(s.key))
		}
	}
	for _, s := range table.inside {
		if !s.table() {
			fmt.Fprintf(b, "%-*s = %s\n", longest, s.key, c.valueTOML(s))
		}
	}
	for _, s := range table.inside {
		if s.table() {
			fmt.Fprintf(b, "\n[%s]\n", s.name)
			c.writeTable(b, s)
		}
	}
}

func (c Config) valueTOML(s setting) string {
	if s.list {
		return tablesTOML(s, reflect.ValueOf(s.field(&c)).Elem())
	}
	switch field := s.field(&c).(type) {
	case *string:
		return quoteTOML(*field)
	case *Schedule:
		return quoteTOML(string(*field))
	case *[]string:
		return listTOML(*field)
	case *Commands:
		return listTOML(*field)
	case *Size:
		return quoteTOML(field.String())
	case *Duration:
		return quoteTOML(field.String())
	case *int:
		return strconv.Itoa(*field)
	case *bool:
		return strconv.FormatBool(*field)
	default:
		return fmt.Sprint(field)
	}
}

func listTOML(list []string) string {
	quoted := make([]string, len(list))
	for i, text := range list {
		quoted[i] = quoteTOML(text)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// tablesTOML writes a list of tables, each as short as it can be.
func tablesTOML(s setting, list reflect.Value) string {
	entries := make([]string, list.Len())
	for i := range entries {
		var given []string
		for j, in := range s.inside {
			text := list.Index(i).Field(j).String()
			if text == "" {
				continue
			}
			entries[i] = quoteTOML(text)
			given = append(given, in.key+" = "+entries[i])
		}
		if len(given) > 1 || s.inside[0].entry != "alone" {
			entries[i] = "{ " + strings.Join(given, ", ") + " }"
		}
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

// quoteTOML writes a basic string of TOML. Whatever a terminal would not show
// as itself is escaped.
func quoteTOML(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
