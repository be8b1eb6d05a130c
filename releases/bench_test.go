package releases_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"repoint/internal/durable"
	"repoint/releases"
)

// diskApp is an app on the disk that TMPDIR is on: benchmarks are about it.
func diskApp(b *testing.B) app {
	b.Helper()
	a := app{b, b.TempDir()}
	check(b, releases.Init(durable.Disk{}, a.dir))
	return a
}

// BenchmarkSwitch moves current and previous and syncs their directory.
func BenchmarkSwitch(b *testing.B) {
	a := diskApp(b)
	lock := a.lock(a.open(nil))
	for i := range 2 {
		a.release(lock, commits[i], i+1)
	}
	to := 0
	for b.Loop() {
		if _, err := lock.Switch(name(to)); err != nil {
			b.Fatal(err)
		}
		to = 1 - to
	}
}

// BenchmarkTwoSyncs is what to compare BenchmarkSwitch with: a directory in
// which something changed, synced twice.
func BenchmarkTwoSyncs(b *testing.B) {
	dir, err := os.Open(b.TempDir())
	check(b, err)
	defer dir.Close()
	names := []string{dir.Name() + "/a", dir.Name() + "/b"}
	check(b, os.WriteFile(names[0], nil, 0o600))
	for b.Loop() {
		for range 2 {
			if err := os.Rename(names[0], names[1]); err != nil {
				b.Fatal(err)
			}
			names[0], names[1] = names[1], names[0]
			if err := dir.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkAppend writes and syncs a line behind a journal of a given length.
func BenchmarkAppend(b *testing.B) {
	for _, lines := range []int{0, 10000} {
		b.Run(fmt.Sprintf("after %d lines", lines), func(b *testing.B) {
			a := diskApp(b)
			a.journalOf(lines)
			store := a.open(nil)
			for b.Loop() {
				a.appendFound(store)
			}
		})
	}
}

// BenchmarkRepair is what opening an app costs when there is nothing to do.
func BenchmarkRepair(b *testing.B) {
	a := diskApp(b)
	for i := range 200 {
		check(b, a.deploy(nil, deploys(i % 2)[0]))
	}
	lock := a.lock(a.open(nil))
	for b.Loop() {
		if _, err := lock.Repair(now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList lists 500 releases.
func BenchmarkList(b *testing.B) {
	a := diskApp(b)
	lock := a.lock(a.open(nil))
	for i := range 500 {
		name, err := releases.NewName(fmt.Sprintf("%040x", i), 1)
		check(b, err)
		check(b, os.Mkdir(a.path(string(name)), 0o755))
		a.put(".repoint/seals/"+string(name)+".json", fmt.Sprintf(`{"release":%q,"commit":%q,"deploy":%d}`, name, name.Commit(), i+1))
	}
	for b.Loop() {
		if list, err := lock.List(); err != nil || len(list) != 500 || list[0].Seal == nil {
			b.Fatal(len(list), err)
		}
	}
}

// longAgo writes the history of so many deploys, and compacts it as prunes
// between them would have.
func (a app) longAgo(b *testing.B, deploys int) *releases.Store {
	b.Helper()
	store := a.open(nil)
	lock := a.lock(store)
	for i := range 3 {
		a.release(lock, commits[i], i+1)
	}
	w := &writer{app: a}
	for i := range deploys {
		w.add(releases.Line{Event: releases.Start, Action: "deploy", Commit: commits[i%3], Ref: "refs/heads/main", Actor: "ada",
			Author: "Ada Lovelace", Via: "push", Subject: fmt.Sprintf("Faster checkout page, the %dth time", i)})
		end := releases.Line{Event: releases.End, Deploy: w.last.Deploy, Commit: commits[i%3], Outcome: "success", Millis: int64(1000 + i%777)}
		end.Live, end.From, end.Release = name(i%3), name((i+2)%3), name(i%3)
		w.add(end)
		if i%5000 == 4999 {
			if _, err := lock.Compact(); err != nil {
				b.Fatal(err)
			}
		}
	}
	check(b, lock.Unlock())
	return store
}

// BenchmarkLongHistory is what reading costs after so many deploys: the list of
// the last, what retention and a roll back ask, and opening the app. None of it
// grows beyond a journal that is about to be compacted. The last is somebody who
// looks back to the beginning.
func BenchmarkLongHistory(b *testing.B) {
	for _, deploys := range []int{100, 1000, 100_000} {
		a := diskApp(b)
		store := a.longAgo(b, deploys)
		size, archive := int64(0), int64(0)
		names, _ := filepath.Glob(a.path(".repoint/journal*"))
		for _, name := range names {
			info, err := os.Stat(name)
			check(b, err)
			if filepath.Ext(name) == ".zst" {
				archive += info.Size()
			} else {
				size += info.Size()
			}
		}
		for what, do := range map[string]func() error{
			"list": func() error {
				n := 0
				_, err := store.History(func(releases.Line) bool { n++; return n < 40 })
				return err
			},
			"lives": func() error { _, _, err := store.Lives(); return err },
			"good":  func() error { _, err := store.LastGood(releases.Links{}); return err },
			"repair": func() error {
				lock, _, err := store.TryLock()
				if err == nil {
					_, err = lock.Repair(now)
					err = errors.Join(err, lock.Unlock())
				}
				return err
			},
			"first": func() error { _, _, err := store.Deploy(1); return err },
		} {
			b.Run(fmt.Sprintf("%d deploys/%s", deploys, what), func(b *testing.B) {
				for b.Loop() {
					check(b, do())
				}
				b.ReportMetric(float64(size)/1000, "kB")
				b.ReportMetric(float64(archive)/1000, "archive-kB")
			})
		}
	}
}
