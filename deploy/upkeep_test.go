package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"repoint/gitsrc"
	"repoint/internal/deliveries"
	"repoint/internal/durable"
	"repoint/releases"
)

// Which refs go and which come is settled by what is there.
func TestRefsToSettle(t *testing.T) {
	t.Parallel()
	a, b, c := gitsrc.Hash(strings.Repeat("a", 40)), gitsrc.Hash(strings.Repeat("b", 40)), gitsrc.Hash(strings.Repeat("c", 40))
	refs := map[string]gitsrc.Hash{
		"refs/repoint/live":                                   a,
		"refs/repoint/keep/" + string(a):                      a,
		"refs/repoint/keep/" + string(c):                      c,
		"refs/repoint/modules/" + string(a) + "/" + string(c): c,
		"refs/repoint/modules/" + string(c) + "/" + string(c): c,
		"refs/repoint/remote/heads/main":                      c, // deploys
		"refs/repoint/remote/heads/other":                     c,
		"refs/repoint/remote/tags/v1":                         a,
		"refs/repoint/remote/tags/v0":                         c,
	}
	var got []string
	for _, change := range refsToSettle(refs, []gitsrc.Hash{a, b}, func(ref string) bool { return ref == "refs/heads/main" }) {
		got = append(got, fmt.Sprintf("%s %.1s", strings.ReplaceAll(change.Ref[len(ownRefs):], string(c), "c"), change.New))
	}
	want := []string{"keep/" + string(b) + " b", "keep/c ", "modules/c/c ", "remote/heads/other ", "remote/tags/v0 "}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Git's upkeep ends when somebody wants to deploy, and does not begin before that
// has ended.
func TestUpkeepGivesWay(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, "")
	app := a.tidy()
	defer app.Close()
	until, stop := app.untilDeploy(t.Context())
	defer stop()
	if until.Err() != nil {
		t.Fatal("it ended without a deploy")
	}
	waiting, err := app.store.Begin(releases.Line{Action: string(Rollback)}, releases.Ticket{})
	if err != nil {
		t.Fatal(err)
	}
	<-until.Done()
	if until, stop := app.untilDeploy(t.Context()); until.Err() == nil {
		t.Error("it began while a deploy waits")
		stop()
	}
	if err := waiting.Done(); err != nil {
		t.Fatal(err)
	}
}

// upkeepApp is an app with something of everything that grows.
func upkeepApp(t *testing.T) (a *testApp, commits []gitsrc.Hash) {
	t.Helper()
	a, commits = pruneApp(t)
	a.write(filepath.Join(a.dir, ConfigFile), strings.Replace(keepNone, "keep = 0", "keep = 9\nlog_keep = 0", 1))
	app := a.tidy()
	defer app.Close()
	file, err := deliveries.Open(durable.Disk{}, a.dir)
	if err == nil {
		err = errors.Join(file.Add(deliveries.Delivery{ID: "old", Ref: "refs/heads/main", Time: time.Now().AddDate(0, 0, -9)}),
			file.Update("old", "refs/heads/main", "nothing new", 0), file.Close())
	}
	for i := range 300 { // a long reason makes a large journal
		err = errors.Join(err, a.journalLine(app, i))
	}
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(a.repo, "objects", "tmp_objdir-incoming-x")
	a.git("", "update-ref", "refs/repoint/modules/"+strings.Repeat("1", 40)+"/"+string(commits[0]), string(commits[0]))
	for deploy := range 2 {
		a.write(app.store.LogPath(100+deploy), "text")
	}
	if err := errors.Join(os.Mkdir(left, 0o755), os.Chtimes(left, time.Time{}, time.Now().AddDate(0, 0, -2))); err != nil {
		t.Fatal(err)
	}
	return a, commits
}

func (a *testApp) journalLine(app *App, i int) error {
	waiting, err := app.store.Begin(releases.Line{Action: string(Live), Actor: fmt.Sprint("actor ", i), Reason: strings.Repeat("why ", 1000)}, releases.Ticket{})
	if err != nil {
		return err
	}
	return errors.Join(waiting.Done(), app.store.Append(releases.Line{Event: releases.End, Deploy: waiting.Deploy, Outcome: string(Canceled), Error: "enough"}))
}

