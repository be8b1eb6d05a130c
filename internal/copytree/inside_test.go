package copytree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// halfway begins a copy of a folder and hands over what a worker gets.
func halfway(t *testing.T, ctx context.Context, src string) (*copier, *folder, string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "copy")
	c := newCopier(ctx, Options{})
	f, err := c.begin(src, dst, Options{})
	must(t, err)
	t.Cleanup(f.close)
	return c, f, dst
}

// TestChangesMeanwhile gives a worker entries that are no longer what they were listed as.
func TestChangesMeanwhile(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "file"), []byte("text"), 0o644))
	must(t, os.Symlink("file", filepath.Join(src, "link")))
	must(t, unix.Mkfifo(filepath.Join(src, "fifo"), 0o644))
	must(t, os.Mkdir(filepath.Join(src, "folder"), 0o755))
	c, f, _ := halfway(t, t.Context(), src)
	for _, tt := range []struct {
		name string
		kind uint8
		want error
	}{
		{"gone", unix.DT_REG, nil},
		{"gone", unix.DT_LNK, nil},
		{"gone", unix.DT_DIR, nil},
		{"link", unix.DT_REG, errChanged},
		{"fifo", unix.DT_REG, errChanged},
		{"folder", unix.DT_REG, errChanged},
		{"file", unix.DT_LNK, errChanged},
		{"file", unix.DT_DIR, errChanged},
		{"link", unix.DT_DIR, errChanged},
	} {
		f.left.Add(1)
		var err error
		if tt.kind == unix.DT_DIR {
			err = c.enter(f, tt.name)
		} else {
			err = c.batch(f, []entry{{tt.name, tt.kind}})
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s as kind %d: %v, want %v", tt.name, tt.kind, err, tt.want)
		}
		if err != nil && err.Error() != "copying "+tt.name+": it changed while it was copied" {
			t.Errorf("error %q", err)
		}
	}
	if got, want := c.done.stats(), (Stats{Vanished: 3}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// TestFileGrows reads files of /proc, which are longer than they say.
func TestFileGrows(t *testing.T) {
	t.Parallel()
	c, f, _ := halfway(t, t.Context(), fmt.Sprintf("/proc/%d", os.Getpid()))
	if err := c.file(f, "status"); !errors.Is(err, errChanged) {
		t.Errorf("error %v", err)
	}
}

func TestFileShrinks(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	for name, size := range map[string]int64{"small": 4, "big": bufferSize + 4} {
		must(t, os.WriteFile(filepath.Join(src, name), nil, 0o644))
		must(t, os.Truncate(filepath.Join(src, name), size))
		c, f, dst := halfway(t, t.Context(), src)
		in, err := open(f.src, name, unix.O_RDONLY, 0)
		must(t, err)
		var is unix.Stat_t
		must(t, unix.Fstat(in, &is))
		out, err := os.Create(filepath.Join(dst, name))
		must(t, err)
		must(t, os.Truncate(filepath.Join(src, name), size-1))
		if err := c.content(in, int(out.Fd()), &is); !errors.Is(err, errChanged) {
			t.Errorf("%s: error %v", name, err)
		}
		must(t, out.Close())
		must(t, unix.Close(in))
	}
}

// TestCanceledMeanwhile stops a worker before an entry and within a file.
func TestCanceledMeanwhile(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "file"), []byte(strings.Repeat("text", bufferSize)), 0o644))
	ctx, cancel := context.WithCancel(t.Context())
	c, f, dst := halfway(t, ctx, src)
	c.noClone.Store(true) // a clone is over before it can be stopped
	cancel()
	if err := c.file(f, "file"); !errors.Is(err, context.Canceled) {
		t.Errorf("within a file: %v", err)
	}
	f.left.Add(2)
	if err := c.batch(f, []entry{{"file", unix.DT_REG}}); !errors.Is(err, context.Canceled) {
		t.Errorf("before an entry: %v", err)
	}
	if err := c.enter(f, "folder"); !errors.Is(err, context.Canceled) {
		t.Errorf("before a folder: %v", err)
	}
	info, err := os.Stat(dst)
	if must(t, err); info.Mode().Perm() != private {
		t.Errorf("half a copy has mode %v", info.Mode())
	}
}

// TestPrivateUntilFull looks at a copy before its last piece of work has ended.
func TestPrivateUntilFull(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	must(t, os.Mkdir(filepath.Join(src, "folder"), 0o755))
	must(t, os.Chmod(src, 0o755))
	c, f, dst := halfway(t, t.Context(), src)
	mode := func() string {
		info, err := os.Stat(dst)
		must(t, err)
		return fmt.Sprint(info.Mode().Perm())
	}
	f.left.Add(1)
	must(t, c.enter(f, "folder"))
	if mode() != "-rwx------" {
		t.Errorf("not full: %s", mode())
	}
	must(t, c.finish(f))
	if mode() != "-rwxr-xr-x" {
		t.Errorf("full: %s", mode())
	}
}

// TestKindIsAskedFor is for file systems that do not say what an entry is.
func TestKindIsAskedFor(t *testing.T) {
	t.Parallel()
	src := sample(t, tempDir(t))
	c, f, _ := halfway(t, t.Context(), src)
	entries, err := c.list(f)
	if err != nil || len(entries) < 10 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		if kind := kindOf(f.src, e.name); kind != e.kind {
			t.Errorf("%s: kind %d, want %d", e.name, kind, e.kind)
		}
	}
	if kind := kindOf(f.src, "gone"); kind != unix.DT_REG {
		t.Errorf("gone: kind %d", kind)
	}
}
