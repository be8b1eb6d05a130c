package durable_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"repoint/internal/durable"
)

// BenchmarkRemoveTree removes 50 trees of 5,000 files, in turns with rm -rf, and
// reports the ratio of both times. A reader opens files elsewhere meanwhile: how
// long that takes at the 99th percentile, in µs, is reported too.
func BenchmarkRemoveTree(b *testing.B) {
	trees, folders := 50, 500
	if testing.Short() {
		trees, folders = 5, 200
	}
	for _, name := range []string{"at once", "gentle"} {
		b.Run(name, func(b *testing.B) {
			top := b.TempDir()
			dir, err := durable.Disk{}.Open(top)
			check(b, err)
			defer dir.Close()
			plant(b, filepath.Join(top, "read"), 100, 5)
			var ours, theirs time.Duration
			var oursRead, theirsRead []time.Duration
			for b.Loop() {
				b.StopTimer()
				for i := range 2 * trees {
					plant(b, filepath.Join(top, fmt.Sprint(i)), folders, 10)
				}
				check(b, dir.SyncFS())
				read := reading(b, filepath.Join(top, "read"))
				began := time.Now()
				for i := range trees {
					if out, err := exec.Command("rm", "-rf", filepath.Join(top, fmt.Sprint(2*i))).CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, out)
					}
				}
				theirs += time.Since(began)
				theirsRead = append(theirsRead, read()...)
				check(b, dir.SyncFS())
				read = reading(b, filepath.Join(top, "read"))
				b.StartTimer()
				began = time.Now()
				for i := range trees {
					if _, err := dir.RemoveTreePaced(b.Context(), fmt.Sprint(2*i+1), paces[name]); err != nil {
						b.Fatal(err)
					}
				}
				ours += time.Since(began)
				b.StopTimer()
				oursRead = append(oursRead, read()...)
				b.StartTimer()
			}
			b.ReportMetric(float64(ours)/float64(theirs), "of-rm-rf")
			b.ReportMetric(float64(theirs.Milliseconds())/float64(b.N), "ms/rm-rf")
			b.ReportMetric(late(oursRead), "µs/read-p99")
			b.ReportMetric(late(theirsRead), "µs/read-p99-rm-rf")
		})
	}
}

// reading reads the files below a directory until the function it returns is
// called, which returns how long each took.
func reading(b *testing.B, dir string) (end func() []time.Duration) {
	files, err := filepath.Glob(filepath.Join(dir, "*/*/*/*"))
	check(b, err)
	var took []time.Duration
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			began := time.Now()
			if _, err := os.ReadFile(files[i%len(files)]); err != nil {
				b.Error(err)
			}
			took = append(took, time.Since(began))
		}
	})
	return func() []time.Duration { close(stop); reader.Wait(); return took }
}

func late(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)*99/100].Nanoseconds()) / 1000
}
