package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/internal/usage"
	"repoint/releases"
	"repoint/retention"
)

// roomy is an app on a disk of its own, which has what the test says.
type roomy struct {
	*testApp
	capacity int64 // bytes for trees, seen and unseen
	inodes   int64
	asked    int
}

const keepMany = "spare = false\n[retention]\nkeep = 9\nmin_free = 0\ngrace = \"0\"\n"

// roomApp is pruneApp with releases of 64 KiB that would all be kept, on a disk
// that has 16 KiB left: 0 and 2 can go.
func roomApp(t *testing.T) (*roomy, []gitsrc.Hash) {
	t.Helper()
	a := newTestApp(t, keepMany)
	parent := gitsrc.Hash("")
	var commits []gitsrc.Hash
	for i := range 5 {
		parent = a.commit(parent, page(i, 64<<10))
		commits = append(commits, parent)
		a.mustDeploy(Request{Action: Live, Commit: parent, Ref: "refs/heads/main"})
	}
	app := a.tidy()
	defer app.Close()
	pinned, err := app.Find(string(commits[1]))
	if err == nil {
		err = app.store.Pin(pinned, releases.Pin{By: "ada", Why: "before the move"})
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &roomy{testApp: a, inodes: usage.Unlimited}
	r.capacity = r.taken().Bytes + 16<<10
	return r, commits
}

func page(version, size int) map[string]string {
	return map[string]string{"page": strings.Repeat(fmt.Sprint(version), size)}
}

// taken is what all trees take.
func (r *roomy) taken() (all usage.Size) {
	r.t.Helper()
	trees, err := filepath.Glob(filepath.Join(r.dir, "code_*"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, tree := range append(trees, filepath.Join(r.dir, ".repoint/trash")) {
		size, err := usage.Of(context.Background(), tree)
		if err != nil {
			r.t.Fatal(err)
		}
		if !strings.HasSuffix(tree, "trash") || size.Inodes > 1 {
			all.Add(size)
		}
	}
	return all
}

// each is what the release of a commit takes, folder and file: how much a folder
// takes differs between file systems.
func (r *roomy) each(commit gitsrc.Hash) int64 {
	r.t.Helper()
	size, err := usage.Of(context.Background(), filepath.Join(r.dir, "code_"+string(commit)))
	if err != nil {
		r.t.Fatal(err)
	}
	return size.Bytes
}

func (r *roomy) env(seam durable.Seam) Env {
	return Env{Disk: durable.New(unsynced(seam)), Free: func(string) (int64, int64, error) {
		r.asked++
		taken := r.taken()
		if r.inodes == usage.Unlimited {
			return r.capacity - taken.Bytes, usage.Unlimited, nil
		}
		return math.MaxInt64 / 2, r.inodes - taken.Inodes, nil
	}}
}

// open opens the app on that disk.
func (r *roomy) open(seam durable.Seam) *App {
	r.t.Helper()
	app, err := Open(r.dir, r.env(seam))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { app.Close() })
	return app
}

// push deploys on that disk and returns what was said.
func (r *roomy) push(seam durable.Seam, req Request) (Result, string) {
	r.t.Helper()
	var said bytes.Buffer
	return r.open(seam).Deploy(r.t.Context(), req, Printer(&said)), said.String()
}

func live(commit gitsrc.Hash) Request {
	return Request{Action: Live, Commit: commit, Ref: "refs/heads/main", Actor: "ada"}
}

// removals are the journal's lines about what went, the oldest first.
func (r *roomy) removals() (lines []releases.Line) {
	r.t.Helper()
	app := r.open(nil)
	_, err := app.store.History(func(line releases.Line) bool {
		if line.Event == releases.Removed {
			lines = append(lines, line)
		}
		return true
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Reverse(lines)
	return lines
}

func TestRoomIsMadeAsMuchAsNeeded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size int
		left []int
		says string
	}{
		"enough":  {8 << 10, []int{0, 1, 2, 3, 4}, ""},
		"one":     {64 << 10, []int{1, 2, 3, 4}, "-----> Room  removed 1 release, "},
		"several": {100 << 10, []int{1, 3, 4}, "-----> Room  removed 2 releases, "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, commits := roomApp(t)
			each := a.each(commits[0])
			next := a.commit(commits[4], page(7, c.size))
			result, said := a.push(nil, live(next))
			if c.says != "" {
				c.says += Bytes(int64(5-len(c.left)) * each)
			}
			if result.Failure != nil || !strings.Contains(said, c.says) || (c.says == "") == strings.Contains(said, "Room") {
				t.Fatalf("%v\n%s", result.Failure, said)
			}
			if left := a.sealed(commits); !slices.Equal(left, c.left) {
				t.Errorf("left are %v", left)
			}
			if a.taken().Bytes > a.capacity {
				t.Errorf("the disk has %d bytes, and %d are taken", a.capacity, a.taken().Bytes)
			}
			for _, line := range a.removals() {
				if line.Actor != "ada" || line.Bytes != each || !strings.HasPrefix(line.Reason, "to free disk: 16KiB are free, ") {
					t.Errorf("the journal says %+v", line)
				}
			}
			if len(a.removals()) != 5-len(c.left) || c.says == "" && a.asked != 1 {
				t.Errorf("removals %+v, asked %d times", a.removals(), a.asked)
			}
			a.checkStory(name)
		})
	}
}

func TestRoomForInodes(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	a.inodes = a.taken().Inodes + 1
	result, said := a.push(nil, live(a.commit(commits[4], page(7, 10))))
	if result.Failure != nil || !strings.Contains(said, "Room  removed 1 release") {
		t.Fatalf("%v\n%s", result.Failure, said)
	}
	if lines := a.removals(); len(lines) != 1 || lines[0].Reason != "to free disk: 1 inodes are free, 2 are wanted" {
		t.Errorf("%+v", lines)
	}
}

// When all that may go is not enough nothing goes, and it is said what would
// help. The plan says the same.
func TestNoRoomIsRefused(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	next := a.commit(commits[4], page(7, 300<<10))
	before, each := a.taken(), a.each(commits[0])>>10
	missing := 304 - 16 - 2*each
	result, _ := a.push(nil, live(next))
	planned := a.open(nil).Plan(t.Context(), live(next), func(Event) {})
	for _, err := range []error{result.Failure, planned} {
		var f *Failure
		if !errors.As(err, &f) || f.Reason != fmt.Sprintf("no room on the disk: 16KiB are free, 304KiB are wanted; all that may go frees %dKiB and 4 inodes, %dKiB are missing", 2*each, missing) ||
			!slices.Equal(f.More, []string{fmt.Sprintf("what would help: 1 release (%dKiB and 2 inodes) pinned: unpin what is not needed", each)}) ||
			f.Hint != fmt.Sprintf("free %dKiB elsewhere on the disk", missing) {
			t.Errorf("%+v", f)
		}
	}
	if result.Outcome != Failed || a.taken() != before || a.removals() != nil || a.live() != commits[4] {
		t.Errorf("%s; something was touched", result.Outcome)
	}
	a.checkStory("refused")
}

func TestPlanTellsWhatWouldGo(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	var said bytes.Buffer
	err := a.open(nil).Plan(t.Context(), live(a.commit(commits[4], page(7, 100<<10))), Printer(&said))
	want := fmt.Sprintf("make room: remove %s, %s, %s\n", commits[0].Short(), commits[2].Short(), Bytes(2*a.each(commits[0])))
	if err != nil || !strings.Contains(said.String(), want) || len(a.sealed(commits)) != 5 {
		t.Errorf("%v: %s", err, said.String())
	}
}

// What a process uses stays, and another one goes for it.
func TestRoomLeavesWhatIsInUse(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	each := a.each(commits[0])
	user := exec.Command("cat")
	user.Dir = filepath.Join(a.dir, "code_"+string(commits[0]))
	in, err := user.StdinPipe()
	if err == nil {
		err = user.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	result, said := a.push(nil, live(a.commit(commits[4], page(7, 64<<10))))
	if result.Failure != nil || !slices.Equal(a.sealed(commits), []int{0, 1, 3, 4}) {
		t.Errorf("%v: %v\n%s", a.sealed(commits), result.Failure, said)
	}
	result, _ = a.push(nil, live(a.commit(commits[4], page(8, 128<<10))))
	if result.Failure == nil || !slices.Contains(result.Failure.More, fmt.Sprintf("what would help: 1 release (%dKiB and 2 inodes) in use: restart what uses them", each>>10)) {
		t.Errorf("%+v", result.Failure)
	}
	if err := errors.Join(in.Close(), user.Wait()); err != nil {
		t.Error(err)
	}
}

// What cannot be deleted is told with its path and what helps; the next release
// goes for it, and the deploy succeeds.
func TestRoomIsMadeInSpiteOfWhatCannotBeDeleted(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	each, stuck := a.each(commits[0]), ""
	seam := func(label string, do func() error) error {
		if tree, ok := strings.CutPrefix(label, "remove tree .repoint/trash/"); ok && (stuck == "" || stuck == tree) {
			stuck = tree
			path := filepath.Join(a.dir, ".repoint/trash", tree, "page")
			return &durable.NotRemovedError{Count: 1, Left: []durable.Left{{Path: path, Err: unix.EPERM, Remedy: "chattr -i " + path}}}
		}
		return do()
	}
	result, said := a.push(seam, live(a.commit(commits[4], page(7, 64<<10))))
	if result.Failure != nil || strings.Count(said, "chattr -i "+a.dir) != 1 || !strings.Contains(said, "warning: cannot delete "+a.dir) ||
		!strings.Contains(said, "Room  removed 2 releases, "+Bytes(each)) {
		t.Errorf("%+v\n%s", result.Failure, said)
	}
}

// What was out of sight already goes before anything else does.
func TestRoomIsFoundInTheTrash(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	each := a.each(commits[0])
	app := a.open(func(label string, do func() error) error {
		if strings.HasPrefix(label, "remove tree") {
			return unix.EINTR
		}
		return do()
	})
	a.write(filepath.Join(a.dir, ConfigFile), keepNone)
	if _, err := app.Prune(t.Context(), "ada", nil); err == nil {
		t.Fatal("the trash was emptied")
	}
	a.write(filepath.Join(a.dir, ConfigFile), keepMany)
	gone := len(a.removals())
	lock, _, err := app.store.TryLock() // Tidy and takeTurn would delete a little by themselves
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	var said bytes.Buffer
	room := a.open(nil)
	cfg, err := room.Config(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	m := room.room(cfg, retention.Amount{Bytes: 64 << 10}, "ada", func(kind Kind, step, text string, took time.Duration) {
		Printer(&said)(Event{Kind: kind, Step: step, Text: text, Took: took})
	})
	m.lock = lock
	if err := m.make(t.Context()); err != nil || !strings.Contains(said.String(), "Room  deleted what was removed before, "+Bytes(2*each)) {
		t.Errorf("%v: %s", err, said.String())
	}
	if now := a.removals(); len(now) != gone || gone != 2 {
		t.Errorf("%d went before, then %+v", gone, now)
	}
}

// A roll back that waits may want what would go.
func TestRoomIsNotMadeWhileARollBackWaits(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	app := a.open(nil)
	waiting, err := app.store.Begin(releases.Line{Action: string(Rollback)}, releases.Ticket{Action: string(Rollback)})
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Done()
	result, _ := a.push(nil, live(a.commit(commits[4], page(7, 64<<10))))
	if result.Outcome != Superseded || len(a.sealed(commits)) != 5 {
		t.Errorf("%s: %+v", result.Outcome, result.Failure)
	}
	result, said := a.push(nil, live(a.commit(commits[4], page(8, 8<<10))))
	if result.Failure != nil {
		t.Errorf("what fits needs nobody to go: %s", said)
	}
}

func TestGoingBackAsksForNoRoom(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	if result, said := a.push(nil, Request{Action: Stage, Commit: commits[0], Ref: "refs/deploy/next"}); result.Failure != nil {
		t.Fatal(said)
	}
	a.capacity, a.asked = 0, 0
	for _, req := range []Request{{Action: Promote}, {Action: Rollback}, {Action: Rollback, To: string(commits[2])}, live(commits[3])} {
		if result, said := a.push(nil, req); result.Failure != nil {
			t.Errorf("%s: %s", req.Action, said)
		}
	}
	if a.asked != 0 {
		t.Errorf("it was asked %d times how much is free", a.asked)
	}
}

func TestRoomForAnArchive(t *testing.T) {
	t.Parallel()
	a, commits := roomApp(t)
	read := io.Reader(strings.NewReader(""))
	unpack := func(size int64) (said string, err error) {
		var out bytes.Buffer
		_, err = a.open(nil).Unpack(t.Context(), Archive{From: read, Size: size, Actor: "ci"}, Printer(&out))
		return out.String(), err
	}
	var f *Failure
	if _, err := unpack(1 << 20); !errors.As(err, &f) || !strings.HasPrefix(f.Reason, "no room on the disk: 16KiB are free, 1MiB are wanted") {
		t.Errorf("too large: %v", err)
	}
	lock, _, err := a.open(nil).store.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(64 << 10); !errors.As(err, &f) || f.Outcome != Superseded {
		t.Errorf("while a deploy is running: %v", err)
	}
	if err := lock.Unlock(); err != nil || len(a.sealed(commits)) != 5 {
		t.Fatal(err, a.sealed(commits))
	}
	said, err := unpack(64 << 10) // the archive itself is none
	if !strings.Contains(said, "Room  removed 1 release, ") || err == nil || strings.Contains(err.Error(), "room") {
		t.Errorf("%v\n%s", err, said)
	}
	if left := a.sealed(commits); !slices.Equal(left, []int{1, 2, 3, 4}) || a.removals()[0].Actor != "ci" {
		t.Errorf("left are %v: %+v", left, a.removals())
	}
}

// whileAsked leaves all steps alone but those that make room: what is free has
// been asked for, and the tree is not yet begun. The dead stay dead.
func (r *roomy) whileAsked(seam durable.Seam, hit *string) durable.Seam {
	over := false
	return func(label string, do func() error) error {
		over = over || *hit == "" && strings.HasPrefix(label, "mkdir code_")
		if r.asked == 0 || over {
			return do()
		}
		return seam(label, do)
	}
}

// Whatever step goes wrong while room is made: what is needed is there and live,
// all tell the same story, and the next push ends the work.
func TestRoomGoesWrongAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			whole, commits := roomApp(t)
			next := whole.commit(commits[4], page(7, 100<<10))
			seen := map[string]bool{}
			for n := 0; ; n++ {
				a := &roomy{testApp: whole.copied(t), capacity: whole.capacity, inodes: whole.inodes}
				hit := ""
				result, said := a.push(a.whileAsked(f.seam(n, &hit), &hit), live(next))
				if hit == "" {
					if result.Failure != nil || len(a.removals()) != 2 {
						t.Fatalf("without a fault after %d steps: %s", n, said)
					}
					break
				}
				seen[strings.SplitN(hit, "/", 2)[0]] = true
				when := fmt.Sprintf("step %d, %s", n, hit)
				left := a.sealed(commits)
				for _, needed := range []int{1, 3, 4} {
					if !slices.Contains(left, needed) {
						t.Fatalf("%s: release %d is gone, left are %v", when, needed, left)
					}
				}
				a.checkStory(when)
				if at := a.live(); at != commits[4] && at != next || !f.dead && (at == next) != (result.Failure == nil) {
					t.Fatalf("%s: %s is live: %s", when, at, said)
				}
				if result, said := a.push(nil, live(next)); result.Failure != nil || a.live() != next {
					t.Fatalf("%s: the next push: %s", when, said)
				}
				if left := a.sealed(commits); !slices.Equal(left, []int{1, 3, 4}) {
					t.Fatalf("%s: after the next push %v are left", when, left)
				}
				a.checkStory(when + ", pushed again")
			}
			for _, step := range []string{"rename .repoint", "sync .", "move refs", "remove tree .repoint"} {
				if !seen[step] {
					t.Errorf("step %q was never reached: %v", step, seen)
				}
			}
		})
	}
}

