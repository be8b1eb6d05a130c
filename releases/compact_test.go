package releases_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"repoint/releases"
)

// writer writes a random journal into an app: every kind of line, and trees that
// come and go.
type writer struct {
	app
	*rand.Rand
	store *releases.Store
	there map[releases.Name]bool
	live  releases.Name
	last  releases.Line
}

func newWriter(t testing.TB, seed uint64) *writer {
	a := newApp(t)
	return &writer{app: a, Rand: rand.New(rand.NewPCG(seed, seed)), store: a.open(nil), there: map[releases.Name]bool{}}
}

func (w *writer) add(line releases.Line) {
	w.t.Helper()
	line.Seq, line.Top, line.Time = w.last.Seq+1, w.last.Top, now.Add(time.Duration(w.last.Seq)*time.Minute)
	if line.Event == releases.Start {
		line.Top++
		line.Deploy = line.Top
	}
	w.last = line
	text, err := json.Marshal(line)
	check(w.t, err)
	check(w.t, w.append(string(text)))
}

// append writes a line without a sync: there are many.
func (w *writer) append(line string) error {
	f, err := os.OpenFile(w.path(journalFile), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(line + "\n")
	return err
}

func (w *writer) any() releases.Name {
	return releases.Name(fmt.Sprintf("code_%040x", w.IntN(12)))
}

// write adds what one more event leaves.
func (w *writer) write() {
	switch n := w.IntN(20); {
	case n == 0:
		w.add(releases.Line{Event: releases.Pinned, Release: w.any(), Actor: "ada"})
	case n == 1:
		w.add(releases.Line{Event: releases.FreezeSet, Actor: "ada", Reason: "a fair"})
	case n == 2:
		from := w.live
		if w.build(w.any()); w.live != from {
			w.add(releases.Line{Event: releases.Found, Live: w.live, From: from})
		}
	case n == 3:
		name := w.any()
		if name != w.live && w.there[name] {
			w.add(releases.Line{Event: releases.Removed, Release: name})
			check(w.t, os.RemoveAll(w.path(string(name))))
			check(w.t, os.Remove(w.path(".repoint/seals/"+string(name)+".json")))
			delete(w.there, name)
		}
	case n == 4:
		if w.IntN(5) == 0 {
			check(w.t, w.append("a line that nobody can read"))
			w.last.Seq++
			w.last.Top++
		}
	default:
		w.deploy()
	}
}

// build makes a sealed release, which is live then.
func (w *writer) build(name releases.Name) {
	if !w.there[name] {
		check(w.t, os.Mkdir(w.path(string(name)), 0o755))
		w.put(".repoint/seals/"+string(name)+".json", fmt.Sprintf(`{"release":%q,"commit":%q,"deploy":1}`, name, name.Commit()))
		w.there[name] = true
	}
	w.live = name
}

func (w *writer) deploy() {
	to := w.any()
	w.add(releases.Line{Event: releases.Start, Action: []string{"deploy", "stage"}[w.IntN(2)], Commit: to.Commit(),
		Ref: fmt.Sprintf("refs/heads/%d", w.IntN(5)), Actor: "ada", Via: "push", Subject: "a subject"})
	end := releases.Line{Event: releases.End, Deploy: w.last.Deploy, Outcome: "success", Millis: 12}
	switch from := w.live; w.IntN(8) {
	case 0:
		end.Outcome, end.Error = "failed", "npm ci exited 1"
	case 1:
		end.Outcome, end.Error, end.Bad = "went back", "503", to
	case 2:
		end.Outcome, end.Error = releases.Interrupted, "its process died"
	case 3:
		w.build(to)
		end.Live, end.From, end.Bad = to, from, from
	case 4:
		if w.IntN(10) == 0 {
			return // it never ends
		}
	default:
		w.build(to)
		end.Live, end.From = to, from
	}
	w.add(end)
}

// answers are what anybody may ask a journal.
type answers struct {
	History []releases.Line
	Damaged int
	Deploys map[int][2]*releases.Line
	Starts  map[string]any
	Lives   map[releases.Name]releases.Life
	Whole   bool
	Live    releases.Name
	Good    [3]releases.Name
	Ever    map[releases.Name]bool
}

func (w *writer) ask() (is answers) {
	w.t.Helper()
	is.Deploys, is.Starts, is.Ever = map[int][2]*releases.Line{}, map[string]any{}, map[releases.Name]bool{}
	var err error
	is.Damaged, err = w.store.History(func(line releases.Line) bool {
		is.History = append(is.History, line)
		return true
	})
	check(w.t, err)
	for id := 1; id <= w.last.Top+1; id += 1 + w.last.Top/8 {
		start, end, err := w.store.Deploy(id)
		check(w.t, err)
		is.Deploys[id] = [2]*releases.Line{start, end}
	}
	for ref := range 5 {
		for _, action := range []string{"deploy", "stage"} {
			ref := fmt.Sprintf("refs/heads/%d", ref)
			start, end, err := w.store.LastStart(action, ref, "other")
			check(w.t, err)
			if start != nil && !(end != nil && end.Outcome == releases.Interrupted) {
				is.Starts[action+ref] = [2]any{start.Deploy, start.Commit}
			}
		}
	}
	lives, whole, err := w.store.Lives()
	check(w.t, err)
	is.Lives, is.Whole = map[releases.Name]releases.Life{}, whole
	for name := range w.there {
		is.Lives[name] = lives[name]
		was, err := w.store.EverLive(name)
		check(w.t, err)
		is.Ever[name] = was
	}
	is.Live, _, err = w.store.LiveInJournal()
	check(w.t, err)
	for i, current := range []releases.Name{w.live, is.Live, ""} {
		is.Good[i], err = w.store.LastGood(releases.Links{Current: current})
		check(w.t, err)
	}
	return is
}

// Whatever is in a journal, and however often it was compacted: whatever is asked
// has the same answer as before, about everything that is there.
func TestCompactingChangesNoAnswer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			compactsRight(t, seed)
		})
	}
}

