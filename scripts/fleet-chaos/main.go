// Command fleet-chaos breaks a fleet in all the ways that machines break, and
// looks whether it heals.
//
// It starts a real hub (repoint serve) and real agents (repoint agent), each in a
// network namespace of its own, with its apps on a small tmpfs, and pushes commit
// after commit, with a roll back now and then, under changing [fleet] rules.
// Meanwhile one fault comes after the other:
//
//   - agents are killed (SIGKILL) and started again; or frozen (SIGSTOP) for a while;
//   - agents are cut off: the hub's end of their network cable is down;
//   - the disk of agents is full;
//   - the clock of agents is moved, up to a year, and stays so until it is moved again;
//   - what the hub's NATS keeps is wiped, or put back to an older copy;
//   - the hub is killed (SIGKILL) and started again;
//   - the process that deploys a push (repoint hook proc-receive) is killed.
//
// Half of them begin during a push, and some of one kind come together with one of
// another. Half of them are healed while nobody pushes, so that the fleet has to
// find out by itself.
//
// What must hold:
//
//   - 10 s after a fault was healed (-within), and no push is under way, each agent has live what
//     the hub has; and the next push, which waits for all agents, succeeds;
//   - readers read all files of one release through current of hub and agents, some
//     2000 times a second: no file is ever missing or of another release;
//   - the generation that an agent remembers never goes down, and what it has live
//     was pushed;
//   - git push and repoint rollback exit with 0 exactly if the hub's link has moved; a push
//     that was killed may say failed though it has moved, and never the other way
//     round. When one that waits for all agents exits with 0, all have it live;
//   - in the end repoint log has an end for each deploy, the one that each push was
//     told, and repoint verify finds nothing, on the hub and all agents.
//
// The first thing that does not hold ends the run with what is known of it.
//
//	go run ./scripts/fleet-chaos -agents 10 -faults 20
//	go run ./scripts/fleet-chaos -agents 50 -faults 2000
//	go run ./scripts/fleet-chaos -seed 7 -keep
//
// It needs root, git, go and iproute2, which is installed with apt-get when it is
// missing. Everything lies in one directory under $TMPDIR, which is removed at the
// end with the namespaces and mounts; only SIGKILL leaves them. The seed fixes
// which faults come, whom they hit and for how long; at what point of a push that is
// depends on the machine. What must hold within a time needs a machine that is not
// busy with something else.
//
// Programs read the clock without asking the kernel. To move it for one of them
// its copy of the kernel's function for that (vDSO, clock_gettime) is replaced. This
// is only done on amd64: elsewhere the run goes without that fault, and says so.
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
	var o options
	flag.IntVar(&o.agents, "agents", 10, "how many agents")
	flag.IntVar(&o.faults, "faults", 20, "how many faults")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "which faults come")
	flag.DurationVar(&o.within, "within", 10*time.Second, "how long after a fault all may take to be as they should be")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory and its mounts when something did not hold")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := chaos(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are what is asked for on the command line.
type options struct {
	agents, faults int
	seed           uint64
	within         time.Duration
	keep           bool
}

// chaos is one run.
func chaos(ctx context.Context, o options) error {
	if o.agents < 1 || o.agents > maxAgents {
		return fmt.Errorf("-agents must be 1 to %d", maxAgents)
	}
	if err := prepareMachine(ctx); err != nil {
		return fmt.Errorf("NOT TESTED: %w", err)
	}
	fmt.Printf("seed %d, %d agents, %d faults\n", o.seed, o.agents, o.faults)
	if !movable {
		fmt.Println("NOT TESTED: moved clocks, which can only be had on amd64")
	}
	began := time.Now()
	w, err := newWorld(ctx, o)
	if err == nil {
		err = w.run(ctx, o)
	}
	wrong := 0
	if err != nil && ctx.Err() == nil {
		wrong = 1
		err = fmt.Errorf("WRONG: %w\n%s", err, w.details(err))
	}
	w.tally.print(os.Stdout, o, time.Since(began), wrong)
	w.close(o.keep && err != nil)
	return err
}
