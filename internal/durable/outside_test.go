package durable_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"repoint/internal/durable"
)

// operations are all that change something at a name beneath a directory.
var operations = map[string]func(dir *durable.Dir, name string) error{
	"Mkdir":       func(dir *durable.Dir, name string) error { return dir.Mkdir(name, 0o755) },
	"MkdirNew":    func(dir *durable.Dir, name string) error { return dir.MkdirNew(name, 0o755) },
	"WriteFile":   func(dir *durable.Dir, name string) error { return dir.WriteFile(name, []byte("x"), 0o644) },
	"Symlink":     func(dir *durable.Dir, name string) error { return dir.Symlink(name, "x") },
	"ReplaceLink": func(dir *durable.Dir, name string) error { return dir.ReplaceLink(name, "x") },
	"Rename from": func(dir *durable.Dir, name string) error { return dir.Rename(name, "x") },
	"Rename to":   func(dir *durable.Dir, name string) error { return dir.Rename("mine", name) },
	"Remove":      func(dir *durable.Dir, name string) error { return dir.Remove(name) },
	"RemoveTree":  func(dir *durable.Dir, name string) error { return dir.RemoveTree(name) },
	"Sync":        func(dir *durable.Dir, name string) error { return dir.Sync(name) },
}

// outside makes a directory beside the one that is opened, with a file and a
// directory in it, and returns a function that fails if any of it changed.
func outside(t *testing.T, dir *durable.Dir) (path string, unchanged func()) {
	t.Helper()
	path = t.TempDir()
	check(t, os.WriteFile(filepath.Join(path, "victim"), []byte("theirs"), 0o600))
	check(t, os.Mkdir(filepath.Join(path, "sub"), 0o700))
	put(t, dir, "mine", "mine")
	return path, func() {
		t.Helper()
		entries, err := os.ReadDir(path)
		check(t, err)
		data, err := os.ReadFile(filepath.Join(path, "victim"))
		if len(entries) != 2 || err != nil || string(data) != "theirs" {
			t.Errorf("outside changed: %v, %q, %v", entries, data, err)
		}
	}
}

func TestNothingIsFollowedOut(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := open(t, nil)
			out, unchanged := outside(t, dir)
			check(t, os.Symlink(out, filepath.Join(dir.Path(), "absolute")))
			up, err := filepath.Rel(dir.Path(), out)
			check(t, err)
			check(t, os.Symlink(up, filepath.Join(dir.Path(), "relative")))
			for _, target := range []string{"absolute/victim", "relative/victim", "absolute/sub", "absolute/new",
				up + "/victim", up + "/sub", up + "/new", out + "/victim", out + "/sub", out + "/new", ".."} {
				if err := operations[name](dir, target); err == nil && !gone(dir, name, target) {
					t.Errorf("%s of %s: no error", name, target)
				}
				unchanged()
			}
			if read(t, dir, "mine") != "mine" {
				t.Error("what was inside is gone")
			}
		})
	}
}

// gone allows RemoveTree to say nothing about a path that is not there.
func gone(dir *durable.Dir, operation, target string) bool {
	_, err := dir.Root().Lstat(target)
	return operation == "RemoveTree" && os.IsNotExist(err)
}

// A link at the name itself is replaced or removed, never what it points at.
func TestALinkAtTheNameIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"WriteFile", "ReplaceLink", "Remove", "RemoveTree", "Rename from", "Rename to"} {
		for _, victim := range []string{"victim", "sub"} {
			t.Run(name+" "+victim, func(t *testing.T) {
				t.Parallel()
				dir := open(t, nil)
				out, unchanged := outside(t, dir)
				check(t, os.Symlink(filepath.Join(out, victim), filepath.Join(dir.Path(), "l")))
				check(t, operations[name](dir, "l"))
				unchanged()
			})
		}
	}
}

// The directory is the one that was opened, whatever its path leads to now.
func TestTheHandleHoldsItsDirectory(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	path, moved := filepath.Join(top, "app"), filepath.Join(top, "moved")
	check(t, os.Mkdir(path, 0o700))
	dir, err := (durable.Disk{}).Open(path)
	check(t, err)
	defer dir.Close()
	out, unchanged := outside(t, dir)
	check(t, os.Rename(path, moved))
	check(t, os.Symlink(out, path))

	check(t, dir.WriteFile("victim", []byte("mine"), 0o600))
	check(t, dir.ReplaceLink("current", "x"))
	check(t, dir.Mkdir("sub", 0o700))
	check(t, dir.RemoveTree("sub"))
	unchanged()
	data, err := os.ReadFile(filepath.Join(moved, "victim"))
	if err != nil || string(data) != "mine" {
		t.Errorf("in the directory that was opened: %q, %v", data, err)
	}
}

func TestRemoveTreeFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	out, unchanged := outside(t, dir)
	check(t, os.MkdirAll(filepath.Join(dir.Path(), "tree/a/b"), 0o700))
	check(t, os.Symlink(out, filepath.Join(dir.Path(), "tree/a/out")))
	check(t, os.Symlink("..", filepath.Join(dir.Path(), "tree/a/b/up")))
	check(t, os.Symlink(filepath.Join(out, "victim"), filepath.Join(dir.Path(), "tree/victim")))
	check(t, dir.RemoveTree("tree"))
	check(t, dir.RemoveTree("tree"))
	unchanged()
	if got := names(t, dir); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("left: %q", got)
	}
}
