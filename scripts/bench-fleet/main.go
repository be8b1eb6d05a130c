// Command bench-fleet measures how long a fleet takes to flip, what an agent costs,
// and what goes over the wire, beside other ways to switch a link on many hosts.
//
//	go run ./scripts/bench-fleet                               100, 1,000 and 4,000 agents
//	go run ./scripts/bench-fleet -agents 1000 -n 15 flip
//	go run ./scripts/bench-fleet -hosts 100 peers              beside parallel ssh and Capistrano
//	go run ./scripts/bench-fleet bytes                         50 MB to 50 agents, then one changed file
//
// The hub is a real repoint serve, pushed to with git. Agents have an apps
// directory, an nkey and a connection over TLS each, and join with a token; -per of
// them are in one process, because as many processes as machines would measure
// this machine's memory. All of them share its processors and its disk, which
// machines do not: so a directory in memory is fairer than a disk that syncs for
// all (TMPDIR=/dev/shm). A figure is the median of -n.
//
// "Flip" is the deploy's own step: from telling the agents until the last of them has
// said that the release is live. The others are whole commands that move the same
// links on as many hosts, all of them this machine by 127.0.1.1 and so on.
//
// It needs Go and git; for peers root, OpenSSH and Capistrano.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	agents     []int
	rounds     int
	per, hosts int
}

func main() {
	agents := flag.String("agents", "100,1000,4000", "how many agents, for flip")
	rounds := flag.Int("n", 7, "how many rounds")
	per := flag.Int("per", 250, "how many agents a process has")
	hosts := flag.Int("hosts", 100, "how many hosts and agents, for peers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if flag.Arg(0) == "child" { // started by start
		end(runAgents(ctx, flag.Args()[1:]))
	}
	o := options{rounds: *rounds, per: *per, hosts: *hosts}
	for text := range strings.SplitSeq(*agents, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			end(fmt.Errorf("-agents %s: %q is no number of agents", *agents, text))
		}
		o.agents = append(o.agents, n)
	}
	end(bench(ctx, o, flag.Args()))
}

func end(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

var parts = map[string]func(context.Context, options) error{"flip": benchFlip, "peers": benchPeers, "bytes": benchBytes}

func bench(ctx context.Context, o options, asked []string) error {
	if len(asked) == 0 {
		asked = []string{"flip", "peers", "bytes"}
	}
	for _, name := range asked {
		part, ok := parts[name]
		if !ok {
			return errors.New("the parts are flip, peers and bytes")
		}
		if err := part(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// benchFlip flips fleets of several sizes.
func benchFlip(ctx context.Context, o options) error {
	fmt.Println("| agents | processes | ready | flip | of that, from first to last | flip for each agent | memory for each agent | memory of the hub's server |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, n := range o.agents {
		y, err := newYard(ctx, n, o.per)
		if err != nil {
			return err
		}
		took, err := y.rounds(o.rounds)
		if err == nil {
			flip := median(took.flip)
			fmt.Printf("| %d | %d | %s | %s | %s | %.0f µs | %.1f MB | %.0f MB |\n", n, len(y.children), short(median(took.ready)), short(flip),
				short(median(took.spread)), float64(flip.Microseconds())/float64(n), float64(memory(y.children...))/float64(n)/1e6, float64(memory(y.server))/1e6)
		}
		y.close()
		if err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// benchBytes sends a release, and then a small change, and counts bytes on loopback.
func benchBytes(ctx context.Context, _ options) error {
	const agents, files, size = 50, 50, 1 << 20
	y, err := newYard(ctx, agents, agents)
	if err != nil {
		return err
	}
	defer y.close()
	fmt.Println("| to 50 agents | ready | over the wire, all | for each agent |")
	fmt.Println("| --- | --- | --- | --- |")
	for i, what := range []string{"50 files of 1 MB that do not compress", "one of them changed"} {
		for n := range files {
			if i == 0 || n == 7 {
				if err := y.random(fmt.Sprintf("file%d", n), size); err != nil {
					return err
				}
			}
		}
		before := loopback()
		took, err := y.push()
		if err != nil {
			return err
		}
		bytes := float64(loopback() - before)
		fmt.Printf("| %s | %s | %.1f MB | %.2f MB |\n", what, short(took.ready), bytes/1e6, bytes/1e6/agents)
	}
	fmt.Println()
	return nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func short(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
