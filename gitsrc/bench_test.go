package gitsrc

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkCheckout compares a checkout that is put on the disk with
// `git archive | tar -x && sync -f`, turn by turn, for trees like those of a site:
// a few KiB in each file, ten files in a folder, one pack. The metric "ratio" is
// our time divided by theirs: the median of each; "best-ratio" that of the
// quickest turns; "cpu-ratio" the same of processors' time. BENCH_REPO and
// BENCH_REV name another repository, TMPDIR another disk. Nothing is removed
// before the end: ext4 is slow to make files where many were just deleted.
func BenchmarkCheckout(b *testing.B) {
	sizes := []int{5000, 30_000}
	if os.Getenv("BENCH_REPO") != "" {
		sizes = []int{0}
	}
	for _, files := range sizes {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			r, commit := benchRepo(b, files)
			parent := b.TempDir()
			var ours, theirs turns
			for b.Loop() {
				ours.add(func() {
					dir := benchDir(b, parent)
					_, err := r.Checkout(b.Context(), commit, dir, CheckoutOptions{})
					must(b, err)
					syncTree(b, dir)
				})
				b.StopTimer()
				theirs.add(func() {
					dir := benchDir(b, parent)
					pipe := fmt.Sprintf("git --git-dir='%s' archive %s | tar -x -C '%s' && sync -f '%s'", r.dir, commit, dir, dir)
					out, err := exec.Command("/bin/sh", "-c", pipe).CombinedOutput()
					if err != nil {
						b.Fatal(err, string(out))
					}
				})
				b.StartTimer()
			}
			b.ReportMetric(median(ours.took)/median(theirs.took), "ratio")
			b.ReportMetric(slices.Min(ours.took).Seconds()/slices.Min(theirs.took).Seconds(), "best-ratio")
			b.ReportMetric(median(ours.cpu)/median(theirs.cpu), "cpu-ratio")
			b.ReportMetric(median(ours.cpu), "cpu-s/op")
			b.ReportMetric(median(theirs.took), "tar-s/op")
		})
	}
}

// turns are what the same work cost each time.
type turns struct{ took, cpu []time.Duration }

func (t *turns) add(do func()) {
	before := processorTime()
	t.took = append(t.took, timed(do))
	t.cpu = append(t.cpu, processorTime()-before)
}

// processorTime is that of this process and of the children that have ended.
func processorTime() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		_ = syscall.Getrusage(who, &used) // cannot fail
		sum += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return sum
}

func syncTree(b *testing.B, dir string) {
	b.Helper()
	f, err := os.Open(dir)
	must(b, err)
	defer f.Close()
	must(b, unix.Syncfs(int(f.Fd())))
}

func benchDir(b *testing.B, parent string) string {
	b.Helper()
	dir, err := os.MkdirTemp(parent, "code")
	must(b, err)
	return dir
}

func benchRepo(b *testing.B, n int) (*Repo, Hash) {
	b.Helper()
	if dir := os.Getenv("BENCH_REPO"); dir != "" {
		r, err := Open(dir)
		must(b, err)
		commit, err := r.Resolve(b.Context(), os.Getenv("BENCH_REV"))
		must(b, err)
		return r, commit
	}
	r := newRepo(b)
	random := rand.New(rand.NewPCG(1, 2))
	files := make(map[string]file)
	for i := range n {
		var content strings.Builder
		for size := int(2000 * random.ExpFloat64() * (1 + 6*random.Float64())); content.Len() < size; {
			fmt.Fprintf(&content, "line %d of %d, %x\n", content.Len(), i, random.Uint64())
		}
		files[filepath.Join("src", fmt.Sprint("part", i%100), fmt.Sprint("dir", i*(n/1000)/n), fmt.Sprintf("file%d.txt", i))] = text(content.String())
	}
	tip := commit(b, r, files)
	gitIn(b, r.dir, "", "repack", "-adq")
	return r, tip
}
