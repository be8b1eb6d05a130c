package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"repoint/config"
)

func readConfig(t *testing.T) map[string]described {
	t.Helper()
	types, err := read("../../config")
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestManualIsCurrent(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "CONFIG.md")
	if err := write("../../config", file); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/CONFIG.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/CONFIG.md is not current: go generate ./config (-want +got)\n%s", diff)
	}
}

// TestManualTellsTheTruth compares every section with the defaults themselves.
func TestManualTellsTheTruth(t *testing.T) {
	t.Parallel()
	page, err := render(readConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	table, keys := "", 0
	for line := range strings.Lines(string(config.Default().TOML())) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[]") + "."
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		keys++
		_, section, found := strings.Cut(string(page), "\n### "+table+strings.TrimSpace(key)+"\n")
		if !found {
			t.Errorf("%s%s is not in the manual", table, key)
			continue
		}
		want := "Default: `" + strings.TrimSpace(value) + "`"
		if strings.TrimSpace(value) == "[]" {
			want = "Default: none"
		}
		section, _, _ = strings.Cut(section, "\n### ")
		if !strings.Contains(section, want) {
			t.Errorf("%s%s: want %s in\n%s", table, key, want, section)
		}
	}
	if keys < 35 {
		t.Errorf("only %d keys", keys)
	}
}

func TestRepositoryTooIsSaid(t *testing.T) {
	t.Parallel()
	for _, f := range readConfig(t)["Config"].fields {
		if said := marked.MatchString(f.doc); said != f.fromRepo {
			t.Errorf("%s: the comment says it %v, the tag %v", f.name, said, f.fromRepo)
		}
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	fields := []field{{name: "Stage", key: "stage"}, {name: "EnvFile", key: "env_file"}}
	for doc, want := range map[string]string{
		"Stage lists `next`.\n": "Lists `next`.\n",
		"Stage is one.\n":       "One.\n",
		"Stage is what EnvFile is not. Repository\ntoo.\n":      "What `env_file` is not.\n",
		"Stage takes \"*\" in [hooks]: stage = [\"a\", \"b\"].": "Takes `\"*\"` in `[hooks]`: `stage = [\"a\", \"b\"]`.\n",
		"Stage has both s = { a = \"b\" } or s = true, once.\n": "Both `s = { a = \"b\" }` or `s = true`, once.\n",
		"Staged Stages keep their names.\n":                     "Staged Stages keep their names.\n",
	} {
		if got := prose("Stage", doc, fields); got != want {
			t.Errorf("%q: got %q, want %q", doc, got, want)
		}
	}
}

func TestCutDefault(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string][2]string{
		"A is b. Default none.\n":                  {"A is b.\n", "none"},
		"A is b: a = \"1.5s\".\nDefault \"1.5s\".": {"A is b: a = \"1.5s\".\n", "`\"1.5s\"`"},
		"A is b. Default\n\"\", no\ntag.\n":        {"A is b.\n", "`\"\"`, no tag"},
		"A is needed.\n":                           {"A is needed.\n", ""},
	} {
		text, value := cutDefault(doc)
		if text != want[0] || value != want[1] {
			t.Errorf("%q: got %q and %q, want %q", doc, text, value, want)
		}
	}
}

func TestWhatCannotBeDescribed(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"type Config struct {\n// A is b.\nA string `toml:\"a\"` }":                                   "a: the comment names no default",
		"type Config struct {\n// A is b. Default 1.\nA uint `toml:\"a\"` }":                          "a: the manual has no word for the type uint",
		"type Config struct {\n// A is b. Default 1.\nA map[string]int `toml:\"a\"` }":                "a field of a type *ast.MapType has no words in the manual",
		"type Config struct {\nH H `toml:\"h\"` }\ntype H struct {\n// A is b.\nA int `toml:\"a\"` }": "h.a: the comment names no default",
		"type": "expected 'IDENT'",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.go"), []byte("package config\n\n"+source+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "CONFIG.md")
		if err := write(dir, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: something was written", source)
		}
	}
}
