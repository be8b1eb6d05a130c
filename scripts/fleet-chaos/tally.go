package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts what happened.
type tally struct {
	reads atomic.Int64

	mu                 sync.Mutex
	now                string // the faults that began last
	faults             map[string]int
	ok, failed, killed int // pushes
	back, stayed       int // roll backs that succeeded, and that failed
	longest            time.Duration
	slowest            string // what that was
}

func newTally() *tally { return &tally{now: "no fault", faults: map[string]int{}} }

func (t *tally) read() { t.reads.Add(1) }

func (t *tally) begin(faults []*fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = names(faults, (*fault).String)
}

// current names the faults that began last.
func (t *tally) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// healed counts faults, and prints them.
func (t *tally) healed(faults []*fault, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Printf("%s: %s\n", t.now, took.Round(time.Millisecond))
	for _, f := range faults {
		t.faults[f.name]++
	}
	if took > t.longest {
		t.longest, t.slowest = took, names(faults, func(f *fault) string { return f.name })
	}
}

func names(faults []*fault, name func(*fault) string) string {
	var all []string
	for _, f := range faults {
		all = append(all, name(f))
	}
	return strings.Join(all, " and ")
}

func (t *tally) attempted(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case a.back && a.status == 0:
		t.back++
	case a.back:
		t.stayed++
	case a.killed:
		t.killed++
	case a.status == 0:
		t.ok++
	default:
		t.failed++
	}
}

// print prints it in one line.
func (t *tally) print(w io.Writer, o options, took time.Duration, wrong int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kinds []string
	for name, n := range t.faults {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, name))
	}
	slices.Sort(kinds)
	longest := "nothing to heal"
	if t.slowest != "" {
		longest = fmt.Sprintf("longest to heal %s (%s)", t.longest.Round(time.Millisecond), t.slowest)
	}
	fmt.Fprintf(w, "seed %d, %s: %d agents; faults: %s; pushes: %d ok, %d failed, %d killed; roll backs: %d ok, %d failed; %d reads; %s; %d wrong\n",
		o.seed, took.Round(time.Second), o.agents, strings.Join(kinds, ", "), t.ok, t.failed, t.killed, t.back, t.stayed, t.reads.Load(), longest, wrong)
}
