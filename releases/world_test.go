package releases_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/internal/durable"
	"repoint/releases"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// commits are hashes to release; name(i) is the tree of the i-th.
var commits = []string{
	strings.Repeat("0a", 20), strings.Repeat("1b", 20), strings.Repeat("2c", 20), strings.Repeat("3d", 20),
}

func name(i int) releases.Name { return releases.Name("code_" + commits[i]) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// app is an app's directory.
type app struct {
	t   testing.TB
	dir string
}

// newApp makes one, in memory where there is such a place: these tests cut and
// switch many thousand times, and how long a disk takes to sync is not what
// they are about. TestSyncOrder looks at the order of syncs.
func newApp(t testing.TB) app {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "repoint-test-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	check(t, releases.Init(durable.Disk{}, dir))
	return app{t, dir}
}

// open opens the app's store; seam may be nil.
func (a app) open(seam durable.Seam) *releases.Store {
	a.t.Helper()
	store, err := releases.Open(durable.New(seam), a.dir)
	check(a.t, err)
	a.t.Cleanup(func() { store.Close() })
	return store
}

// lock takes the app's lock, which must be free.
func (a app) lock(store *releases.Store) *releases.Lock {
	a.t.Helper()
	lock, free, err := store.TryLock()
	check(a.t, err)
	if !free {
		a.t.Fatal("the lock is not free")
	}
	a.t.Cleanup(func() { lock.Unlock() })
	return lock
}

func (a app) path(elem ...string) string {
	return filepath.Join(append([]string{a.dir}, elem...)...)
}

func (a app) put(name, text string) {
	a.t.Helper()
	check(a.t, os.WriteFile(a.path(name), []byte(text), 0o600))
}

// release makes a sealed release the short way, without a deploy around it.
func (a app) release(lock *releases.Lock, commit string, deploy int) releases.Name {
	a.t.Helper()
	name, err := lock.Begin(commit)
	check(a.t, err)
	check(a.t, fill(lock.Store, durable.Disk{}, name))
	check(a.t, lock.Seal(sealFor(name, deploy)))
	return name
}

func sealFor(name releases.Name, deploy int) releases.Seal {
	return releases.Seal{Release: name, Commit: name.Commit(), Subject: "a subject", Deploy: deploy, Time: now,
		Files: len(treeFiles), Tree: "digest"}
}

// treeFiles are the files of every tree. Each holds its release's name.
var treeFiles = []string{"index", "lib/a", "lib/b"}

// fill writes a tree's files, each as a step of its own.
func fill(store *releases.Store, disk durable.Disk, name releases.Name) error {
	return fillAt(store.Path(name), disk, name)
}

func fillAt(tree string, disk durable.Disk, name releases.Name) error {
	for _, file := range treeFiles {
		err := disk.Step("checkout "+file, func() error {
			path := filepath.Join(tree, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			return os.WriteFile(path, []byte(name), 0o644)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkTree says what a tree lacks.
func (a app) checkTree(name releases.Name) error {
	var errs []error
	for _, file := range treeFiles {
		data, err := os.ReadFile(a.path(string(name), file))
		if err == nil && string(data) != string(name) {
			err = fmt.Errorf("%s/%s holds %q", name, file, data)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// journal returns the journal's lines, the oldest first.
func (a app) journal(store *releases.Store) (lines []releases.Line, damaged int) {
	a.t.Helper()
	damaged, err := store.History(func(line releases.Line) bool {
		lines = append([]releases.Line{line}, lines...)
		return true
	})
	check(a.t, err)
	return lines, damaged
}

func (a app) links(store *releases.Store) releases.Links {
	a.t.Helper()
	links, err := store.Links()
	check(a.t, err)
	return links
}
