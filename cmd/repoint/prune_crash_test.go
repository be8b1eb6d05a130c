package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const keepNone = "\n[retention]\nkeep = 0\nmin_free = 0\ngrace = \"0\"\n"

// pruneWorld is an app with a release of each commit: the last is live, the one
// before it previous, commit 1 pinned, and 0, 2 and 3 go.
func pruneWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.retain(keepNone)
	for commit := range pages {
		if status, said := w.push(nil, commit, "refs/heads/main"); status != 0 {
			t.Fatalf("preparing: %s", said)
		}
	}
	w.must("repoint", "pin", "blog", w.commits[1], "-m", "before the move")
	return w
}

// retain adds to the configuration, which has no spare then: a copied one would be
// removed.
func (w *world) retain(text string) {
	w.t.Helper()
	w.writeConfig()
	name := filepath.Join(w.app, "repoint.toml")
	data, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, []byte("spare = false\n"+string(data)+text), 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// needed wants all that retention may never take, whole and where it was.
func (w *world) needed() {
	w.t.Helper()
	last := len(pages) - 1
	for link, commit := range map[string]int{"current": last, "previous": last - 1, "code_" + w.commits[1]: 1} {
		if at := w.at(link); at != commit {
			w.t.Errorf("%s holds commit %d, not %d", link, at, commit)
		}
	}
}

// releases are the commits that a sealed release is there of.
func (w *world) releases() (found []int) {
	w.t.Helper()
	for i, commit := range w.commits {
		_, tree := os.Stat(filepath.Join(w.app, "code_"+commit))
		_, seal := os.Stat(filepath.Join(w.app, ".repoint", "seals", "code_"+commit+".json"))
		if (tree == nil) != (seal == nil) {
			w.t.Errorf("commit %d: tree: %v, seal: %v", i, tree, seal)
		}
		if tree == nil {
			found = append(found, i)
		}
	}
	return found
}

// finds runs a command on what was left, and wants nothing half-done after it.
func (w *world) finds(next ...string) {
	w.t.Helper()
	w.needed()
	w.must(append([]string{"repoint"}, next...)...)
	w.needed()
	w.releases()
	if err := checkSound(w.app); err != nil {
		w.t.Errorf("after repoint %s: %v", next[0], err)
	}
}

// endsWork prunes, and wants the work of the prune that was killed done.
func (w *world) endsWork() {
	w.t.Helper()
	w.finds("prune", "blog")
	if left := w.releases(); !slices.Equal(left, []int{1, 4, 5}) {
		w.t.Errorf("%v are left", left)
	}
}

// TestPruneKilledAtEveryStep kills a prune (kill -9) before each of its steps,
// which is also after the one before, and while it deletes a large tree. What is
// needed is there at once; the next command finds whole releases or none; the
// next prune ends the work.
func TestPruneKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	whole := pruneWorld(t)
	for n, label := range stepsOfPrune(t, whole) {
		t.Run(strconv.Itoa(n)+" "+label, func(t *testing.T) {
			t.Parallel()
			w := whole.copy(t)
			w.retain(keepNone)
			if status, said := w.run([]string{fmt.Sprint(killEnv, "=", n)}, "repoint", "prune", "blog"); status == 0 {
				t.Fatalf("it survived: %s", said)
			}
			if n%2 == 0 {
				w.finds("status", "blog")
			}
			w.endsWork()
		})
	}
	t.Run("in a large tree", func(t *testing.T) {
		t.Parallel()
		w := killedInTree(t, whole)
		w.needed()
		w.must("repoint", "status", "blog")
		w.needed()
		w.endsWork()
	})
}

// stepsOfPrune returns the labels of the steps of a prune that nothing disturbs.
func stepsOfPrune(t *testing.T, whole *world) []string {
	t.Helper()
	trial, file := whole.copy(t), filepath.Join(t.TempDir(), "steps")
	trial.retain(keepNone)
	if status, said := trial.run([]string{stepsEnv + "=" + file}, "repoint", "prune", "blog"); status != 0 || !strings.Contains(said, "removed 3 of 6") {
		t.Fatalf("it exited %d: %s", status, said)
	}
	trial.endsWork()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"append journal.jsonl\n", "rename .repoint/trash/", "remove tree "} {
		if n := strings.Count(string(data), part); n != 3 {
			t.Fatalf("%d steps %q, and three releases went: %s", n, part, data)
		}
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// killedInTree is the world after a prune was killed while it deleted a tree. A
// prune that ended before is tried again with a larger one.
func killedInTree(t *testing.T, whole *world) *world {
	t.Helper()
	for files := 5_000; files < 1_000_000; files *= 2 {
		w := whole.copy(t)
		w.retain(keepNone)
		large := filepath.Join(w.app, "code_"+w.commits[2], "large")
		if err := os.Mkdir(large, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range files {
			if err := os.WriteFile(filepath.Join(large, strconv.Itoa(i)), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		w.killPrune(files)
		if left := w.inTrash("large"); left > 0 && left < files {
			return w
		}
	}
	t.Fatal("no prune was killed in the middle of a tree")
	return nil
}

// killPrune starts a prune and kills it when fewer than so many names are left of
// the large directory.
func (w *world) killPrune(files int) {
	w.t.Helper()
	cmd := exec.Command("repoint", "prune", "blog")
	cmd.Dir, cmd.Env = w.dir, w.env
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for left := 0; left == 0 || left == files; left = w.inTrash("large") {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
	_ = cmd.Process.Kill() // fails only when it has ended
	<-ended
}

// inTrash counts what a directory of the trees in the trash holds.
func (w *world) inTrash(dir string) (names int) {
	found, _ := filepath.Glob(filepath.Join(w.app, ".repoint", "trash", "*", dir))
	for _, path := range found {
		entries, _ := os.ReadDir(path) // it may just have gone
		names += len(entries)
	}
	return names
}