func FuzzCompact(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compactsRight(t, seed) })
}

func compactsRight(t *testing.T, seed uint64) {
	w := newWriter(t, seed)
	moved := 0
	for range 3 {
		for range 130 + w.IntN(150) {
			w.write()
		}
		before := w.ask()
		n := w.compacts(int64(w.IntN(40_000)))
		w.answers(before, fmt.Sprintf("after %d lines moved", n))
		moved += n
	}
	if files, _ := filepath.Glob(w.path(".repoint/journal-*.zst")); moved == 0 || len(files) == 0 {
		t.Errorf("%d lines were moved into %q", moved, files)
	}
}

// The numbers go on, and are not given out again, when all that stayed is lost.
func TestNumbersAfterCompacting(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.journalOf(500)
	store := a.open(nil)
	lock := a.lock(store)
	for i := 1; i <= 500; i++ {
		check(t, store.Append(releases.Line{Time: now, Event: releases.End, Deploy: i}))
	}
	if moved, err := lock.CompactTo(0, 0); err != nil || moved != 500-releases.LookBack {
		t.Fatal(moved, err)
	}
	text, err := os.ReadFile(a.path(journalFile))
	check(t, err)
	head, stayed, found := strings.Cut(string(text), `"event":"folded","whole":true}`+"\n")
	if !found || !strings.Contains(head, `"seq":400,"top":400`) {
		t.Fatalf("the journal begins with %.300s", text)
	}
	a.put(journalFile, head+`"event":"folded","whole":true}`+"\n"+strings.Repeat("lost\n", strings.Count(stayed, "\n")))
	waiting, err := store.Begin(releases.Line{Time: now}, releases.Ticket{})
	check(t, err)
	check(t, waiting.Done())
	seqs, damaged := a.seqs(store)
	if last := seqs[len(seqs)-1]; last != 1001 || waiting.Deploy != 1001 || damaged != 600 {
		t.Errorf("seq %d, deploy %d, %d damaged", last, waiting.Deploy, damaged)
	}
}

// Cut at any step: every line is there once, and the next compaction ends it.
func TestCompactingCutAtEveryStep(t *testing.T) {
	t.Parallel()
	whole := newWriter(t, 7)
	for range 2 {
		for range 170 {
			whole.write()
		}
		if _, err := whole.repair(nil); err != nil {
			t.Fatal(err)
		}
		whole.compacts(9000)
	}
	for range 60 {
		whole.write()
	}
	if _, err := whole.repair(nil); err != nil {
		t.Fatal(err)
	}
	want := whole.ask()
	for _, f := range faults {
		for at := 0; ; at++ {
			w := whole.copied()
			c := &cutter{fault: f, at: at, dir: w.dir}
			lock := w.lock(w.app.open(c.seam))
			_, err := lock.CompactTo(9000, 0)
			check(t, lock.Unlock())
			when := fmt.Sprintf("%s, step %d", f.name, at)
			w.answers(want, when)
			if !c.reached() {
				check(t, err)
				break
			}
			if _, err := w.repair(nil); err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			w.compacts(9000)
			w.answers(want, when+", compacted again")
			if files, _ := filepath.Glob(w.path(".repoint/*.zst")); len(files) != 3 {
				t.Errorf("%s: the archive is %q", when, files)
			}
		}
	}
}

