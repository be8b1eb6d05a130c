// Command bench-prune measures how long repoint prune takes, beside rm -rf of the
// same trees, and what a reader of the live release feels of either.
//
//	go run ./scripts/bench-prune                          50 trees of 5,000 files
//	go run ./scripts/bench-prune -trees 10 -rounds 5 -cold
//
// Each round makes the trees, waits until they are on the disk, and prunes them;
// makes them again, and has rm -rf remove them; and lets the disk rest. All the
// while a reader opens a random file of the live release each millisecond and
// reads its first block past the page cache (O_DIRECT), where the file system can.
// Prune's time is that of the whole command: deciding, journal, seals and refs
// included. With -cold, which needs root, nothing of the trees is cached before.
//
// It needs go and git. Everything lies in one directory under $TMPDIR, which is
// removed at the end. Figures are ratios within one run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	trees := flag.Int("trees", 50, "how many trees are removed")
	files := flag.Int("files", 5000, "how many files each has")
	rounds := flag.Int("rounds", 3, "how often each is measured")
	cold := flag.Bool("cold", false, "nothing is cached before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, *trees, *files, *rounds, *cold); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// measured is what one way of removing took, and what the reader felt meanwhile.
type measured struct {
	took      []time.Duration
	latencies []time.Duration
}

func bench(ctx context.Context, trees, files, rounds int, cold bool) error {
	w, err := newWorld(ctx, files)
	if err != nil {
		return err
	}
	defer os.RemoveAll(w.dir)
	results := map[string]*measured{}
	for _, name := range ways {
		results[name] = new(measured)
	}
	for range rounds {
		for _, name := range ways {
			run, err := w.prepare(ctx, name, trees)
			if err != nil {
				return err
			}
			if err := settle(cold); err != nil {
				return err
			}
			reader := startReader(w.live, files)
			began := time.Now()
			err = run()
			results[name].took = append(results[name].took, time.Since(began))
			results[name].latencies = append(results[name].latencies, reader.end()...)
			if err != nil {
				return err
			}
		}
	}
	print(results, trees, files)
	return nil
}

// settle waits for the disk.
func settle(cold bool) error {
	if out, err := exec.Command("sync").CombinedOutput(); err != nil {
		return fmt.Errorf("sync: %w: %s", err, out)
	}
	if !cold {
		return nil
	}
	return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}

func print(results map[string]*measured, trees, files int) {
	fmt.Printf("%d trees of %d files\n%-8s %10s %8s   %s\n", trees, files, "", "median", "of rm", "reader: p50, p99, max, reads")
	rm := quantile(results[remove].took, 0.5)
	for _, name := range ways {
		m := results[name]
		took := quantile(m.took, 0.5)
		fmt.Printf("%-8s %10s %8.2f   %s, %s, %s, %d\n", name, took.Round(time.Millisecond), float64(took)/float64(rm),
			quantile(m.latencies, 0.5).Round(time.Microsecond), quantile(m.latencies, 0.99).Round(time.Microsecond),
			quantile(m.latencies, 1).Round(time.Microsecond), len(m.latencies))
	}
}

func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[int(q*float64(len(sorted)-1))]
}
