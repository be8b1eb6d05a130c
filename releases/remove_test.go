package releases_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// oldApp is an app with a release that may go, 0, and others that may not: 1
// was live before, 2 is live, 3 is staged. Each has an inventory.
func oldApp(t *testing.T) app {
	t.Helper()
	a := newApp(t)
	for _, req := range append(deploys(0, 1, 2), stages(3)) {
		check(t, a.deploy(nil, req))
	}
	store := a.open(nil)
	for i := range commits {
		check(t, store.WriteInventory(name(i), []byte("files")))
	}
	return a
}

// remove removes a release as a process does that then ends.
func (a app) remove(seam durable.Seam, name releases.Name) error {
	a.t.Helper()
	store := a.open(seam)
	defer store.Close()
	lock, free, err := store.TryLock()
	if err != nil || !free {
		return fmt.Errorf("taking the lock: free %v, %w", free, err)
	}
	defer lock.Unlock()
	return lock.Remove(name)
}

// parts are the paths that are there of a release: all of them, or fewer.
func (a app) parts(name releases.Name) (there []string) {
	for _, path := range []string{string(name), ".repoint/seals/" + string(name) + ".json", ".repoint/seals/" + string(name) + ".files"} {
		if _, err := os.Lstat(a.path(path)); err == nil {
			there = append(there, path)
		}
	}
	return there
}

func TestRemove(t *testing.T) {
	t.Parallel()
	a := oldApp(t)
	want := []string{"rename .repoint/trash/TEMP", "sync .", "remove .repoint/seals/RELEASE.json",
		"remove .repoint/seals/RELEASE.files", "sync .repoint/seals"}
	if got := a.steps(func(seam durable.Seam) { check(t, a.remove(seam, name(0))) }); !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
	if there := a.parts(name(0)); there != nil {
		t.Errorf("there is still %q", there)
	}
	store := a.open(nil)
	if !store.TrashLeft() {
		t.Error("its tree is not in the trash")
	}
	removed, err := store.EmptyTrash(t.Context(), durable.Pace{Gentle: true})
	if err != nil || !removed.Whole || removed.Names != 5 || removed.Bytes <= 0 || store.TrashLeft() {
		t.Errorf("emptied %+v, %v", removed, err)
	}
	a.withoutInventories()
	if err := a.checkPromises([]releases.Links{links(2, 1, 3)}); err != nil {
		t.Error(err)
	}
	if err := a.remove(nil, name(0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
}

// withoutInventories removes them, because checkPromises counts seals.
func (a app) withoutInventories() {
	a.t.Helper()
	for i := range commits {
		if err := os.Remove(a.path(".repoint/seals", string(name(i))+".files")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.t.Fatal(err)
		}
	}
}

func TestRemoveRefuses(t *testing.T) {
	t.Parallel()
	a := oldApp(t)
	check(t, a.open(nil).Pin(name(0), releases.Pin{By: "ada", Since: now}))
	for i, why := range []string{"it is pinned by ada", "it was live before", "it is live", "it is staged"} {
		err := a.remove(nil, name(i))
		var kept *releases.KeptError
		if !errors.As(err, &kept) || *kept != (releases.KeptError{Release: name(i), Why: why}) || !strings.HasSuffix(err.Error(), why) {
			t.Errorf("%d: %v", i, err)
		}
		if there := a.parts(name(i)); len(there) != 3 {
			t.Errorf("%d: there is only %q", i, there)
		}
	}
	for _, odd := range []releases.Name{"", ".", "..", "repo.git", releases.Name(name(0)[:20]), name(0) + "/.."} {
		if err := a.remove(nil, odd); err == nil {
			t.Errorf("%q was removed", odd)
		}
	}
	check(t, os.WriteFile(a.path(".repoint/pins.json"), []byte("{"), 0o600))
	if err := a.remove(nil, name(0)); err == nil {
		t.Error("removed though nobody knows what is pinned")
	}
	check(t, os.Remove(a.path(".repoint/pins.json")))
	check(t, os.Remove(a.path(releases.Next)))
	check(t, os.Mkdir(a.path(releases.Next), 0o755))
	if err := a.remove(nil, name(0)); err == nil {
		t.Error("removed though nobody knows what is staged")
	}
}

// A tree that was never sealed may go, too.
func TestRemoveUnsealed(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	lock := a.lock(a.open(nil))
	tree, err := lock.Begin(commits[0])
	check(t, err)
	check(t, lock.Remove(tree))
	if there := a.parts(tree); there != nil {
		t.Errorf("there is still %q", there)
	}
}

// TestRemoveCutAtEveryStep: whatever goes wrong, the release is whole or gone.
func TestRemoveCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			steps := 0
			for ; removeCutAt(t, f, steps); steps++ {
			}
			if steps != 5 {
				t.Errorf("%d steps were cut", steps)
			}
		})
	}
}

func removeCutAt(t *testing.T, f fault, at int) bool {
	t.Helper()
	a := oldApp(t)
	defer os.RemoveAll(a.dir)
	c := &cutter{fault: f, at: at, dir: a.dir}
	ended := a.remove(c.seam, name(0))
	if !c.reached() {
		return false
	}
	where := fmt.Sprintf("step %d, %q", at, c.steps[at])
	if ended == nil {
		t.Errorf("%s: it says that it is removed", where)
	}
	if err := a.mustRepair(); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	gone := at > 0 || f.stored
	if there := a.parts(name(0)); len(there) != 3 && (!gone || len(there) != 0) {
		t.Errorf("%s: there is only %q", where, there)
	}
	if err := a.remove(nil, name(0)); gone != errors.Is(err, fs.ErrNotExist) || !gone && err != nil {
		t.Errorf("%s: again: %v", where, err)
	}
	a.withoutInventories()
	if err := errors.Join(a.mustRepair(), a.checkPromises([]releases.Links{links(2, 1, 3)})); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	return true
}

// TestRemoveOrPin: whoever is told that a release is pinned still has it.
func TestRemoveOrPin(t *testing.T) {
	t.Parallel()
	for range 20 {
		a := newApp(t)
		store := a.open(nil)
		lock := a.lock(store)
		a.release(lock, commits[0], 1)
		var pinned, removed error
		var both sync.WaitGroup
		both.Go(func() { pinned = store.Pin(name(0), releases.Pin{By: "ada", Since: now}) })
		both.Go(func() { removed = lock.Remove(name(0)) })
		both.Wait()
		if (pinned == nil) == (removed == nil) {
			t.Errorf("pinned: %v; removed: %v", pinned, removed)
		}
		if there := a.parts(name(0)); (len(there) == 2) != (pinned == nil) {
			t.Errorf("pinned: %v; there is %q", pinned, there)
		}
		os.RemoveAll(a.dir)
	}
}
