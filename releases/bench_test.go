package releases_test

import (
	"fmt"
	"os"
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
