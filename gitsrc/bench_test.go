package gitsrc

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkCheckout compares a checkout with `git archive | tar -x`, turn by
// turn, for a tree like that of a large site: 13,000 files in 1,300 folders,
// 100 MB. The metric "ratio" is our time divided by theirs. BENCH_REPO and
// BENCH_REV name another repository, TMPDIR another disk. Nothing is removed
// before the end: ext4 is slow to make files where many were just deleted.
func BenchmarkCheckout(b *testing.B) {
	r, commit := benchRepo(b)
	parent := b.TempDir()
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		_, err := r.Checkout(b.Context(), commit, benchDir(b, parent), CheckoutOptions{})
		must(b, err)
		ours += time.Since(began)

		b.StopTimer()
		began = time.Now()
		pipe := fmt.Sprintf("git --git-dir='%s' archive %s | tar -x -C '%s'", r.dir, commit, benchDir(b, parent))
		out, err := exec.Command("/bin/sh", "-c", pipe).CombinedOutput()
		if err != nil {
			b.Fatal(err, string(out))
		}
		theirs += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "ratio")
}

func benchDir(b *testing.B, parent string) string {
	b.Helper()
	dir, err := os.MkdirTemp(parent, "code")
	must(b, err)
	return dir
}

func benchRepo(b *testing.B) (*Repo, Hash) {
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
	for i := range 13_000 {
		var content strings.Builder
		for size := int(2000 * random.ExpFloat64() * (1 + 6*random.Float64())); content.Len() < size; {
			fmt.Fprintf(&content, "line %d of %d, %x\n", content.Len(), i, random.Uint64())
		}
		files[filepath.Join("src", fmt.Sprint("part", i%100), fmt.Sprint("dir", i%1300/100), fmt.Sprintf("file%d.txt", i))] = text(content.String())
	}
	tip := commit(b, r, files)
	gitIn(b, r.dir, "", "repack", "-adq")
	return r, tip
}
