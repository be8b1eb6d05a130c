package deploy

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
)

const keepNone = "[retention]\nkeep = 0\nmin_free = 0\ngrace = \"0\"\n"

// pruneApp is an app with five releases: live, previous, one that is pinned, and
// two that go.
func pruneApp(t *testing.T) (a *testApp, commits []gitsrc.Hash) {
	t.Helper()
	a = newTestApp(t, keepNone)
	parent := gitsrc.Hash("")
	for i := range 5 {
		parent = a.commit(parent, map[string]string{"page": fmt.Sprint(i)})
		commits = append(commits, parent)
		a.mustDeploy(Request{Action: Live, Commit: parent, Ref: "refs/heads/main"})
	}
	app := a.tidy()
	defer app.Close()
	pinned, err := app.Find(string(commits[1]))
	if err == nil {
		err = app.store.Pin(pinned, releases.Pin{By: "ada", Why: "before the move", Since: time.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, commits
}

// copied is the same app in another directory.
func (a *testApp) copied(t *testing.T) *testApp {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("cp", "-a", a.dir, dir).CombinedOutput(); err != nil {
		t.Fatalf("copying the app: %v: %s", err, out)
	}
	dir = filepath.Join(dir, filepath.Base(a.dir))
	return &testApp{t: t, dir: dir, repo: filepath.Join(dir, RepoDir), commits: a.commits}
}

func (a *testApp) prune(seam durable.Seam) (Pruned, error) {
	a.t.Helper()
	app, err := Open(a.dir, Env{Disk: durable.New(unsynced(seam))})
	if err != nil {
		return Pruned{}, err
	}
	defer app.Close()
	return app.Prune(a.t.Context(), "ada", nil)
}

// sealed lists the commits that have a sealed release with a whole tree.
func (a *testApp) sealed(commits []gitsrc.Hash) (found []int) {
	a.t.Helper()
	app := a.tidy()
	defer app.Close()
	views, err := app.Releases()
	if err != nil {
		a.t.Fatal(err)
	}
	for i, commit := range commits {
		if slices.ContainsFunc(views, func(v View) bool { return v.Commit == string(commit) && v.Built != nil }) {
			found = append(found, i)
		}
	}
	return found
}

// Whatever step of a prune goes wrong in whatever way: what is needed is there
// and live, what is half removed is nowhere, and the next prune ends the work.
func TestPruneGoesWrongAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			whole, commits := pruneApp(t)
			for n := 0; ; n++ {
				a := whole.copied(t)
				hit := ""
				_, err := a.prune(f.seam(n, &hit))
				if hit == "" {
					if err != nil || n == 0 {
						t.Fatalf("without a fault after %d steps: %v", n, err)
					}
					return
				}
				when := fmt.Sprintf("step %d, %s", n, hit)
				left := a.sealed(commits)
				for _, needed := range []int{1, 3, 4} {
					if !slices.Contains(left, needed) {
						t.Fatalf("%s: release %d is gone, left are %v", when, needed, left)
					}
				}
				a.checkStory(when)
				if _, err := a.prune(nil); err != nil {
					t.Fatalf("%s: the next prune: %v", when, err)
				}
				if left := a.sealed(commits); !slices.Equal(left, []int{1, 3, 4}) {
					t.Fatalf("%s: after the next prune %v are left", when, left)
				}
				a.checkStory(when + ", pruned again")
			}
		})
	}
}

// A deploy that comes while a prune is at it waits for one release, not for all.
func TestPruneGivesWay(t *testing.T) {
	t.Parallel()
	a, commits := pruneApp(t)
	app := a.tidy()
	defer app.Close()
	var waiting *releases.Waiting
	removed := false
	done, err := a.prune(func(label string, do func() error) error {
		err := do()
		removed = removed || strings.HasPrefix(label, "rename .repoint/trash/")
		if err == nil && waiting == nil && removed && label == "move refs" { // the release's own, which is its last step
			waiting, err = app.store.Begin(releases.Line{Action: string(Rollback)}, releases.Ticket{Action: string(Rollback)})
		}
		return err
	})
	if err != nil || len(done.Removed) != 1 || !slices.Contains(done.Warnings, "1 release may go and stay for now: a deploy waits") {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := errors.Join(waiting.Done(), app.store.Append(releases.Line{Event: releases.End, Deploy: waiting.Deploy})); err != nil {
		t.Fatal(err)
	}
	if done, err = a.prune(nil); err != nil || len(done.Removed) != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if left := a.sealed(commits); !slices.Equal(left, []int{1, 3, 4}) {
		t.Errorf("%v are left", left)
	}
}

func TestPruneWaitsForNoDeploy(t *testing.T) {
	t.Parallel()
	a, commits := pruneApp(t)
	app := a.tidy()
	defer app.Close()
	lock, free, err := app.store.TryLock()
	if err != nil || !free {
		t.Fatal(free, err)
	}
	var failure *Failure
	if _, err := a.prune(nil); !errors.As(err, &failure) || failure.Outcome != Superseded {
		t.Errorf("with the lock held: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	waiting, err := app.store.Begin(releases.Line{Action: string(Rollback)}, releases.Ticket{Action: string(Rollback)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.prune(nil); !errors.As(err, &failure) || failure.Outcome != Superseded {
		t.Errorf("while a roll back waits: %v", err)
	}
	if err := errors.Join(waiting.Done(), app.store.Append(releases.Line{Event: releases.End, Deploy: waiting.Deploy})); err != nil {
		t.Fatal(err)
	}
	pruned, err := a.prune(nil)
	if err != nil || len(pruned.Removed) != 2 {
		t.Errorf("%v, %v", pruned.Removed, err)
	}
	if left := a.sealed(commits); !slices.Equal(left, []int{1, 3, 4}) {
		t.Errorf("left are %v", left)
	}
}
