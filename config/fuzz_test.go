package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLoad gives Load any bytes: it does not panic, every fault lies inside
// its file, and what loads can be shown and loaded again.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data, Template("main"))
		f.Add(Default().TOML(), archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, op, repo []byte) {
		c, err := Load(Source{Name: "operator", Data: op}, Source{Name: "repository", Data: repo})
		if err != nil {
			checkFaults(t, err, map[string]string{"operator": string(op), "repository": string(repo)})
			return
		}
		again, err := Load(Source{Name: "shown", Data: c.TOML()}, absent)
		if err != nil {
			t.Fatalf("what loaded does not load again: %v\n%s", err, c.TOML())
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatalf("what loaded loads differently again (-first +again)\n%s", diff)
		}
	})
}

// FuzzReadEnvFile gives ReadEnvFile any bytes.
func FuzzReadEnvFile(f *testing.F) {
	f.Add([]byte("# x\nexport A=\"b\\n\"\nC='d' # e\nF=g\n"))
	f.Add([]byte("A = b\nC=\"d"))
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := ReadEnvFile("env", data)
		if err != nil {
			checkFaults(t, err, map[string]string{"env": string(data)})
			return
		}
		for _, entry := range env {
			name, _, found := strings.Cut(entry, "=")
			if !found || badNameByte(name) >= 0 || strings.Contains(entry, "\x00") {
				t.Fatalf("%q is no variable", entry)
			}
		}
	})
}

func checkFaults(t *testing.T, err error, files map[string]string) {
	t.Helper()
	var faults Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, fault := range faults {
		lines := strings.Split(files[fault.File], "\n")
		if fault.Line < 1 || fault.Line > len(lines) {
			t.Fatalf("line %d of %d: %v", fault.Line, len(lines), fault)
		}
		length := utf8.RuneCountInString(lines[fault.Line-1])
		if fault.Column < 1 || fault.Column > length+1 || fault.Width < 1 || fault.Column+fault.Width > length+2 {
			t.Fatalf("column %d, width %d, of %d: %v", fault.Column, fault.Width, length, fault)
		}
		if fault.Problem == "" || strings.ContainsAny(fault.String(), "\r\t\x1b\x00") || strings.Count(fault.String(), "\n") > 2 {
			t.Fatalf("not fit to print: %q", fault.String())
		}
	}
}
