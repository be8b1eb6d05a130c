package releases_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// TestTreesOfOthersAreLeftAlone: a tree without a seal is removed only when
// the journal has a deploy that was building it.
func TestTreesOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	check(t, a.deploy(nil, deploys(0)[0]))
	store := a.open(nil)
	lock := a.lock(store)
	theirs, err := lock.Begin(commits[1])
	check(t, err)
	waiting, err := store.Begin(releases.Line{Time: now, Commit: commits[2]}, releases.Ticket{})
	check(t, err)
	check(t, waiting.Done())
	ours, err := lock.Begin(commits[2])
	check(t, err)
	check(t, fill(store, durable.Disk{}, ours))
	check(t, lock.Unlock())

	notes, err := a.repair(nil)
	check(t, err)
	if !has(notes, theirs, "left alone") || !has(notes, ours, "removed") {
		t.Errorf("notes %q", notes)
	}
	if _, err := os.Stat(a.path(string(theirs))); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(a.path(string(ours))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tree that was never finished: %v", err)
	}
}

func has(notes []string, name releases.Name, word string) bool {
	return slices.ContainsFunc(notes, func(note string) bool {
		return strings.Contains(note, name.Short()) && strings.Contains(note, word)
	})
}

// TestRestoredBackup takes away what a backup may lack. No release is
// destroyed, and the next deploy succeeds.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	for what, take := range map[string]func(a app) error{
		"all seals":            func(a app) error { return emptyDir(a.path(".repoint/seals")) },
		"seals and the folder": func(a app) error { return os.RemoveAll(a.path(".repoint/seals")) },
		"seals and journal": func(a app) error {
			return errors.Join(emptyDir(a.path(".repoint/seals")), os.Remove(a.path(journalFile)))
		},
		"the state": func(a app) error { return os.RemoveAll(a.path(".repoint")) },
		"empty folders": func(a app) error {
			return errors.Join(os.Remove(a.path(".repoint/trash")), os.Remove(a.path(".repoint/waiting")), os.Remove(a.path(".repoint/uploads")),
				os.RemoveAll(a.path(".repoint/logs")))
		},
	} {
		for _, then := range [][]request{deploys(1, 2), deploys(0, 1, 2)} { // also pushed again though live
			t.Run(fmt.Sprintf("%s, %d", what, len(then)), func(t *testing.T) {
				t.Parallel()
				a := newApp(t)
				a.deploy(dyingAt("append journal.jsonl", 2), deploys(0)[0]) // live, but nobody could say so
				_, err := a.repair(nil)
				check(t, err)
				for _, req := range append(then, stages(3)) {
					check(t, a.deploy(nil, req))
				}
				check(t, take(a))
				a.checkRestored()
			})
		}
	}
}

func (a app) checkRestored() {
	a.t.Helper()
	store, err := releases.Open(durable.Disk{}, a.dir)
	if errors.Is(err, releases.ErrNotAnApp) {
		check(a.t, releases.Init(durable.Disk{}, a.dir)) // as the error says
		store, err = releases.Open(durable.Disk{}, a.dir)
	}
	check(a.t, err)
	defer store.Close()
	for range 2 {
		_, err := a.repair(nil)
		check(a.t, err)
		for i := range 4 {
			if err := a.checkTree(name(i)); err != nil {
				a.t.Error(err)
			}
		}
		if got := a.links(store); got != links(2, 1, 3) {
			a.t.Errorf("links %s", show(got))
		}
	}
	check(a.t, a.deploy(nil, request{action: "deploy", commit: commits[0], rebuild: true}))
	if got := a.links(store); got != (releases.Links{Current: name(0) + ".2", Previous: name(2), Next: name(3)}) {
		a.t.Errorf("then links %s", show(got))
	}
}

func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(dir, entry.Name())))
	}
	return err
}

// TestCurrentMovedByHand: the link is believed, the journal says so, and
// previous is what the journal had live.
func TestCurrentMovedByHand(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, req := range deploys(0, 1, 2) {
		check(t, a.deploy(nil, req))
	}
	check(t, os.Remove(a.path(releases.Current)))
	check(t, os.Symlink(string(name(0)), a.path(releases.Current)))
	notes, err := a.repair(nil)
	if err != nil || len(notes) != 1 || !has(notes, name(0), "found") || !has(notes, name(2), "journal") {
		t.Errorf("notes %q, %v", notes, err)
	}
	if err := a.checkPromises([]releases.Links{links(0, 2, -1)}); err != nil {
		t.Error(err)
	}
	lines, _ := a.journal(a.open(nil))
	if last := lines[len(lines)-1]; last.Event != releases.Found || last.Live != name(0) || last.From != name(2) {
		t.Errorf("the last line is %+v", last)
	}
}

