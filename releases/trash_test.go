package releases_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"repoint/internal/durable"
)

// litter puts a tree of so many files into the trash.
func (a app) litter(tree string, files int) {
	a.t.Helper()
	for i := range files {
		dir := a.path(".repoint/trash", tree, fmt.Sprint(i%10))
		check(a.t, os.MkdirAll(dir, 0o755))
		check(a.t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600))
	}
}

// TestLargeTreesAreLeftToEmptyTrash: neither a build that failed nor the next
// opening deletes more than a little while others wait for the lock.
func TestLargeTreesAreLeftToEmptyTrash(t *testing.T) {
	t.Parallel()
	const many = 2500
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	tree, err := lock.Begin(commits[0])
	check(t, err)
	for i := range many {
		check(t, os.WriteFile(a.path(string(tree), fmt.Sprint(i)), nil, 0o600))
	}
	check(t, lock.Discard(tree))
	if _, err := os.Lstat(a.path(string(tree))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tree is still to be seen: %v", err)
	}
	left := a.inTrash()
	if left > many-900 || left < many-1000 {
		t.Errorf("%d of %d are left", left, many)
	}
	notes, err := lock.Repair(now)
	if now := a.inTrash(); err != nil || len(notes) > 0 || now > left-900 || now < left-1000 {
		t.Errorf("%d of %d are left after a repair, %q, %v", now, left, notes, err)
	}
	left = a.inTrash()
	other := a.open(nil) // without the lock
	removed, err := other.EmptyTrash(t.Context(), durable.Pace{Gentle: true})
	if err != nil || !removed.Whole || removed.Names < int64(left) || store.TrashLeft() {
		t.Errorf("emptied %+v of %d, %v", removed, left, err)
	}
}

// inTrash counts the files there.
func (a app) inTrash() (files int) {
	a.t.Helper()
	check(a.t, filepath.WalkDir(a.path(".repoint/trash"), func(_ string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
		}
		return err
	}))
	return files
}

func TestEmptyTrashBySeveral(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for i := range 30 {
		a.litter(fmt.Sprint("tree", i), 50)
	}
	var removers sync.WaitGroup
	var mu sync.Mutex
	var all durable.Removed
	for range 3 {
		store := a.open(nil)
		removers.Go(func() {
			removed, err := store.EmptyTrash(t.Context(), durable.Pace{Gentle: true})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			all.Add(removed)
			mu.Unlock()
		})
	}
	removers.Wait()
	if all.Names != 30*(1+10+50) || a.open(nil).TrashLeft() {
		t.Errorf("together %+v", all)
	}
}

func TestEmptyTrashThatIsMissingOrCanceled(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	a.litter("tree", 5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if removed, err := store.EmptyTrash(ctx, durable.Pace{Gentle: true}); !errors.Is(err, context.Canceled) || removed.Whole || a.inTrash() != 5 {
		t.Errorf("canceled: %+v, %v", removed, err)
	}
	check(t, os.RemoveAll(a.path(".repoint/trash")))
	if removed, err := store.EmptyTrash(t.Context(), durable.Pace{Gentle: true}); err != nil || !removed.Whole || store.TrashLeft() {
		t.Errorf("missing: %+v, %v", removed, err)
	}
}

// What cannot be deleted keeps nothing else, and is said once for all trees.
func TestEmptyTrashSaysWhatStays(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, tree := range []string{"a", "b", "c"} {
		a.litter(tree, 3)
	}
	store := a.open(func(label string, do func() error) error {
		if tree := filepath.Base(label); tree != "b" {
			return errors.Join(do(), &durable.NotRemovedError{Count: 2,
				Left: []durable.Left{{Path: "/" + tree, Err: os.ErrPermission, Remedy: "chattr -i /" + tree}}})
		}
		return do()
	})
	_, err := store.EmptyTrash(t.Context(), durable.Pace{Gentle: true})
	var left *durable.NotRemovedError
	if !errors.As(err, &left) || left.Count != 4 || len(left.Left) != 2 || !errors.Is(err, os.ErrPermission) ||
		!strings.HasSuffix(err.Error(), "and 3 more") || !strings.Contains(err.Error(), "chattr -i /") {
		t.Errorf("error %v", err)
	}
	if a.inTrash() != 0 {
		t.Error("what can be deleted was left")
	}
	lock := a.lock(a.open(func(label string, do func() error) error {
		return errors.Join(do(), &durable.NotRemovedError{Count: 1, Left: []durable.Left{{Path: "/x", Err: os.ErrPermission}}})
	}))
	a.litter("d", 1)
	notes, err := lock.Repair(now)
	if err != nil || len(notes) != 1 || notes[0] != "cannot empty the trash: cannot remove /x: permission denied" {
		t.Errorf("notes %q, %v", notes, err)
	}
}
