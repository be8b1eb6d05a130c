package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// finish ends what the race left to be done, prunes once more, and checks all
// that must hold when nothing runs.
func (r *race) finish(ctx context.Context) {
	if left := ofBuild(awaitOrphans(patience)); len(left) > 0 {
		r.fault("processes of a build are left: " + describe(left))
		killAll(left)
	}
	if _, err := os.Lstat(r.w.path("next")); err == nil { // status is to find nothing out of the ordinary
		r.must(ctx, try{r.w.exe, "promote", r.w.app})
	}
	awaitOrphans(patience)
	r.must(ctx, try{r.w.exe, "prune", r.w.app})
	status := r.must(ctx, r.w.status())
	if left := awaitOrphans(patience); len(left) > 0 {
		r.fault("processes are left: " + describe(left))
		killAll(left)
	}
	now, err := r.w.look()
	if err != nil {
		r.fault(err.Error())
		return
	}
	for _, problem := range r.w.check(status, []commit{r.w.find(now.live)}) {
		r.fault(problem)
	}
	for _, name := range r.w.names() {
		is, err := readTree(r.w.path(name))
		if err != nil {
			r.fault(err.Error())
		} else if fault := is.differs(r.w.find(name).tree); fault != "" {
			r.fault(name + ": " + fault)
		}
	}
	r.checkRemovals(now.journal)
	r.checkTold(now.journal)
	if !r.proves() {
		r.fault("nothing was removed, or nothing read: this proves nothing")
	}
}

func (r *race) must(ctx context.Context, t try) (stdout []byte) {
	end := r.w.start(ctx, t).wait()
	if end.status != 0 {
		r.fault(fmt.Sprintf("%s exited %d: %s", t, end.status, end.said))
	}
	return end.stdout
}

// checkRemovals follows the journal: what was removed was neither live, nor
// live before, nor pinned.
func (r *race) checkRemovals(journal []line) {
	var live, before string
	pinned := map[string]bool{}
	for _, l := range journal {
		if l.Live != "" {
			live, before = l.Live, l.From
		}
		switch l.Event {
		case "pin":
			pinned[l.Release] = true
		case "unpin":
			delete(pinned, l.Release)
		case "remove":
			if l.Release == live || l.Release == before || pinned[l.Release] {
				r.fault(fmt.Sprintf("line %d: removed %s, live %s, before %s, pinned %t", l.Seq, l.Release, live, before, pinned[l.Release]))
			}
		}
	}
}

// checkTold compares what was answered with what the journal says: exit status 0
// for those that succeeded, and for no others.
func (r *race) checkTold(journal []line) {
	ids, ends := map[string]int{}, map[int]line{}
	for _, l := range journal {
		switch l.Event {
		case "start":
			ids[l.Reason] = l.Deploy
		case "end":
			ends[l.Deploy] = l
		}
	}
	for _, t := range r.tries {
		if strings.HasPrefix(t.end.said, "Everything up-to-date") {
			continue // git asked for nothing
		}
		end := ends[ids[t.id]]
		good := end.Outcome == "success" || end.Outcome == "unchanged"
		odd := !slices.Contains([]string{"", "success", "unchanged", "superseded", "canceled", "failed"}, end.Outcome)
		if good != (t.end.status == 0) || odd || t.end.status < 0 || t.end.status > 130 {
			r.fault(fmt.Sprintf("%s exited %d, the journal says %q: %s", t.id, t.end.status, end.Outcome, t.end.said))
		}
	}
}

func (r *race) print(out io.Writer, took time.Duration) {
	counts := map[string]int{}
	for _, t := range r.tries {
		counts[fmt.Sprintf("%s\t%d", t.what, t.end.status)]++
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "WHAT\tEXIT STATUS\tTIMES\n")
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(table, "%s\t%d\n", what, counts[what])
	}
	table.Flush()
	fmt.Fprintf(out, "\nseed %d, %s: %d files read, %d looks at what is needed, %d prunes removed %d releases\n%d faults\n",
		r.seed, took.Round(time.Second/10), r.reads, r.looks, r.prunes, r.removed, len(r.problems))
}