// copied is the same app in another directory.
func (w *writer) copied() *writer {
	other := newApp(w.t)
	check(w.t, os.RemoveAll(other.dir))
	check(w.t, os.CopyFS(other.dir, os.DirFS(w.dir)))
	w2 := *w
	w2.app, w2.store = other, other.open(nil)
	return &w2
}

// compacts compacts what it can.
func (w *writer) compacts(room int64) (moved int) {
	w.t.Helper()
	lock := w.lock(w.store)
	moved, err := lock.CompactTo(room, 0)
	check(w.t, errors.Join(err, lock.Unlock()))
	return moved
}

func (w *writer) answers(want answers, when string) {
	w.t.Helper()
	if got := w.ask(); !reflect.DeepEqual(want, got) {
		w.t.Fatalf("%s: (-want +got)\n%s", when, cmp.Diff(want, got))
	}
}

// Somebody who waited for the journal while it was replaced writes into the new
// one.
func TestAppendersWhileCompacting(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.journalOf(300)
	store := a.open(nil)
	for i := 1; i <= 300; i++ {
		check(t, store.Append(releases.Line{Time: now, Event: releases.End, Deploy: i}))
	}
	cmds := []*process{}
	for range 3 {
		cmd := a.command("append")
		check(t, cmd.Start())
		cmds = append(cmds, &process{Cmd: cmd})
	}
	lock := a.lock(store)
	for range 30 {
		if _, err := lock.CompactTo(0, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range cmds {
		check(t, cmd.Wait())
	}
	if _, err := lock.CompactTo(0, 0); err != nil {
		t.Fatal(err)
	}
	seqs, damaged := a.seqs(store)
	if len(seqs) != 600+3*many || damaged != 0 {
		t.Fatalf("%d lines, %d damaged", len(seqs), damaged)
	}
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("line %d has the number %d", i+1, seq)
		}
	}
}

// Somebody waits for the very file that is about to be replaced.
func TestAppenderWaitsForTheOldJournal(t *testing.T) {
	t.Parallel()
	w := newWriter(t, 3)
	for range 200 {
		w.write()
	}
	info, err := os.Stat(w.path(journalFile))
	check(t, err)
	waits := fmt.Sprintf(":%d ", info.Sys().(*syscall.Stat_t).Ino)
	appended := make(chan error, 1)
	lock := w.lock(w.open(func(label string, do func() error) error {
		if label != "rename "+journalFile {
			return do()
		}
		go func() { appended <- w.store.Append(releases.Line{Time: now, Event: releases.Pinned, Actor: "late"}) }()
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			locks, err := os.ReadFile("/proc/locks")
			check(t, err)
			for line := range strings.Lines(string(locks)) {
				if strings.Contains(line, "-> FLOCK") && strings.Contains(line, waits) {
					return do()
				}
			}
		}
		return errors.New("nobody waits for the journal")
	}))
	if n, err := lock.CompactTo(0, 0); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	check(t, <-appended)
	if lines, _ := w.journal(w.store); lines[len(lines)-1].Actor != "late" {
		t.Errorf("the last line is %+v", lines[len(lines)-1])
	}
}

// What stands in the archive's place and is of another journal is not replaced.
func TestArchiveOfAnotherJournal(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	for i, want := range []string{"", "has lines of another journal: move it away"} {
		check(t, os.RemoveAll(a.path(journalFile)))
		check(t, store.Append(releases.Line{Time: now, Event: releases.Found, Live: name(i)}))
		for i := 1; i <= 150; i++ {
			check(t, store.Append(releases.Line{Time: now, Event: releases.Start, Deploy: i}))
			check(t, store.Append(releases.Line{Time: now, Event: releases.End, Deploy: i}))
		}
		_, err := lock.CompactTo(0, 0)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if lines, _ := a.journal(store); len(lines) != 301 {
			t.Fatalf("%d lines", len(lines))
		}
	}
}
