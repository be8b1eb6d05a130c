package releases_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"repoint/releases"
)

// TestLockOfAnotherProcess: one holder at a time, and kill -9 frees it.
func TestLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	holder := a.start("hold")
	if _, free, err := store.TryLock(); free || err != nil {
		t.Fatalf("the lock of a live process: free %v, %v", free, err)
	}
	if h := store.Holder(); h.PID != holder.Process.Pid || h.Deploy != holder.deploy || h.Mark != "mark" {
		t.Errorf("holder %+v", h)
	}
	holder.kill()
	lock := a.lock(store)
	if before := lock.Before(); before.PID != holder.Process.Pid || before.Deploy != holder.deploy {
		t.Errorf("the holder before was %+v", before)
	}
	if _, err := os.Stat(store.Path(name(1))); err != nil {
		t.Fatalf("the tree it was building: %v", err)
	}
	notes, err := lock.Repair(now)
	if err != nil || len(notes) != 2 {
		t.Errorf("repaired %q, %v", notes, err)
	}
	if _, end, err := store.Deploy(holder.deploy); err != nil || end == nil || end.Outcome != releases.Interrupted {
		t.Errorf("the end of its deploy: %+v, %v", end, err)
	}
	if err := a.checkPromises([]releases.Links{{}}); err != nil {
		t.Error(err)
	}
}

func TestLockInOneProcess(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	first := a.lock(a.open(nil))
	if h := first.Before(); h != (releases.Holder{}) {
		t.Errorf("before anybody: %+v", h)
	}
	other := a.open(nil)
	if _, free, err := other.TryLock(); free || err != nil {
		t.Errorf("taken twice: free %v, %v", free, err)
	}
	check(t, first.Hold(releases.Holder{Deploy: 12, Mark: "a long mark"}))
	check(t, first.Hold(releases.Holder{Deploy: 3}))
	if h := other.Holder(); h.Deploy != 3 || h.Mark != "" || h.PID != os.Getpid() {
		t.Errorf("holder %+v", h)
	}
	check(t, first.Unlock())
	a.lock(other)
	a.put(".repoint/lock", `{"deploy":`)
	if h := other.Holder(); h != (releases.Holder{}) {
		t.Errorf("half written: %+v", h)
	}
}

// A process that is just being started holds copies of the locks of the one
// that starts it, until it calls exec. An unlocked lock is free all the same.
func TestUnlockWhileProcessesStart(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	stop := make(chan struct{})
	var starters sync.WaitGroup
	defer func() { close(stop); starters.Wait() }()
	for range 2 {
		starters.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					exec.Command("/bin/true").Run()
				}
			}
		})
	}
	store := a.open(nil)
	for range 300 {
		lock, free, err := store.TryLock()
		if !free || err != nil {
			t.Errorf("free %v, %v", free, err)
			break
		}
		waiting, err := store.Begin(releases.Line{Time: now}, releases.Ticket{})
		check(t, err)
		check(t, waiting.Done())
		check(t, lock.Unlock())
	}
}

func TestTicketOfAnotherProcess(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	first, second := a.start("wait"), a.start("wait")
	alive, dead, err := store.Tickets()
	check(t, err)
	if len(alive) != 2 || alive[0].Deploy != first.deploy || alive[1].Deploy != second.deploy || len(dead) != 0 {
		t.Fatalf("alive %+v, dead %v", alive, dead)
	}
	want := releases.Ticket{Deploy: first.deploy, Action: "deploy", Actor: "ada", Commit: commits[1], Since: now}
	if alive[0] != want {
		t.Errorf("ticket %+v, want %+v", alive[0], want)
	}
	first.kill()
	alive, dead, err = store.Tickets()
	if err != nil || len(alive) != 1 || alive[0].Deploy != second.deploy || !slices.Equal(dead, []int{first.deploy}) {
		t.Fatalf("after kill -9: alive %+v, dead %v, %v", alive, dead, err)
	}
	// Repairing ends the dead one's history and leaves the live one alone.
	_, err = a.lock(store).Repair(now)
	check(t, err)
	alive, dead, err = store.Tickets()
	if err != nil || len(alive) != 1 || len(dead) != 0 {
		t.Errorf("after repairing: alive %+v, dead %v, %v", alive, dead, err)
	}
	for deploy, want := range map[int]bool{first.deploy: true, second.deploy: false} {
		if _, end, err := store.Deploy(deploy); err != nil || (end != nil) != want {
			t.Errorf("the end of deploy %d: %+v, %v", deploy, end, err)
		}
	}
	second.end()
	if _, dead, err = store.Tickets(); err != nil || !slices.Equal(dead, []int{second.deploy}) {
		t.Errorf("one that went without a word: dead %v, %v", dead, err)
	}
}

