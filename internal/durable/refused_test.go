package durable_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"repoint/internal/durable"
	"repoint/internal/handle"
)

// leftOf fails the test unless err is about what is left, and returns that.
func leftOf(t *testing.T, err error) map[string]durable.Left {
	t.Helper()
	var left *durable.NotRemovedError
	if !errors.As(err, &left) {
		t.Fatalf("error %v", err)
	}
	all := map[string]durable.Left{}
	for _, l := range left.Left {
		all[l.Path] = l
	}
	if len(all) != left.Count {
		t.Errorf("%d are left, and these are named: %v", left.Count, all)
	}
	return all
}

// TestRemoveTreeLeavesMounts has directories and a file of the same file system
// mounted in a tree, and one on a tree.
func TestRemoveTreeLeavesMounts(t *testing.T) {
	t.Parallel()
	if !withMounts(t) {
		return
	}
	dir := open(t, nil)
	out, unchanged := outside(t, dir)
	at := func(name string) string { return filepath.Join(dir.Path(), name) }
	plant(t, at("tree"), 10, 3)
	check(t, os.Mkdir(at("tree/a mount"), 0o500))
	check(t, os.Mkdir(at("whole"), 0o700))
	put(t, dir, "tree/file", "")
	for _, bind := range [][2]string{{out, at("tree/a mount")}, {out + "/victim", at("tree/file")}, {out, at("whole")},
		{at("tree/scope1"), at("tree/scope2")}} {
		check(t, unix.Mount(bind[0], bind[1], "", unix.MS_BIND, ""))
		t.Cleanup(func() { unix.Unmount(bind[1], unix.MNT_DETACH) })
	}
	left := leftOf(t, dir.RemoveTree("tree"))
	unchanged()
	for _, mount := range []string{at("tree/a mount"), at("tree/file"), at("tree/scope2")} {
		remedy := "umount " + strings.ReplaceAll(mount, at("tree/a mount"), "'"+at("tree/a mount")+"'")
		if l := left[mount]; !errors.Is(l.Err, handle.ErrMount) || l.Remedy != remedy {
			t.Errorf("%s: %+v", mount, l)
		}
		check(t, unix.Unmount(mount, 0))
	}
	if len(left) != 3 {
		t.Errorf("left: %v", left)
	}
	if l := leftOf(t, dir.RemoveTree("whole")); !errors.Is(l[at("whole")].Err, handle.ErrMount) {
		t.Errorf("mounted on the tree itself: %v", l)
	}
	unchanged()
	check(t, dir.RemoveTree("tree"))
	check(t, unix.Unmount(at("whole"), 0))
	check(t, dir.RemoveTree("whole"))
	unchanged()
}

// setFlags sets what chattr(1) sets.
func setFlags(t *testing.T, path string, flags int) error {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}

const (
	immutable  = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	appendOnly = 0x20
)

func TestRemoveTreeLeavesTheImmutable(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	at := func(name string) string { return filepath.Join(dir.Path(), name) }
	check(t, os.MkdirAll(at("tree/fixed dir/in"), 0o755))
	for _, name := range []string{"tree/it's", "tree/new\nline", "tree/grows", "tree/fixed dir/file", "tree/free"} {
		put(t, dir, name, "")
	}
	for name, flag := range map[string]int{"tree/it's": immutable, "tree/new\nline": immutable,
		"tree/grows": appendOnly, "tree/fixed dir": immutable} {
		if err := setFlags(t, at(name), flag); err != nil {
			t.Skipf("this user or this file system cannot make a file immutable: %v", err)
		}
		t.Cleanup(func() { // should the test end early
			if _, err := os.Lstat(at(name)); err == nil {
				check(t, setFlags(t, at(name), 0))
			}
		})
	}
	err := dir.RemoveTree("tree")
	got := map[string]string{}
	for path, l := range leftOf(t, err) {
		got[strings.TrimPrefix(path, dir.Path())] = l.Err.Error() + ": " + strings.ReplaceAll(l.Remedy, dir.Path(), "")
	}
	want := map[string]string{
		"/tree/it's":           `it is immutable: operation not permitted: chattr -i '/tree/it'\''s'`,
		"/tree/new\nline":      `it is immutable: operation not permitted: chattr -i $'/tree/new\012line'`,
		"/tree/grows":          `it may only be appended to: operation not permitted: chattr -a /tree/grows`,
		"/tree/fixed dir/file": `its directory is immutable: operation not permitted: chattr -i '/tree/fixed dir'`,
		"/tree/fixed dir/in":   `its directory is immutable: operation not permitted: chattr -i '/tree/fixed dir'`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := err.Error(); !strings.Contains(text, "cannot remove ") || !strings.HasSuffix(text, ") and 4 more") || strings.Contains(text, "\n") {
		t.Errorf("error %q", text)
	}
	for path := range leftOf(t, err) {
		check(t, setFlags(t, path, 0))
	}
	check(t, setFlags(t, at("tree/fixed dir"), 0))
	check(t, dir.RemoveTree("tree"))
}

// TestNotRemovedIsBounded names some, counts all, and removes what it can.
func TestNotRemovedIsBounded(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	fixed := filepath.Join(dir.Path(), "tree/fixed")
	check(t, os.MkdirAll(fixed, 0o755))
	for i := range 50 {
		put(t, dir, fmt.Sprintf("tree/fixed/%d", i), "")
		put(t, dir, fmt.Sprintf("tree/%d", i), "")
	}
	if err := setFlags(t, fixed, immutable); err != nil {
		t.Skipf("this user or this file system cannot make a file immutable: %v", err)
	}
	defer setFlags(t, fixed, 0)
	done, err := dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{})
	var left *durable.NotRemovedError
	if !errors.As(err, &left) || left.Count != 50 || len(left.Left) != 20 || done.Names != 50 || done.Whole {
		t.Errorf("removed %+v, %v", done, err)
	}
	var all durable.NotRemovedError
	check(t, all.Add(fmt.Errorf("emptying: %w", err)))
	check(t, all.Add(err))
	if all.Count != 100 || len(all.Left) != 20 || all.Add(errCut) != errCut || all.Add(nil) != nil {
		t.Errorf("together: %+v", all)
	}
}