// A disk that fills up in spite of what it said, as under a quota: the deploy
// fails with the cause, nothing moves and nothing of the tree stays.
func TestTheDiskIsFullAfterAll(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, keepMany)
	first := a.commit("", page(0, 10))
	a.mustDeploy(live(first))
	next := a.commit(first, page(1, 8<<20))
	app, err := Open(a.dir, Env{
		Free: func(string) (int64, int64, error) { return math.MaxInt64 / 2, usage.Unlimited, nil },
		Disk: durable.New(func(label string, do func() error) error {
			err := do()
			if tree, ok := strings.CutPrefix(label, "mkdir "); ok && err == nil && strings.HasPrefix(tree, "code_") {
				tree = filepath.Join(a.dir, tree)
				if err := unix.Mount("tmpfs", tree, "tmpfs", 0, "mode=755,size=1m"); err != nil {
					t.Skipf("NOT TESTED: needs root and mount(2): %v", err)
				}
				t.Cleanup(func() { unix.Unmount(tree, unix.MNT_DETACH) })
			}
			return err
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	result := app.Deploy(t.Context(), live(next), func(Event) {})
	if f := result.Failure; f == nil || f.Reason != "cannot check out: the disk is full" || !errors.Is(f, unix.ENOSPC) || a.live() != first {
		t.Errorf("%s: %+v", result.Outcome, f)
	}
}
