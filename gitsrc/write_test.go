package gitsrc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestCheckoutGivesFilesAway(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	r := newRepo(t)
	dir := empty(t)
	_, err := r.Checkout(t.Context(), commit(t, r, oddities()), dir, CheckoutOptions{Owner: &Owner{UID: 12345, GID: 54321}})
	must(t, err)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if is := info.Sys().(*syscall.Stat_t); is.Uid != 12345 || is.Gid != 54321 {
			t.Errorf("%s belongs to %d:%d", path, is.Uid, is.Gid)
		}
		return nil
	}))
	checkFolders(t, dir)
}

func TestCheckoutOnAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"a": text(strings.Repeat("x", 1<<20)), "b": text("b")})
	dir := empty(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("no mounts here:", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }) // a process that was just forked may be in it
	_, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), `"a"`) {
		t.Error(err)
	}
}

// A file system that folds case finds the second name taken.
func TestCheckoutOfNamesThatClash(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for taken, want := range map[string]string{
		"sub/README": `"sub/README" and "sub/readme" are the same name on this file system`,
		"SUB":        `"SUB" and "sub" are the same name on this file system`,
		"Link":       `"Link" and "link" are the same name on this file system`,
		"zz":         `"zz" and another one are the same name on this file system`,
	} {
		tip := commit(t, r, map[string]file{
			"sub/readme": text("1"), "sub/README": text("2"), "SUB/x": text("3"), "link": to("zz"), "Link": to("zz"), "zz": text(""),
		})
		dir := empty(t)
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(taken)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, taken), nil, 0o600))
		list, err := r.list(t.Context(), tip, &guard{limits: DefaultLimits()})
		must(t, err)
		links, err := r.readLinks(t.Context(), list.entries)
		must(t, err)
		root, err := os.Open(dir)
		must(t, err)
		defer root.Close()
		w := &writer{repo: r, root: int(root.Fd()), entries: list.entries, links: links}
		if taken == "sub/README" {
			must(t, os.Rename(filepath.Join(dir, "sub"), filepath.Join(dir, "sub.old")))
			must(t, os.Symlink("sub.old", filepath.Join(dir, "sub"))) // a planted link is not followed either
			want = `"sub" and "SUB" are the same name on this file system`
		}
		if err := w.write(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", taken, err, want)
		}
	}
}

func TestDivide(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, 255, 600, 5000} {
		var entries []entry
		for i := range count {
			entries = append(entries, entry{path: fmt.Sprintf("%06d", i), size: int64(i%7) << (i % 30)})
		}
		var joined []entry
		shares := divide(entries, 4)
		for _, share := range shares {
			joined = append(joined, share...)
		}
		if len(shares) > 4 || len(joined) != count || !cmp.Equal(joined, entries, cmp.AllowUnexported(entry{})) {
			t.Errorf("%d entries in %d shares hold %d", count, len(shares), len(joined))
		}
	}
}