func TestDoneTicketIsGone(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	waiting, err := store.Begin(releases.Line{Time: now}, releases.Ticket{})
	check(t, err)
	a.put(".repoint/waiting/notes.txt", "not a ticket")
	if alive, dead, err := a.open(nil).Tickets(); err != nil || len(alive) != 1 || len(dead) != 0 {
		t.Errorf("alive %+v, dead %v, %v", alive, dead, err)
	}
	check(t, waiting.Done())
	if alive, dead, err := store.Tickets(); err != nil || len(alive) != 0 || len(dead) != 0 {
		t.Errorf("alive %+v, dead %v, %v", alive, dead, err)
	}
}

// TestAppendFromEverywhere has three goroutines and two processes append.
func TestAppendFromEverywhere(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	shared := a.open(nil)
	var all sync.WaitGroup
	for _, store := range []*releases.Store{shared, shared, a.open(nil)} {
		all.Go(func() {
			if err := appendMany(store); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 {
		cmd := a.command("append")
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seqs, damaged := a.seqs(shared)
	if len(seqs) != 5*many || damaged != 0 {
		t.Errorf("%d lines, %d damaged", len(seqs), damaged)
	}
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("line %d has seq %d", i+1, seq)
		}
	}
}

// TestNumbersAreUniqueAcrossProcesses also has others repair meanwhile.
func TestNumbersAreUniqueAcrossProcesses(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	var all sync.WaitGroup
	var outputs [3]bytes.Buffer
	for i := range outputs {
		cmd := a.command("begin")
		cmd.Stdout = &outputs[i]
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	lock := a.lock(a.open(nil))
	for range 20 {
		if _, err := lock.Repair(now); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	var numbers []int
	for i := range outputs {
		var some []int
		check(t, json.Unmarshal(outputs[i].Bytes(), &some))
		if !slices.IsSorted(some) {
			t.Errorf("one process got %v", some)
		}
		numbers = append(numbers, some...)
	}
	slices.Sort(numbers)
	for i, number := range numbers {
		if number != i+1 {
			t.Fatalf("the numbers are %v", numbers)
		}
	}
}

// A request that died before its start line was written keeps its number while
// its ticket is there: nobody's live ticket is ever swept for a dead one.
func TestNumberOfADeadTicketIsNotGivenOut(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	dying := &cutter{fault: faults[0], at: 3, dir: a.dir}
	if _, err := a.open(dying.seam).Begin(releases.Line{Time: now}, releases.Ticket{}); err == nil {
		t.Fatalf("it did not die: %q", dying.steps)
	}
	lateComer := a.open(nil)
	var waiting *releases.Waiting
	_, err := a.repair(func(label string, do func() error) error {
		if label == "remove .repoint/waiting/1.json" {
			var err error
			waiting, err = lateComer.Begin(releases.Line{Time: now}, releases.Ticket{})
			check(t, err)
		}
		return do()
	})
	check(t, err)
	if waiting == nil {
		t.Fatal("the dead ticket was not removed")
	}
	if alive, dead, err := lateComer.Tickets(); err != nil || len(alive) != 1 || len(dead) != 0 {
		t.Errorf("alive %v, dead %v, %v", alive, dead, err)
	}
	check(t, waiting.Done())
}
