package usage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"repoint/internal/usage"
)

func of(t testing.TB, dir string) usage.Size {
	t.Helper()
	size, err := usage.Of(t.Context(), dir)
	must(t, err)
	return size
}

func TestOfCountsAsDuDoes(t *testing.T) {
	t.Parallel()
	tr := newTree(t, t.TempDir(), "tree")
	for i := range 100 {
		tr.file(fmt.Sprintf("d%d/new\nline \xff/f%d", i%7, i), i%9)
	}
	must(t, os.Symlink(strings.Repeat("long", 200), tr.path("link"))) // too long to be kept in the inode
	must(t, os.Symlink("/", tr.path("root")))
	must(t, unix.Mkfifo(tr.path("fifo"), 0o600))
	must(t, os.Truncate(tr.path("d0/new\nline \xff/f0"), 1<<30)) // a hole takes nothing
	got, want := of(t, tr.dir), usage.Size{Bytes: du(t, tr.dir), Inodes: 1 + 7*2 + 100 + 3}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestOfHardLinks(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	a, b := newTree(t, top, "a"), newTree(t, top, "b")
	a.file("own", 40)
	a.file("twice", 60)
	a.link("in/../twice.again", a.path("twice"))
	a.file("shared", 100)
	b.link("shared", a.path("shared"))
	if got, want := of(t, a.dir), (usage.Size{Bytes: blocks(t, a.dir, a.path("own"), a.path("twice")), Inodes: 3}); got != want {
		t.Errorf("a: got %+v, want %+v", got, want)
	}
	if got, want := of(t, b.dir), (usage.Size{Bytes: blocks(t, b.dir), Inodes: 1}); got != want {
		t.Errorf("b: got %+v, want %+v", got, want)
	}
	if got, want := of(t, top), (usage.Size{Bytes: du(t, top), Inodes: 6}); got != want {
		t.Errorf("both: got %+v, want %+v", got, want)
	}
	must(t, os.Remove(b.path("shared")))
	if got, want := of(t, a.dir), (usage.Size{Bytes: du(t, a.dir), Inodes: 4}); got != want {
		t.Errorf("a, when it is the only one: got %+v, want %+v", got, want)
	}
}

func TestTotalCountsWhatIsSharedOnce(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	live, old, older := newTree(t, top, "live"), newTree(t, top, "old"), newTree(t, top, "older")
	live.file("all", 100)
	old.link("all", live.path("all"))
	older.link("all", live.path("all"))
	old.file("two", 50)
	older.link("two", old.path("two"))
	older.file("one", 25)
	var total usage.Total
	for _, c := range []struct {
		tree tree
		own  []string
	}{
		{live, []string{live.dir, live.path("all")}},
		{old, []string{old.dir, old.path("two")}},
		{older, []string{older.dir, older.path("one")}},
	} {
		got, err := total.Add(t.Context(), c.tree.dir)
		want := usage.Size{Bytes: blocks(t, c.own...), Inodes: int64(len(c.own))}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, want %+v (%v)", c.tree.dir, got, want, err)
		}
	}
	if got, want := total.Size().Bytes, du(t, top)-blocks(t, top); got != want {
		t.Errorf("together %d, want %d", got, want)
	}
	// The oldest is removed first: it frees what Add said.
	if got, want := of(t, older.dir).Bytes, blocks(t, older.dir, older.path("one")); got != want {
		t.Errorf("removing the oldest frees %d, want %d", got, want)
	}
}

// TestOfDeep has more levels than are kept open, and paths longer than any may be.
func TestOfDeep(t *testing.T) {
	t.Parallel()
	top := filepath.Join(t.TempDir(), "tree")
	const depth = 300
	must(t, os.Mkdir(top, 0o755))
	at, err := unix.Open(top, unix.O_DIRECTORY, 0)
	for range depth {
		must(t, err)
		for _, name := range []string{"a", strings.Repeat("d", 100), "z"} {
			must(t, unix.Mkdirat(at, name, 0o755))
		}
		var inner int
		inner, err = unix.Openat(at, strings.Repeat("d", 100), unix.O_DIRECTORY, 0)
		unix.Close(at)
		at = inner
	}
	must(t, errors.Join(err, unix.Close(at)))
	before := handles(t)
	if got, want := of(t, top), (usage.Size{Bytes: du(t, top), Inodes: 1 + 3*depth}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if after := handles(t); after > before+50 { // those of other tests
		t.Errorf("%d open handles before, %d after", before, after)
	}
}

func handles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestOfErrors(t *testing.T) {
	t.Parallel()
	tr := newTree(t, t.TempDir(), "tree")
	tr.file("f", 1)
	must(t, os.Symlink("tree", tr.dir+".link"))
	for name, want := range map[string]error{"gone": unix.ENOENT, "tree/f": unix.ENOTDIR, "tree.link": unix.ENOTDIR} {
		dir := filepath.Join(filepath.Dir(tr.dir), name)
		if _, err := usage.Of(t.Context(), dir); !errors.Is(err, want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := usage.Of(ctx, tr.dir); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, _, err := usage.Free(tr.path("gone")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("free: %v", err)
	}
}

func TestFree(t *testing.T) {
	t.Parallel()
	bytes, inodes, err := usage.Free(t.TempDir())
	var is unix.Statfs_t
	must(t, unix.Statfs(t.TempDir(), &is))
	if err != nil || bytes <= 0 || bytes > int64(is.Bfree)*is.Frsize || inodes <= 0 {
		t.Errorf("%d bytes and %d inodes are free, %v", bytes, inodes, err)
	}
}
