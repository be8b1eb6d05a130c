// Command torture kills repoint at random moments and looks at what is left.
//
// Each round starts a real git push to an app on this machine (or a push that
// goes back, or repoint rollback), kills it with SIGKILL at a moment that is
// uniform over 1.1 times its usual duration, and runs repoint status. What
// must hold then:
//
//   - current is a link to a sealed release, of the commit that was live or of
//     the one that was asked for, and its tree is complete, build output included;
//   - exit status 0, and an end in the journal that says success, are only
//     there when the link has moved;
//   - the branch stands on what the link says; previous is sealed and complete too;
//   - there are no temporary names, no trash, no tree without a seal, no ticket,
//     no lock file of git, and no process of the build;
//   - the journal can be read, its numbers have no gap, every deploy has one
//     end, and the last live release in it is the one of the link;
//   - the next push goes through, with no other step in between.
//
// In most rounds the git hook alone is killed, in some git with its whole
// process group; in every tenth the recovery is killed as well. A kill that
// comes when the push has ended proves nothing: the run fails when fewer than
// 30 % landed before.
//
// With -race nothing is killed. For so long as -for says, pushes, roll backs,
// promotions, pins and prunes run against each other, with readers that read
// through current as fast as they can. No read fails or is of two releases; what
// is live, previous, staged or pinned is there at each look; every answer is what
// the journal says; and in the end all of the above holds once more.
//
//	go run ./scripts/torture -n 5000
//	go run ./scripts/torture -race -for 60s
//	go run ./scripts/torture -n 100 -seed 7 -keep
//
// It needs git and go. Everything lies in one directory under $TMPDIR, which is
// removed at the end. The seed fixes what each round does and when its kill
// comes, as a share of the usual duration; where in the deploy that is depends
// on the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	rounds := flag.Int("n", 300, "how many rounds")
	together := flag.Bool("race", false, "let everything run at once instead, and kill nothing")
	length := flag.Duration("for", 60*time.Second, "how long, with -race")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "what the rounds do")
	keep := flag.Bool("keep", false, "keep the directory when a round failed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := func() (bool, error) { return torture(ctx, *rounds, *seed, *keep) }
	if *together {
		run = func() (bool, error) { return runRace(ctx, *length, *seed, *keep) }
	}
	passed, err := run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

// maxFailed is the number of failed rounds after which a run ends early.
const maxFailed = 10

// torture runs the rounds, each on what the one before left. After a round
// that failed it goes on with a new app.
func torture(ctx context.Context, rounds int, seed uint64, keep bool) (passed bool, err error) {
	began := time.Now()
	w, err := newWorld(ctx)
	if err != nil {
		return false, fmt.Errorf("setting up: %w", err)
	}
	t := newTally(seed)
	defer func() { w.close(keep && t.failed > 0) }()
	for number := 1; number <= rounds && t.failed < maxFailed && ctx.Err() == nil; number++ {
		if !w.room() {
			if err := w.newApp(ctx); err != nil {
				return false, fmt.Errorf("making a new app: %w", err)
			}
		}
		r := newRound(w, seed, number)
		problems := r.run(ctx)
		if ctx.Err() != nil {
			break
		}
		t.add(r, problems)
		if len(problems) > 0 {
			w.spoil(number, keep)
		}
	}
	t.print(os.Stdout, w.usual, time.Since(began))
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return t.good(), nil
}
