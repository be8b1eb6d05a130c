package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// way is one way of moving a link, to be killed and to fail at each of its
// steps.
type way struct {
	name     string
	before   []int  // the commits that were live before, the last one still is
	link     string // the link that moves
	old, new int    // what it points at before and after; -1 is nothing
	act      func(w *world, armed []string) (status int, said string)
}

var ways = []way{
	{"first push", nil, "current", -1, 0, func(w *world, armed []string) (int, string) { return w.push(armed, 0, "refs/heads/main") }},
	{"second push", []int{0}, "current", 0, 1, func(w *world, armed []string) (int, string) { return w.push(armed, 1, "refs/heads/main") }},
	{"stage", []int{0}, "next", -1, 1, func(w *world, armed []string) (int, string) { return w.push(armed, 1, "refs/deploy/next") }},
	{"rollback", []int{0, 1}, "current", 1, 0, func(w *world, armed []string) (int, string) {
		return w.run(armed, "repoint", "rollback", "blog")
	}},
}

// prepared makes the world before the way is gone, and the labels of the steps
// that going it takes.
func (y way) prepared(t *testing.T) (*world, []string) {
	t.Helper()
	w := newWorld(t)
	for _, commit := range y.before {
		if status, said := w.push(nil, commit, "refs/heads/main"); status != 0 {
			t.Fatalf("preparing: %s", said)
		}
	}
	trial, file := w.copy(t), filepath.Join(t.TempDir(), "steps")
	if status, said := y.act(trial, []string{stepsEnv + "=" + file}); status != 0 {
		t.Fatalf("trying: %s", said)
	}
	y.wants(trial, y.new)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	labels := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(labels) < 5 {
		t.Fatalf("too few steps to be true: %q", labels)
	}
	return w, labels
}

// wants wants the link to point at commit, and nothing left of what went wrong.
func (y way) wants(w *world, commit int) {
	w.t.Helper()
	if err := checkSound(w.app); err != nil {
		w.t.Error(err)
	}
	if at := w.at(y.link); at != commit {
		w.t.Errorf("%s is on commit %d, not on %d", y.link, at, commit)
	}
	if live, branch := w.at("current"), w.branch(); live != branch {
		w.t.Errorf("commit %d is live and the branch on %d", live, branch)
	}
}

// oldOrNew wants the link where it was, or where it is to be, and complete.
func (y way) oldOrNew(w *world) int {
	w.t.Helper()
	at := w.at(y.link)
	if at != y.old && at != y.new {
		w.t.Errorf("%s is on commit %d, neither the old nor the new one", y.link, at)
	}
	return at
}

// heals runs a command that only looks, and wants it to have put everything
// right.
func (y way) heals(w *world) {
	w.t.Helper()
	if status, said := w.run(nil, "repoint", "status", "blog"); status != 0 {
		w.t.Errorf("status afterwards exited %d: %s", status, said)
	}
	y.wants(w, y.oldOrNew(w))
}

// again goes the way to its end, whatever was left at its start.
func (y way) again(w *world) {
	w.t.Helper()
	if w.at(y.link) == y.new && y.name == "rollback" {
		return // once more would be forward again
	}
	if status, said := y.act(w, nil); status != 0 {
		w.t.Errorf("again: it exited %d: %s", status, said)
	}
	y.wants(w, y.new)
}

// each runs test at each of the steps: a point is the number of the step, and
// the mark of what happens there. Several marks take turns.
func (y way) each(t *testing.T, marks []string, test func(t *testing.T, w *world, point, label string)) {
	prepared, labels := y.prepared(t)
	for n, label := range labels {
		point := fmt.Sprint(n, marks[n%len(marks)])
		t.Run(point+" "+label, func(t *testing.T) {
			t.Parallel()
			test(t, prepared.copy(t), point, label)
		})
	}
}

// TestKilledAtEveryStep kills the process that deploys (kill -9) before each of
// its steps, which is also after the one before. A visitor finds the old release
// or the new; the next command, though it only looks, leaves everything as if
// nothing had been; and the same push goes through.
func TestKilledAtEveryStep(t *testing.T) {
	for _, y := range ways {
		t.Run(y.name, func(t *testing.T) {
			t.Parallel()
			y.each(t, []string{""}, func(t *testing.T, w *world, point, _ string) {
				if status, said := y.act(w, []string{killEnv + "=" + point}); status == 0 {
					t.Fatalf("it survived: %s", said)
				}
				y.oldOrNew(w)
				y.heals(w)
				y.again(w)
			})
		})
	}
}

// TestFailsAtEveryStep lets each step fail: the disk is full, or, at every second
// one, it fails and was done all the same (deploy's tests try both at each). What
// git or repoint then says is true of the link and of the branch, at once. Only the
// branch of a roll back may lag: what serves matters more then, and it is said.
func TestFailsAtEveryStep(t *testing.T) {
	for _, y := range ways {
		t.Run(y.name, func(t *testing.T) {
			t.Parallel()
			y.each(t, []string{"", "+"}, func(t *testing.T, w *world, point, label string) {
				status, said := y.act(w, []string{failEnv + "=" + point})
				want := y.old
				if status == 0 {
					want = y.new
				}
				if at := w.at(y.link); at != want {
					t.Errorf("it exited %d, and %s is on commit %d: %s", status, y.link, at, said)
				}
				lags := y.name == "rollback" && label == "move refs" && strings.Contains(said, "warning: cannot move main: ")
				if live, branch := w.at("current"), w.branch(); live != branch && !lags {
					t.Errorf("it exited %d, commit %d is live and the branch on %d: %s", status, live, branch, said)
				}
				if status == 0 {
					y.heals(w)
				}
				y.again(w)
			})
		})
	}
}

// TestDiskStaysFull lets all steps fail from one of them on, those that would
// put things back too. When even that is not possible it is said, with what to
// look at; once there is room again, everything is put right.
func TestDiskStaysFull(t *testing.T) {
	for _, y := range []way{ways[1], ways[3]} {
		t.Run(y.name, func(t *testing.T) {
			t.Parallel()
			y.each(t, []string{"-"}, func(t *testing.T, w *world, point, _ string) {
				status, said := y.act(w, []string{failEnv + "=" + point})
				at, want := y.oldOrNew(w), y.old
				if status == 0 {
					want = y.new
				}
				broken := strings.Contains(said, "going back failed too: ") && strings.Contains(said, "hint: look at "+w.app+"/current")
				if at != want && !broken {
					t.Errorf("it exited %d, and %s is on commit %d: %s", status, y.link, at, said)
				}
				if broken && y.name == "rollback" && status != exitBroken {
					t.Errorf("it exited %d, not %d: %s", status, exitBroken, said)
				}
				y.heals(w)
				y.again(w)
			})
		})
	}
}

// TestInitKilledAtEveryStep kills init: once more makes the app.
func TestInitKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for n, survived := 0, false; !survived; n++ {
		w := worldIn(t, t.TempDir())
		status, _ := w.run([]string{fmt.Sprint(killEnv, "=", n)}, "repoint", "init", w.app)
		survived = status == 0
		if survived && n < 5 {
			t.Fatalf("init has only %d steps", n)
		}
		w.must("repoint", "init", w.app)
		w.must("repoint", "status", "blog")
		if err := checkSound(w.app); err != nil {
			t.Errorf("killed before step %d: %v", n, err)
		}
	}
}
