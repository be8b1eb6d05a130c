// Command bench measures how long deploys take, beside other ways to deploy, on
// one machine and in one run, and prints the tables of docs/PERFORMANCE.md.
//
//	go run ./scripts/bench                          all of it; takes an hour or more
//	go run ./scripts/bench -quick                   three rounds of small trees: does it work?
//	go run ./scripts/bench -n 9 -sizes 50,5000 matrix start
//
// The parts are: matrix (all ways, all sizes), first, rollback, prune, switch,
// start, memory, idle, cache, growth. Without names all are measured.
//
// Every figure is a median of N rounds. In a round each way has its turn, and
// each round begins with another one, so that what else the machine does
// falls on all alike. Before a measurement the disk is synced and
// repoint has nothing left to do behind an answer.
//
// "Live" is from the start of the push or command until a reader has read the
// new commit's number through the link: one that sleeps in inotify until
// something moves. Commands of Capistrano, Mina and Fabric deploy what was pushed
// before; that push is not counted.
//
// It needs Go, git and root: OpenSSH and the peers are installed from Debian's
// packages when they are missing; what cannot be installed is left out and
// said. sshd and repoint serve listen on free ports of loopback with keys of
// their own. Everything lies in one directory under $TMPDIR, whose file system
// is what is measured, and which is removed at the end. Tables go to stdout,
// progress to stderr.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	b := &bench{}
	flag.IntVar(&b.rounds, "n", 9, "how many rounds")
	sizes := flag.String("sizes", "50,5000,30000", "files of the trees, the smallest and the largest are judged")
	flag.StringVar(&b.without, "without", "", "leave out the ways whose names hold one of these words: Mina,Capistrano")
	quick := flag.Bool("quick", false, "three rounds of 50 and 1000 files, and little growth")
	flag.Parse()
	b.grown = grown{files: 100_000, objects: 1_000_000, releases: 500, apps: 1000}
	if *quick {
		b.rounds, *sizes = 3, "50,1000"
		b.grown = grown{files: 5000, objects: 10_000, releases: 20, apps: 20}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.all(ctx, *sizes, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	w       *world
	rounds  int
	sizes   []int
	without string
	grown   grown
	matrix  *matrix // nil when it is not measured
	rows    []row
}

// part is something that can be measured by itself.
type part struct {
	name    string
	measure func() error
}

func (b *bench) parts() []part {
	return []part{
		{"matrix", b.measureMatrix}, {"first", b.measureFirst}, {"rollback", b.measureRollback},
		{"prune", b.measurePrune}, {"switch", b.measureSwitch}, {"start", b.measureStart},
		{"memory", b.measureMemory}, {"idle", b.measureIdle}, {"cache", b.measureCache}, {"growth", b.measureGrowth},
	}
}

func (b *bench) all(ctx context.Context, sizes string, names []string) (err error) {
	for size := range strings.SplitSeq(sizes, ",") {
		files, err := strconv.Atoi(size)
		if err != nil || files < 20 || b.rounds < 1 {
			return fmt.Errorf("%q: sizes are numbers from 20 on, and there is a round at least", size)
		}
		b.sizes = append(b.sizes, files)
	}
	for _, name := range names {
		if !slices.ContainsFunc(b.parts(), func(p part) bool { return p.name == name }) {
			return fmt.Errorf("there is no part %q; see the comment in scripts/bench/main.go", name)
		}
	}
	if b.w, err = newWorld(ctx); b.w != nil {
		defer b.w.close()
	}
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	fmt.Println(describeMachine(b.w.dir, b.rounds))
	defer b.print() // after a failure, too: what was measured holds
	for _, part := range b.parts() {
		if len(names) > 0 && !slices.Contains(names, part.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring: %s\n", part.name)
		if err := part.measure(); err != nil {
			return fmt.Errorf("measuring %s: %w", part.name, err)
		}
	}
	return nil
}

func (b *bench) print() {
	if b.matrix != nil {
		fmt.Println(b.matrix.print(b.sizes))
		b.rows = append(b.matrix.judge(b.sizes), b.rows...)
	}
	fmt.Print(limitsTable(b.rows))
}

func (b *bench) say(r row) { b.rows = append(b.rows, r) }

func (b *bench) largest() int { return b.sizes[len(b.sizes)-1] }
