package releases_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// keepSpare makes a spare that holds the tree of name(i).
func (a app) keepSpare(store *releases.Store, i int) error {
	a.t.Helper()
	upload, err := store.NewUpload()
	if err != nil {
		return err
	}
	tree := filepath.Join(upload.Path(), releases.SpareTree)
	err = errors.Join(os.Mkdir(tree, 0o755), fillAt(tree, durable.Disk{}, name(i)))
	if err == nil {
		err = upload.KeepSpare(map[string]int{"is": i})
	}
	return errors.Join(err, upload.Discard())
}

// spareIs returns which spare there is; -1 for none.
func spareIs(t *testing.T, said json.RawMessage) int {
	t.Helper()
	if said == nil {
		return -1
	}
	var of struct{ Is int }
	check(t, json.Unmarshal(said, &of))
	return of.Is
}

// takeSpare takes the spare and makes a release of it.
func (a app) takeSpare(lock *releases.Lock) (releases.Name, error) {
	upload, said, err := lock.TakeSpare()
	if err != nil || upload == nil {
		return "", err
	}
	var of struct{ Is int }
	if err := json.Unmarshal(said, &of); err != nil {
		return "", err
	}
	adopted, err := lock.Adopt(commits[of.Is], filepath.Join(upload.Rel(), releases.SpareTree))
	return adopted, errors.Join(err, upload.Hide())
}

func TestSpare(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	check(t, a.keepSpare(store, 0))
	check(t, a.keepSpare(store, 1)) // takes its place
	said, err := store.Spare()
	check(t, err)
	if is := spareIs(t, said); is != 1 {
		t.Fatalf("the spare is %d", is)
	}
	if notes, err := a.repair(nil); err != nil || len(notes) > 0 {
		t.Fatalf("repaired %q, %v", notes, err)
	}
	lock := a.lock(store)
	adopted, err := a.takeSpare(lock)
	if err != nil || adopted != name(1) {
		t.Fatalf("adopted as %q, %v", adopted, err)
	}
	check(t, a.checkTree(name(1)))
	if upload, said, err := lock.TakeSpare(); upload != nil || said != nil || err != nil {
		t.Errorf("taken twice: %s, %v", said, err)
	}
	check(t, lock.Seal(sealFor(adopted, 1)))
	check(t, lock.Unlock())
	check(t, a.keepSpare(store, 2))
	check(t, store.DropSpare())
	check(t, store.DropSpare())
	if said, err := store.Spare(); said != nil || err != nil {
		t.Errorf("dropped, but there is %s, %v", said, err)
	}
	check(t, errors.Join(a.mustRepair(), a.checkNothingLeft()))
}

// TestSpareIsCutAnywhere: whatever step of keeping or taking it goes wrong, what
// is taken next is whole and what it says it is, and nothing is left behind.
func TestSpareIsCutAnywhere(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for what, do := range map[string]func(a app, store *releases.Store) error{
			"keep": func(a app, store *releases.Store) error { return a.keepSpare(store, 1) },
			"take": func(a app, store *releases.Store) error {
				lock, _, err := store.TryLock()
				if err != nil {
					return err
				}
				defer lock.Unlock()
				_, err = a.takeSpare(lock)
				return err
			},
		} {
			t.Run(what+" "+f.name, func(t *testing.T) {
				t.Parallel()
				var steps []string
				for at := 0; ; at++ {
					a := newApp(t)
					check(t, a.keepSpare(a.open(nil), 0))
					cut := &cutter{fault: f, at: at, dir: a.dir}
					_ = do(a, a.open(cut.seam))
					if !cut.reached() {
						break
					}
					steps = append(steps, cut.steps[at])
					a.checkSpareAfter(at, cut.steps[at])
				}
				for _, label := range map[string][]string{
					"keep": {"syncfs", "rename .repoint/spare/set", "rename .repoint/spare/seal.json"},
					"take": {"remove .repoint/spare/seal.json", "rename " + string(name(0))},
				}[what] {
					if !slices.Contains(steps, label) {
						t.Errorf("step %q was never reached: %q", label, steps)
					}
				}
			})
		}
	}
}

// checkSpareAfter looks at an app in which a step went wrong.
func (a app) checkSpareAfter(at int, step string) {
	a.t.Helper()
	fail := func(err error) {
		if err != nil {
			a.t.Helper()
			a.t.Fatalf("cut at step %d, %s: %v", at, step, err)
		}
	}
	_, err := a.repair(nil)
	fail(err)
	lock := a.lock(a.open(nil))
	adopted, err := a.takeSpare(lock)
	fail(err)
	if adopted != "" {
		fail(a.checkTree(adopted))
		fail(lock.Discard(adopted))
	}
	for i := range 2 { // adopted, and never sealed; no deploy of these tests has begun them
		if _, err := os.Stat(a.path(string(name(i)))); err == nil {
			fail(a.checkTree(name(i)))
			fail(lock.Discard(name(i)))
		}
	}
	fail(lock.Unlock())
	fail(errors.Join(a.mustRepair(), a.checkNothingLeft()))
}
