package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// enough is the share of kills that must land before the end.
const enough = 0.3

// tally counts what happened.
type tally struct {
	seed           uint64
	passed, failed int
	rounds, landed map[string]int // by what was killed
	far            map[string]int // of the kills that landed, by how far the try was
}

func newTally(seed uint64) *tally {
	return &tally{seed: seed, rounds: map[string]int{}, landed: map[string]int{}, far: map[string]int{}}
}

// add counts a round, and prints it when something did not hold.
func (t *tally) add(r *round, problems []string) {
	what := string(r.kind)
	if r.group && r.kind != rollback {
		what += " with git"
	}
	t.count(what, r.landed)
	if r.landed {
		t.far[r.far]++
	}
	if r.twice {
		t.count(string(recovery), r.landedAgain)
	}
	if len(problems) == 0 {
		t.passed++
		return
	}
	t.failed++
	fmt.Printf("FAIL round %d: %s, killed after %s, recovery killed too: %t\n     %s\n", r.number, what,
		r.after.Round(time.Millisecond/10), r.twice, strings.ReplaceAll(strings.Join(problems, "\n"), "\n", "\n     "))
}

func (t *tally) count(what string, landed bool) {
	t.rounds[what]++
	if landed {
		t.landed[what]++
	}
}

// share is how many of the kills of deploys landed before the end.
func (t *tally) share() float64 {
	landed := 0
	for _, n := range t.far {
		landed += n
	}
	return float64(landed) / float64(max(t.passed+t.failed, 1))
}

func (t *tally) good() bool { return t.failed == 0 && t.passed > 0 && t.share() >= enough }

func (t *tally) print(w io.Writer, usual map[kind]time.Duration, took time.Duration) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "KILLED\tUSUAL\tKILLS\tBEFORE THE END\n")
	for _, k := range []kind{push, goBack, rollback, recovery} {
		for _, what := range []string{string(k), string(k) + " with git"} {
			if t.rounds[what] > 0 {
				fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", what, usual[k].Round(time.Millisecond), t.rounds[what], t.landed[what])
			}
		}
	}
	fmt.Fprintf(table, "\nHOW FAR IT WAS\t\tKILLS\n")
	for _, far := range distances {
		fmt.Fprintf(table, "%s\t\t%d\n", far, t.far[far])
	}
	table.Flush()
	fmt.Fprintf(w, "\nseed %d, %s, %.0f %% of the kills landed before the end", t.seed, took.Round(time.Second/10), 100*t.share())
	if t.share() < enough {
		fmt.Fprintf(w, ": too few, at least %.0f %% must", 100*enough)
	}
	fmt.Fprintf(w, "\n%d passed, %d failed\n", t.passed, t.failed)
}
