package copytree

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkCopy copies 5,000 small files in 500 directories, in turns with cp -a,
// and reports the median of both times, in ms, and their ratio.
func BenchmarkCopy(b *testing.B) {
	dir := b.TempDir()
	src := filepath.Join(dir, "src")
	plant(b, src, 500, 10)
	var ours, theirs []time.Duration
	for b.Loop() {
		b.StopTimer()
		dst := filepath.Join(dir, "cp")
		began := time.Now()
		if out, err := exec.Command("cp", "-a", src, dst).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		theirs = append(theirs, time.Since(began))
		remove(b, dst)
		b.StartTimer()
		dst = filepath.Join(dir, "ours")
		began = time.Now()
		stats, err := Copy(b.Context(), src, dst, Options{})
		if err != nil || stats.Files != 5000 {
			b.Fatalf("%+v, %v", stats, err)
		}
		ours = append(ours, time.Since(began))
		b.StopTimer()
		remove(b, dst)
		b.StartTimer()
	}
	b.ReportMetric(median(ours), "ms/copy")
	b.ReportMetric(median(theirs), "ms/cp-a")
	b.ReportMetric(median(ours)/median(theirs), "of-cp-a")
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return times[len(times)/2].Seconds() * 1000
}

// plant makes a tree as packages make one: folders with a few files of 1 to 8 KB.
func plant(b *testing.B, root string, folders, files int) {
	b.Helper()
	text := make([]byte, 8<<10)
	for i := range folders {
		dir := filepath.Join(root, fmt.Sprintf("scope%d/package%d/lib", i%20, i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range files {
			name := filepath.Join(dir, fmt.Sprintf("file%d.js", j))
			if err := os.WriteFile(name, text[:1024+(i*files+j)*37%7168], 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func remove(b *testing.B, dir string) {
	b.Helper()
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
}
