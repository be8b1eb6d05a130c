package gitsrc

import (
	"archive/tar"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkUnpack compares `cat f | repoint` with `cat f | tar x`, turn by
// turn, for archives of 200 MB. The metric "ratio" is our time divided by
// theirs: the median of each; "best-ratio" that of the quickest turns. TMPDIR
// names another disk. Nothing is removed before the end.
func BenchmarkUnpack(b *testing.B) {
	if _, err := exec.LookPath("tar"); err != nil {
		b.Skip("no tar here")
	}
	defer syscall.Umask(syscall.Umask(0o022)) // as services have it
	for _, files := range []int{1, 200, 5000, 50_000} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			parent := b.TempDir()
			archive := benchArchive(b, parent, files, 200<<20/files)
			var ours, theirs []time.Duration
			for b.Loop() {
				ours = append(ours, timed(func() { unpackBeside(b, archive, benchDir(b, parent)) }))
				b.StopTimer()
				theirs = append(theirs, timed(func() {
					pipe := fmt.Sprintf("cat '%s' | tar -x -C '%s'", archive, benchDir(b, parent))
					out, err := exec.Command("/bin/sh", "-c", pipe).CombinedOutput()
					if err != nil {
						b.Fatal(err, string(out))
					}
				}))
				b.StartTimer()
			}
			b.ReportMetric(median(ours)/median(theirs), "ratio")
			b.ReportMetric(slices.Min(ours).Seconds()/slices.Min(theirs).Seconds(), "best-ratio")
			b.ReportMetric(median(theirs), "tar-s/op")
		})
	}
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// median is in seconds.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return times[len(times)/2].Seconds()
}

// unpackBeside unpacks what a cat in another process reads.
func unpackBeside(b *testing.B, archive, dir string) {
	b.Helper()
	cat := exec.Command("cat", archive)
	var ends [2]int
	must(b, unix.Pipe2(ends[:], unix.O_CLOEXEC)) // blocking, as standard input is
	in, out := os.NewFile(uintptr(ends[0]), "in"), os.NewFile(uintptr(ends[1]), "out")
	defer in.Close()
	cat.Stdout = out
	must(b, cat.Start())
	must(b, out.Close())
	_, err := Unpack(b.Context(), in, dir, CheckoutOptions{})
	must(b, err)
	must(b, cat.Wait())
}

func benchArchive(b *testing.B, dir string, files, size int) string {
	b.Helper()
	name := filepath.Join(dir, "archive.tar")
	f, err := os.Create(name)
	must(b, err)
	out := tar.NewWriter(f)
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, size)
	for i := range files {
		_, err := random.Read(content)
		must(b, err)
		path := fmt.Sprintf("part%d/dir%d/file%d", i*20/files, i*500/files, i)
		must(b, out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: int64(size)}))
		_, err = out.Write(content)
		must(b, err)
	}
	must(b, out.Close())
	must(b, f.Close())
	return name
}
