package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// plant makes a tree: "dir/", "link -> target", "name: content", "name! content" for what may be executed.
func plant(t *testing.T, lines ...string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, line := range lines {
		if name, isDir := strings.CutSuffix(line, "/"); isDir {
			must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
			continue
		}
		if link, target, is := strings.Cut(line, " -> "); is {
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755))
			must(t, os.Symlink(target, filepath.Join(dir, link)))
			continue
		}
		mode := fs.FileMode(0o640)
		name, content, plain := strings.Cut(line, ": ")
		if !plain {
			name, content, _ = strings.Cut(line, "! ")
			mode = 0o755
		}
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), mode))
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func treeOf(t *testing.T, lines ...string) Tree {
	t.Helper()
	tree, err := Of(t.Context(), plant(t, lines...), nil)
	must(t, err)
	return tree
}

func TestWalk(t *testing.T) {
	t.Parallel()
	var got []string
	err := Walk(t.Context(), plant(t, "b/x: 1", "b.c: abc", "a -> b/none", "d/", "run! 2", "\xff: 3"), func(e Entry) {
		got = append(got, fmt.Sprintf("%s %q %s %x", e.Mode, e.Name, e.Target, e.Sum[:2]))
	})
	want := []string{
		`Lrwxrwxrwx "a" b/none a27f`,
		`drwxr-xr-x "b"  e3b0`,
		`-rw-r----- "b/x"  6b86`,
		`-rw-r----- "b.c"  ba78`,
		`drwxr-xr-x "d"  e3b0`,
		`-rwxr-xr-x "run"  d473`,
		`-rw-r----- "\xff"  4e07`,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Walk(ctx, plant(t, "a: 1"), func(Entry) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What an archive keeps counts, and nothing else.
func TestSinceCounts(t *testing.T) {
	t.Parallel()
	is := treeOf(t, "a: 1", "b/c! 2", "l -> a", "e/")
	root := plant(t, "e/", "l -> a", "b/c! 2", "a: 1", "up -> ../x")
	must(t, root.Chmod("a", 0o600))
	must(t, root.Chmod("b/c", 0o711))
	must(t, root.Chtimes("a", time.Unix(0, 0), time.Unix(0, 0)))
	again, err := Of(t.Context(), root, func(e Entry) bool { return e.Target == "../x" })
	must(t, err)
	if diff := cmp.Diff(Delta{}, again.Since(is)); diff != "" {
		t.Errorf("what no archive keeps makes another tree: %s", diff)
	}
	for name, lines := range map[string][]string{
		"content":       {"a: 2", "b/c! 2", "l -> a", "e/"},
		"name":          {"A: 1", "b/c! 2", "l -> a", "e/"},
		"executable":    {"a: 1", "b/c: 2", "l -> a", "e/"},
		"target":        {"a: 1", "b/c! 2", "l -> b", "e/"},
		"link or file":  {"a: 1", "b/c! 2", "l: a", "e/"},
		"no folder":     {"a: 1", "b/c! 2", "l -> a"},
		"one file more": {"a: 1", "b/c! 2", "l -> a", "e/", "z: "},
	} {
		if d := treeOf(t, lines...).Since(is); len(d.Put)+len(d.Remove) == 0 {
			t.Errorf("%s does not count", name)
		}
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	old := treeOf(t, "same: 1", "changed: 1", "gone: 1", "x: 1", "dir/a: 1", "dir/b: 1", "was: 1", "empty/")
	now := treeOf(t, "same: 1", "changed: 2", "new: 1", "x! 1", "dir/a: 1", "was/now: 1", "deep/er/y: 1")
	want := Delta{
		Put:    []string{"changed", "deep", "deep/er", "deep/er/y", "new", "was", "was/now", "x"},
		Remove: []string{"changed", "dir/b", "empty", "gone", "was", "x"},
	}
	if diff := cmp.Diff(want, now.Since(old)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Delta{}, now.Since(now)); diff != "" {
		t.Error(diff)
	}
}

// The old tree without what is removed, with what is put, is the new one.
func TestSinceMakesTheNewTree(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	anyTree := func() Tree {
		var t Tree
		for _, name := range []string{"a", "a/b", "a/b/c", "a.x", "b", "c", "c/d"} {
			if random.IntN(3) > 0 {
				e := Entry{Name: name, Mode: []fs.FileMode{0o644, 0o755, fs.ModeDir}[random.IntN(3)]}
				e.Sum[0] = byte(random.IntN(2))
				t = append(t, e)
			}
		}
		slices.SortFunc(t, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		return t
	}
	for range 2000 {
		old, now := anyTree(), anyTree()
		d := now.Since(old)
		got := slices.DeleteFunc(slices.Clone(old), func(e Entry) bool { return slices.Contains(d.Remove, e.Name) })
		for _, e := range now {
			if slices.Contains(d.Put, e.Name) {
				got = append(got, e)
			}
		}
		slices.SortFunc(got, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		if !slices.EqualFunc(got, now, Entry.same) {
			t.Fatalf("%v and %+v are not %v", old, d, now)
		}
	}
}
