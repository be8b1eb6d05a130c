package config

import (
	"reflect"
	"strings"
	"testing"
)

// TestSchema walks through all settings: each has a key, a type that can be
// read and shown, and two names that agree.
func TestSchema(t *testing.T) {
	t.Parallel()
	var walk func(table setting, of reflect.Type)
	count := 0
	walk = func(table setting, of reflect.Type) {
		for i, s := range table.inside {
			count++
			field := of.Field(i)
			if s.key == "" || s.key != field.Tag.Get("json") {
				t.Errorf("%s: toml %q, json %q", field.Name, s.key, field.Tag.Get("json"))
			}
			if strings.ReplaceAll(s.key, "_", "") != strings.ToLower(field.Name) {
				t.Errorf("%s is called %q", field.Name, s.key)
			}
			if (wanted(s) == "a table") != s.table() {
				t.Errorf("%s: the type %s cannot be read", s.name, field.Type)
			}
			if table.list && (field.Type.Kind() != reflect.String || s.inside != nil) {
				t.Errorf("%s: a table in a list has nothing but text", s.name)
			}
			switch {
			case s.list:
				walk(s, field.Type.Elem())
			case s.inside != nil:
				walk(s, field.Type)
			}
		}
	}
	walk(schema(), reflect.TypeFor[Config]())
	if count < 43 {
		t.Errorf("only %d settings", count)
	}
}

func TestRepositoryMaySet(t *testing.T) {
	t.Parallel()
	var may []string
	for _, s := range schema().inside {
		if s.repository {
			may = append(may, s.name)
		}
	}
	if got := strings.Join(may, " "); got != "shared cache migrations hooks health" {
		t.Errorf("the repository may set %s", got)
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"brnach": `did you mean "branch"?`, // two letters swapped
		"BRANCH": `did you mean "branch"?`,
		"link":   `did you mean "links"?`,
		"tag":    `did you mean "tags"?`,
		"depth":  "it belongs below [limits]",
		"settle": "it belongs below [reload]",
		"path":   "", // of an entry of cache
		"x":      "",
	} {
		if got := schema().suggest(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got, want := schema().suggest("timeout"), "it belongs below [hooks] or [reload]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	limits, _ := schema().find("limits")
	if got, want := limits.suggest("memory"), "[limits] knows files, bytes, push, depth"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"ab", "ab", 0}, {"ab", "ba", 1}, {"keep", "kepp", 1}, {"shraed", "shared", 1}, {"abc", "xyz", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
