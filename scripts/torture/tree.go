package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// tree is every file and link beneath a directory, by path.
type tree map[string]entry

// entry is one of them, with its mode as git writes it.
type entry struct {
	mode    string
	content []byte // a link's target
}

func (t tree) names() []string { return slices.Sorted(maps.Keys(t)) }

// readTree reads a release's directory.
func readTree(dir string) (tree, error) {
	t := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		t[name], err = readEntry(path, d)
		return err
	})
	return t, err
}

func readEntry(path string, d fs.DirEntry) (entry, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		return entry{"120000", []byte(target)}, err
	}
	info, err := d.Info()
	if err != nil {
		return entry{}, err
	}
	content, err := os.ReadFile(path)
	return entry{fmt.Sprintf("100%o", info.Mode().Perm()), content}, err
}

// differs names the first path at which t is not as it should be, or is "".
func (t tree) differs(should tree) string {
	for _, name := range should.names() {
		is, there := t[name]
		switch {
		case !there:
			return name + " is missing"
		case is.mode != should[name].mode:
			return fmt.Sprintf("%s has mode %s, not %s", name, is.mode, should[name].mode)
		case !bytes.Equal(is.content, should[name].content):
			return fmt.Sprintf("%s holds %d bytes that differ from the %d it should hold", name, len(is.content), len(should[name].content))
		}
	}
	for _, name := range t.names() {
		if _, there := should[name]; !there {
			return name + " is too much"
		}
	}
	return ""
}