// Previous is never set to what is not there or not complete.
func TestCurrentMovedByHandAndTheOldOneDeleted(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, req := range deploys(0, 1, 2) {
		check(t, a.deploy(nil, req))
	}
	check(t, os.RemoveAll(a.path(string(name(2)))))
	check(t, os.Remove(a.path(".repoint/seals", string(name(2))+".json")))
	check(t, os.Remove(a.path(releases.Current)))
	check(t, os.Symlink(string(name(0)), a.path(releases.Current)))
	if err := errors.Join(a.mustRepair(), a.checkPromises([]releases.Links{links(0, 1, -1)})); err != nil {
		t.Error(err)
	}
}

// What cannot be deleted is said and stays in the trash: no reason to fail.
func TestTrashThatCannotBeDeleted(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.deploy(dyingAt("checkout lib/b", 1), deploys(0)[0])
	stuck := func(label string, do func() error) error {
		if strings.HasPrefix(label, "remove tree") {
			return errCut
		}
		return do()
	}
	for _, want := range []int{3, 1} { // first also that the deploy died and its tree went
		notes, err := a.repair(stuck)
		if err != nil || len(notes) != want || !strings.Contains(notes[want-1], "cannot empty the trash") {
			t.Errorf("notes %q, %v", notes, err)
		}
	}
	check(t, a.deploy(nil, deploys(0)[0]))
	if err := a.checkPromises([]releases.Links{links(0, -1, -1)}); err != nil {
		t.Error(err)
	}
}

// dyingAt is a seam whose process dies before the n-th step of that label.
func dyingAt(label string, n int) durable.Seam {
	return func(step string, do func() error) error {
		if step == label {
			n--
		}
		if n <= 0 {
			return errCut
		}
		return do()
	}
}

// A seal whose tree somebody has deleted goes too.
func TestSealWithoutATree(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, req := range deploys(0, 1, 2) {
		check(t, a.deploy(nil, req))
	}
	check(t, os.RemoveAll(a.path(string(name(0)))))
	a.put(".repoint/seals/notes.txt", "not a seal")
	check(t, a.mustRepair())
	check(t, os.Remove(a.path(".repoint/seals/notes.txt")))
	if err := a.checkPromises([]releases.Links{links(2, 1, -1)}); err != nil {
		t.Error(err)
	}
}

// A request that waited long and died is ended, however many came after it.
func TestAnOldRequestThatDied(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	if err := a.deploy(dyingAt("append journal.jsonl", 2), request{action: "wait"}); !errors.Is(err, errSuperseded) {
		t.Fatal(err)
	}
	store := a.open(nil)
	for range 120 {
		waiting, err := store.Begin(releases.Line{Time: now}, releases.Ticket{})
		check(t, err)
		check(t, store.Append(releases.Line{Event: releases.End, Time: now, Deploy: waiting.Deploy}))
		check(t, waiting.Done())
	}
	if err := errors.Join(a.mustRepair(), a.checkPromises([]releases.Links{{}})); err != nil {
		t.Error(err)
	}
}

// TestAfterAPowerCut: tickets and the lock's holder are not synced, so they
// may be gone while the start line is there.
func TestAfterAPowerCut(t *testing.T) {
	t.Parallel()
	for at := 3; at < 20; at++ {
		a := newApp(t)
		check(t, a.deploy(nil, deploys(0)[0]))
		a.deploy((&cutter{fault: faults[0], at: at, dir: a.dir}).seam, deploys(1)[0])
		check(t, emptyDir(a.path(".repoint/waiting")))
		a.put(".repoint/lock", "")
		if err := errors.Join(a.mustRepair(), a.checkPromises([]releases.Links{links(0, -1, -1), links(1, 0, -1)})); err != nil {
			t.Errorf("after step %d: %v", at, err)
		}
	}
}

// A line that cannot be read may be the end of a deploy: none is made up for
// those that started before it.
func TestNoEndIsMadeUpForADamagedOne(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, req := range deploys(0, 1, 2) {
		check(t, a.deploy(nil, req))
	}
	text, err := os.ReadFile(a.path(journalFile))
	check(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	lines[3] = "garbage\n" // the end of deploy 2
	a.put(journalFile, strings.Join(lines, ""))
	store := a.open(nil)
	if notes, err := a.repair(nil); len(notes) > 0 || err != nil {
		t.Errorf("notes %q, %v", notes, err)
	}
	if seqs, damaged := a.seqs(store); !slices.Equal(seqs, []int64{1, 2, 3, 5, 6}) || damaged != 1 {
		t.Errorf("seqs %v, %d damaged", seqs, damaged)
	}
	if start, end, err := store.Deploy(2); start == nil || end != nil || err != nil {
		t.Errorf("deploy 2: %v, %v, %v", start, end, err)
	}
}
