package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

// The umask belongs to the whole process, so this test does not run beside
// others.
func TestWriteFileModeWhateverTheUmask(t *testing.T) {
	dir := open(t, nil)
	before := unix.Umask(0)
	defer unix.Umask(before)
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		for _, perm := range []fs.FileMode{0o600, 0o640, 0o644, 0o755, 0o400} {
			unix.Umask(umask)
			check(t, dir.WriteFile("f", []byte("x"), perm))
			info, err := os.Stat(filepath.Join(dir.Path(), "f"))
			check(t, err)
			if info.Mode() != perm {
				t.Errorf("umask %o: asked for %v, got %v", umask, perm, info.Mode())
			}
		}
	}
}

// makeTree makes a tree with read-only directories.
func makeTree(t *testing.T, top, name string, dirs ...string) {
	t.Helper()
	tree := filepath.Join(top, name)
	for _, dir := range slices.Compact(append([]string{"."}, dirs...)) {
		check(t, os.MkdirAll(filepath.Join(tree, dir), 0o700))
		check(t, os.WriteFile(filepath.Join(tree, dir, "file"), nil, 0o400))
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		check(t, os.Chmod(filepath.Join(tree, dirs[i]), 0o555))
	}
}

func TestRemoveTreeWithReadOnlyDirectories(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	for name, dirs := range map[string][]string{
		"at the top":       {"."},
		"inside":           {"mod", "mod/cache", "mod/cache/v1"},
		"odd names":        {" ", "back\\slash", "new\nline", "-rf", "..."},
		"not UTF-8":        {"caf\xe9", "caf\xe9/in"},
		"beside writeable": {"a", "b/c", "z"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := open(t, nil)
			makeTree(t, dir.Path(), "tree", dirs...)
			check(t, dir.RemoveTree("tree"))
			if got := names(t, dir); len(got) != 0 {
				t.Errorf("left: %q", got)
			}
		})
	}
}

// A directory that cannot be listed, or not be searched, is opened up first.
func TestRemoveTreeWithoutAnyRights(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	for _, mode := range []fs.FileMode{0, 0o444, 0o111, 0o333, 0o555, 0o666} {
		dir := open(t, nil)
		makeTree(t, dir.Path(), "tree", "a", "a/b", "c")
		for _, name := range []string{"tree/a/b", "tree/a", "tree/c", "tree"} {
			check(t, os.Chmod(filepath.Join(dir.Path(), name), mode))
		}
		check(t, dir.RemoveTree("tree"))
		if got := names(t, dir); len(got) != 0 {
			t.Errorf("%v: left: %q", mode, got)
		}
	}
}

// A read-only tree is moved to another directory all the same; one that belongs to
// somebody else stays, with the remedy.
func TestMoveAway(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 && os.Getenv(insideVar) == "" {
		t.Skip("needs root, to make a directory that belongs to somebody else")
	}
	top := "."
	if os.Getenv(insideVar) == "" {
		top = nobodysDir(t)
		check(t, os.Mkdir(filepath.Join(top, "their s"), 0o755))
	}
	if os.Geteuid() == 0 && !asNobodyIn(t, top) {
		return
	}
	dir, err := durable.Disk{}.Open(top)
	check(t, err)
	check(t, dir.Mkdir("trash", 0o700))
	for _, mode := range []fs.FileMode{0, 0o444, 0o555} {
		makeTree(t, dir.Path(), "tree", "a")
		check(t, os.Chmod("tree", mode))
		check(t, dir.MoveAway("tree", "trash/tree"))
		check(t, dir.RemoveTree("trash/tree"))
	}
	var left *durable.NotRemovedError
	if err := dir.MoveAway("their s", "trash/tree"); !errors.As(err, &left) || len(left.Left) != 1 ||
		left.Left[0].String() != "their s: it belongs to root: permission denied (sudo rm -rf 'their s')" {
		t.Errorf("somebody else's: %v", err)
	}
	if err := dir.MoveAway("missing", "trash/tree"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"their s", "trash"}) {
		t.Errorf("left: %q", got)
	}
}

// Their directory is in our tree, and what it holds is not ours to remove. An
// empty one is.
func TestRemoveTreeSaysWhatStays(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 && os.Getenv(insideVar) == "" {
		t.Skip("needs root, to make files that belong to somebody else")
	}
	top := "."
	if os.Getenv(insideVar) == "" {
		top = nobodysDir(t)
		check(t, os.MkdirAll(filepath.Join(top, "tree/their s"), 0o755))
		check(t, os.MkdirAll(filepath.Join(top, "tree/empty"), 0o700))
		check(t, os.MkdirAll(filepath.Join(top, "tree/private/x"), 0o700))
		check(t, os.WriteFile(filepath.Join(top, "tree/their s/file"), nil, 0o644))
		check(t, os.WriteFile(filepath.Join(top, "tree/ours"), nil, 0o644))
		check(t, os.Chown(filepath.Join(top, "tree"), nobody, -1))
	}
	if os.Geteuid() == 0 && !asNobodyIn(t, top) {
		return
	}
	dir, err := durable.Disk{}.Open(top)
	check(t, err)
	err = dir.RemoveTree("tree")
	var left *durable.NotRemovedError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &left) || left.Count != 2 {
		t.Fatalf("error %v, want one about permission", err)
	}
	want := map[string]durable.Left{}
	for _, l := range left.Left {
		want[l.Path] = l
	}
	if l := want["tree/their s/file"]; l.Remedy != "sudo rm -rf 'tree/their s/file'" || l.Err.Error() != "it belongs to root: permission denied" {
		t.Errorf("%+v", l)
	}
	if l := want["tree/private"]; l.Remedy != "sudo rm -rf tree/private" {
		t.Errorf("%+v", l)
	}
	entries, err := os.ReadDir("tree")
	check(t, err)
	if len(entries) != 2 {
		t.Errorf("left: %v", entries)
	}
}
