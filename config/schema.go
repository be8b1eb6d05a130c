package config

import (
	"reflect"
	"strings"
)

// setting is one key of repoint.toml: a value, or a table of settings.
type setting struct {
	name       string    // dotted, as in "hooks.build"
	key        string    // the last part of the name
	index      []int     // of the field in Config
	repository bool      // the repository's file may set it
	inside     []setting // not nil for a table
}

// schema reads the settings from the tags of Config, in the order of its
// fields. A table is written as one setting with more inside.
func schema() setting {
	return setting{inside: settings(reflect.TypeFor[Config](), setting{})}
}

func settings(table reflect.Type, parent setting) []setting {
	var all []setting
	for i := range table.NumField() {
		field := table.Field(i)
		s := setting{
			name:       strings.TrimPrefix(parent.name+"."+field.Tag.Get("toml"), "."),
			key:        field.Tag.Get("toml"),
			index:      append(append([]int(nil), parent.index...), i),
			repository: parent.repository || field.Tag.Get("from") == "repository",
		}
		if field.Type.Kind() == reflect.Struct {
			s.inside = settings(field.Type, s)
		}
		all = append(all, s)
	}
	return all
}

// field returns a pointer to the setting's field in c.
func (s setting) field(c *Config) any {
	return reflect.ValueOf(c).Elem().FieldByIndex(s.index).Addr().Interface()
}

// find returns the setting inside s that has this key.
func (s setting) find(key string) (setting, bool) {
	for _, in := range s.inside {
		if in.key == key {
			return in, true
		}
	}
	return setting{}, false
}

// suggest guesses what was meant by a key that s does not have, and says it as
// a hint: a near miss first, then the same key in another table.
func (s setting) suggest(key string) string {
	if near := s.nearest(key); near != "" {
		return `did you mean "` + near + `"?`
	}
	root := schema()
	if top, ok := root.find(key); ok && s.name != "" {
		return quoted(top.key) + " belongs above the first [table]"
	}
	for _, table := range root.inside {
		if _, ok := table.find(key); ok {
			return "it belongs below [" + table.key + "]"
		}
	}
	if s.name == "" {
		return ""
	}
	known := make([]string, len(s.inside))
	for i, in := range s.inside {
		known[i] = in.key
	}
	return "[" + s.name + "] knows " + strings.Join(known, ", ")
}

// nearest returns the key of s that differs least from the given one, or ""
// when none is near enough to be a slip of the finger.
func (s setting) nearest(key string) string {
	const longest = 40
	if len(key) > longest {
		return ""
	}
	best, found := "", 3
	for _, in := range s.inside {
		d := distance(strings.ToLower(key), in.key)
		if d < found && d <= (len(in.key)+1)/3 {
			best, found = in.key, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
