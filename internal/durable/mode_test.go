package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
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

// asNobody runs do without the rights of root, which may write into read-only
// directories. Only one thread changes; it ends with do.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Getuid() != 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}

const nobody = 65534

// makeTree makes a tree with read-only directories that belongs to whoever
// asNobody is.
func makeTree(t *testing.T, top, name string, dirs ...string) {
	t.Helper()
	tree := filepath.Join(top, name)
	for _, dir := range append([]string{"."}, dirs...) {
		check(t, os.MkdirAll(filepath.Join(tree, dir), 0o700))
		check(t, os.WriteFile(filepath.Join(tree, dir, "file"), nil, 0o400))
	}
	if os.Getuid() == 0 {
		check(t, os.Chown(top, nobody, -1))
		check(t, filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, -1))
		}))
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		check(t, os.Chmod(filepath.Join(tree, dirs[i]), 0o555))
	}
}

func TestRemoveTreeWithReadOnlyDirectories(t *testing.T) {
	t.Parallel()
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
			asNobody(t, func() {
				if err := dir.RemoveTree("tree"); err != nil {
					t.Error(err)
				}
			})
			if got := names(t, dir); len(got) != 0 {
				t.Errorf("left: %q", got)
			}
		})
	}
}

// A directory that cannot even be listed is opened up first.
func TestRemoveTreeWithoutAnyRights(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	makeTree(t, dir.Path(), "tree", "a", "a/b")
	for _, name := range []string{"tree/a/b", "tree/a", "tree"} {
		check(t, os.Chmod(filepath.Join(dir.Path(), name), 0))
	}
	asNobody(t, func() {
		if err := dir.RemoveTree("tree"); err != nil {
			t.Error(err)
		}
	})
}

func TestRemoveTreeSaysWhatStays(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make files that belong to somebody else")
	}
	dir := open(t, nil)
	check(t, os.MkdirAll(filepath.Join(dir.Path(), "tree/theirs"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir.Path(), "tree/theirs/file"), nil, 0o644))
	asNobody(t, func() {
		if err := dir.RemoveTree("tree"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v, want one about permission", err)
		}
	})
	if read(t, dir, "tree/theirs/file") != "" {
		t.Error("the file changed")
	}
}