// checkKept looks at what a prune must never take.
func (a *testApp) checkKept(when string, commits []gitsrc.Hash) {
	a.t.Helper()
	app := a.tidy()
	defer app.Close()
	records, damaged, err := app.History(1000)
	if err != nil || damaged != 0 || len(records) != 305 {
		a.t.Fatalf("%s: %d deploys, %d damaged, %v", when, len(records), damaged, err)
	}
	for i, record := range records[:300] {
		if record.Actor != fmt.Sprint("actor ", 299-i) || record.Outcome != string(Canceled) {
			a.t.Fatalf("%s: %+v", when, record)
		}
	}
	needed := ""
	for i, commit := range commits { // there, so are their logs and their commits
		if _, err := os.Stat(app.store.LogPath(i + 1)); err != nil {
			a.t.Fatalf("%s: %v", when, err)
		}
		needed += string(commit) + "\n"
	}
	if found := a.git(needed, "cat-file", "--batch-check"); strings.Contains(found, "missing") {
		a.t.Fatalf("%s: %s", when, found)
	}
}

// Whatever step of the upkeep goes wrong in whatever way: nothing that is needed
// goes, and the next prune ends the work.
func TestUpkeepGoesWrongAtEveryStep(t *testing.T) {
	t.Parallel()
	whole, commits := upkeepApp(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for n := 0; ; n++ {
				a := whole.copied(t)
				hit := ""
				first, err := a.prune(f.seam(n, &hit))
				if hit == "" {
					if err != nil || len(first.Warnings) > 0 {
						t.Fatalf("without a fault after %d steps: %v, %q", n, err, first.Warnings)
					}
					checkUpkeep(t, first)
					return
				}
				when := fmt.Sprintf("step %d, %s", n, hit)
				a.checkKept(when, commits)
				second, err := a.prune(nil)
				if err != nil || len(second.Warnings) > 0 {
					t.Fatalf("%s: the next prune: %v, %q", when, err, second.Warnings)
				}
				a.checkKept(when+", pruned again", commits)
				a.checkUpkept(when)
			}
		})
	}
}

func checkUpkeep(t *testing.T, done Pruned) {
	t.Helper()
	is := done.Upkeep
	if len(is.Logs) != 2 || is.Lines < 100 || is.Deliveries != 1 || is.Refs != 1 || is.Leftovers != 1 || is.Freed == 0 {
		t.Errorf("done was %+v", is)
	}
}

// checkUpkept looks for what should be gone.
func (a *testApp) checkUpkept(when string) {
	a.t.Helper()
	for _, gone := range []string{"repo.git/objects/tmp_objdir-incoming-x", "repo.git/refs/repoint/modules/" + strings.Repeat("1", 40),
		".repoint/logs/100.log", ".repoint/logs/101.log"} {
		if _, err := os.Lstat(filepath.Join(a.dir, gone)); err == nil {
			a.t.Errorf("%s: %s is still there", when, gone)
		}
	}
	for name, most := range map[string]int64{"journal.jsonl": 600 << 10, "deliveries.jsonl": 0} {
		if info, err := os.Stat(filepath.Join(a.dir, ".repoint", name)); err != nil || info.Size() > most {
			a.t.Errorf("%s: %s has %d bytes, %v", when, name, info.Size(), err)
		}
	}
}

func TestLogGone(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, "[retention]\nlog_age = \"30d\"\nlog_keep = 7\n")
	app := a.tidy()
	defer app.Close()
	for deploy, age := range []int{31, 1} {
		at := time.Now().AddDate(0, 0, -age)
		waiting, err := app.store.Begin(releases.Line{Time: at}, releases.Ticket{})
		if err == nil {
			err = errors.Join(waiting.Done(), app.store.Append(releases.Line{Event: releases.End, Time: at, Deploy: deploy + 1, Outcome: "success"}))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range []string{"", "the log of deploy 1 of blog was removed after 30d",
		"the log of deploy 2 of blog is gone: 7 are kept (log_keep), of 256MiB together (log_size)", ""} {
		if why, err := app.LogGone(t.Context(), id); why != want || err != nil {
			t.Errorf("%d: %q, %v", id, why, err)
		}
	}
}
