package config

import (
	"reflect"
	"strings"
	"sync"
)

// setting is one key of repoint.toml: a value, a table of settings, or a list
// of tables.
type setting struct {
	name       string       // dotted, as in "hooks.build"
	key        string       // the last part of the name
	index      []int        // of the field in Config; none for a key in a list
	is         reflect.Type // of the field
	repository bool         // the repository's file may set it
	inside     []setting    // not nil for a table, and for a list what each of its tables may hold
	list       bool         // a list of tables
	of         *setting     // the list that this is a key of
	entry      string       // of such a key: "alone" may stand without a table, "optional" may be missing
}

// schema has the settings as the tags of Config say, in the order of its fields. A
// table is written as one setting with more inside.
var schema = sync.OnceValue(func() setting {
	return setting{inside: settings(reflect.TypeFor[Config](), setting{})}
})

func settings(table reflect.Type, parent setting) []setting {
	var all []setting
	for i := range table.NumField() {
		field := table.Field(i)
		s := setting{
			name:       strings.TrimPrefix(parent.name+"."+field.Tag.Get("toml"), "."),
			key:        field.Tag.Get("toml"),
			is:         field.Type,
			repository: parent.repository || field.Tag.Get("from") == "repository",
			entry:      field.Tag.Get("entry"),
		}
		if !parent.list {
			s.index = append(append([]int(nil), parent.index...), i)
		}
		switch kind := field.Type.Kind(); {
		case kind == reflect.Struct:
			s.inside = settings(field.Type, s)
		case kind == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
			s.list = true
			s.inside = settings(field.Type.Elem(), s)
			whole := s
			for j := range s.inside {
				s.inside[j].of = &whole
			}
		}
		all = append(all, s)
	}
	return all
}

// table reports whether s is one table, not a value or a list.
func (s setting) table() bool { return s.inside != nil && !s.list }

// field returns a pointer to the setting's field in c.
func (s setting) field(c *Config) any {
	return reflect.ValueOf(c).Elem().FieldByIndex(s.index).Addr().Interface()
}

// kind returns a pointer to a zero value of the field's type.
func (s setting) kind() any { return reflect.New(s.is).Interface() }

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
	if s.list {
		return "[" + s.name + "] knows " + s.keys(", ")
	}
	root := schema()
	if top, ok := root.find(key); ok && s.name != "" {
		return quoted(top.key) + " belongs above the first [table]"
	}
	var tables []string
	for _, table := range root.inside {
		if _, ok := table.find(key); ok && !table.list {
			tables = append(tables, "["+table.key+"]")
		}
	}
	if len(tables) > 0 {
		return "it belongs below " + strings.Join(tables, " or ")
	}
	if s.name == "" {
		return ""
	}
	return "[" + s.name + "] knows " + s.keys(", ")
}

// keys names what is inside s.
func (s setting) keys(separator string) string {
	keys := make([]string, len(s.inside))
	for i, in := range s.inside {
		keys[i] = in.key
	}
	return strings.Join(keys, separator)
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
