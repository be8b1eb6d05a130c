package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

var paces = map[string]durable.Pace{"at once": {}, "gentle": {Gentle: true}}

// plant makes a tree of folders with files in them, as packages do, and returns
// how many names it has, its own too.
func plant(t testing.TB, tree string, folders, files int) (names int) {
	t.Helper()
	text := make([]byte, 4000)
	seen := map[string]bool{filepath.Dir(tree): true}
	for i := range folders {
		folder := filepath.Join(tree, fmt.Sprintf("scope%d/package%d/lib", i%20, i))
		check(t, os.MkdirAll(folder, 0o755))
		for j := range files {
			check(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("file%d.js", j)), text[:1000+j], 0o644))
		}
		for ; !seen[folder]; folder = filepath.Dir(folder) {
			seen[folder] = true
			names++
		}
		names += files
	}
	return names
}

func TestRemovedCountsNamesAndBlocks(t *testing.T) {
	t.Parallel()
	for name, pace := range paces {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := open(t, nil)
			at := func(name string) string { return filepath.Join(dir.Path(), name) }
			want := durable.Removed{Names: int64(plant(t, at("tree"), 50, 4)), Whole: true}
			put(t, dir, "outside", strings.Repeat("x", 9000))
			check(t, os.Link(at("outside"), at("tree/linked")))
			put(t, dir, "tree/one", strings.Repeat("x", 9000))
			check(t, os.Link(at("tree/one"), at("tree/two")))
			check(t, os.Symlink("one", at("tree/link")))
			check(t, unix.Mkfifo(at("tree/fifo"), 0o600))
			want.Names += 5
			seen := map[uint64]bool{}
			check(t, filepath.WalkDir(at("tree"), func(path string, _ fs.DirEntry, err error) error {
				var is unix.Stat_t
				err = errors.Join(err, unix.Lstat(path, &is))
				if !seen[is.Ino] && filepath.Base(path) != "linked" {
					want.Bytes += is.Blocks * 512
				}
				seen[is.Ino] = true
				return err
			}))
			done, err := dir.RemoveTreePaced(t.Context(), "tree", pace)
			if err != nil || done != want {
				t.Errorf("removed %+v, %v; want %+v", done, err, want)
			}
			if len(read(t, dir, "outside")) != 9000 {
				t.Error("a file that has another name in the tree changed")
			}
		})
	}
}

// TestRemoveTreeDeep removes what is deeper than any path may be long.
func TestRemoveTreeDeep(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	dig(t, filepath.Join(dir.Path(), "tree"), strings.Repeat("d", 200), 2000)
	dig(t, filepath.Join(dir.Path(), "tree/beside"), "e", 200)
	done, err := dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{})
	if err != nil || !done.Whole || done.Names != 1+2*2000+1+2*200 {
		t.Errorf("removed %+v, %v", done, err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

// dig makes top and in it a directory in a directory and so on, each with a file.
func dig(t *testing.T, top, name string, depth int) {
	t.Helper()
	check(t, os.Mkdir(top, 0o755))
	at, err := unix.Open(top, unix.O_DIRECTORY, 0)
	for range depth {
		check(t, err)
		check(t, unix.Mkdirat(at, name, 0o755))
		check(t, unix.Symlinkat("nowhere", at, "file"))
		var inner int
		inner, err = unix.Openat(at, name, unix.O_DIRECTORY, 0)
		unix.Close(at)
		at = inner
	}
	check(t, errors.Join(err, unix.Close(at)))
}

// TestRemoveTreeWide has many more names in a directory than are read at once.
func TestRemoveTreeWide(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, os.MkdirAll(filepath.Join(dir.Path(), "tree/wide"), 0o755))
	const files, dirs = 3000, 200
	for i := range files {
		name := fmt.Sprintf("tree/wide/%s%d\n\xff", strings.Repeat("f", i%30), i)
		check(t, os.Symlink("x", filepath.Join(dir.Path(), name)))
	}
	for i := range dirs {
		check(t, os.Mkdir(filepath.Join(dir.Path(), fmt.Sprintf("tree/wide/d%d", i)), 0o755))
	}
	var told durable.Removed
	var mu sync.Mutex
	done, err := dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{Gone: func(bytes int64) {
		mu.Lock()
		defer mu.Unlock()
		told.Add(durable.Removed{Names: 1, Bytes: bytes})
	}})
	if err != nil || !done.Whole || done.Names != 2+files+dirs {
		t.Errorf("removed %+v, %v", done, err)
	}
	if told.Names != done.Names || told.Bytes != done.Bytes {
		t.Errorf("was told of %+v, not of %+v", told, done)
	}
}

func TestRemoveTreeStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(dir *durable.Dir) (durable.Removed, error){
		"after so many names": func(dir *durable.Dir) (durable.Removed, error) {
			return dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{Most: 30})
		},
		"when it is told": func(dir *durable.Dir) (durable.Removed, error) {
			ctx := &countdown{Context: t.Context()}
			ctx.left.Store(30)
			done, err := dir.RemoveTreePaced(ctx, "tree", durable.Pace{Most: 1000}) // one worker
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			return done, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := open(t, nil)
			all := int64(plant(t, filepath.Join(dir.Path(), "tree"), 10, 10))
			done, err := stop(dir)
			if err != nil || done.Whole || done.Names < 20 || done.Names > 30 {
				t.Errorf("removed %+v, %v", done, err)
			}
			rest, err := dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{Most: int(all)})
			if err != nil || !rest.Whole || rest.Names != all-done.Names {
				t.Errorf("then removed %+v of %d, %v", rest, all, err)
			}
		})
	}
}

func TestRemoveTreeKilledAndAgain(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 1, 2, 30, 150} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			dir := open(t, nil)
			all := int64(plant(t, filepath.Join(dir.Path(), "tree"), 20, 10))
			dig(t, filepath.Join(dir.Path(), "tree/deep"), "d", 150)
			all += 1 + 2*150
			cmd := exec.Command("/proc/self/exe", dir.Path())
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", killAt, after))
			if err := cmd.Run(); err == nil || err.Error() != "signal: killed" {
				t.Fatalf("it ended with %v", err)
			}
			done, err := dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{})
			if err != nil || !done.Whole || done.Names > all || done.Names < all-int64(after) {
				t.Errorf("removed %+v of %d, %v", done, all, err)
			}
		})
	}
}

// TestRemoveTreeBySeveral: each finds gone what another was quicker with.
func TestRemoveTreeBySeveral(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	all := int64(plant(t, filepath.Join(dir.Path(), "tree"), 80, 10))
	dig(t, filepath.Join(dir.Path(), "tree/deep"), "d", 300)
	all += 1 + 2*300
	var removers sync.WaitGroup
	var done [4]durable.Removed
	for i := range done {
		removers.Go(func() {
			var err error
			if done[i], err = dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{}); err != nil {
				t.Error(err)
			}
		})
	}
	removers.Wait()
	sum := durable.Removed{Whole: true}
	for _, d := range done {
		sum.Add(d)
	}
	if sum.Names != all || !sum.Whole {
		t.Errorf("together %+v of %d", sum, all)
	}
}

// TestRemoveTreeWhileItGrows: a writer that goes on cannot keep it from ending.
func TestRemoveTreeWhileItGrows(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, os.MkdirAll(filepath.Join(dir.Path(), "tree/a/b"), 0o755))
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				sub := filepath.Join(dir.Path(), []string{"tree", "tree/a", "tree/a/b"}[w], fmt.Sprint(i))
				_ = os.Mkdir(sub, 0o755) // the directory it is in may be gone
				_ = os.WriteFile(sub+"/f", nil, 0o600)
			}
		})
	}
	_, err := dir.RemoveTreePaced(t.Context(), "tree", durable.Pace{})
	var left *durable.NotRemovedError
	if err != nil && (!errors.As(err, &left) || !strings.Contains(err.Error(), "something keeps writing into it")) {
		t.Errorf("error %v", err)
	}
	close(stop)
	writers.Wait()
	check(t, dir.RemoveTree("tree"))
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}
