package deploy

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// Told to stop at every step in turn, a deploy leaves no trace before the
// switch, goes back after it, or has ended well by then. What it says, the
// link, the branch and the journal agree, and the next deploy goes through.
func TestCanceledAtEveryStep(t *testing.T) {
	t.Parallel()
	app := newProvenApp(t)
	first := app.version("", 0, false)
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	seen := map[Outcome]int{}
	for n := 0; ; n++ {
		next := app.version(first, n+1, false)
		ctx, cancel := context.WithCancel(t.Context())
		count, hit := 0, ""
		result := app.deployIn(ctx, func(label string, do func() error) error {
			if count == n {
				hit = label
				cancel()
			}
			count++
			return do()
		}, Request{Action: Live, Commit: next, Ref: "main"})
		cancel()
		if hit == "" {
			break
		}
		when := fmt.Sprintf("canceled at step %d, %q", n, hit)
		seen[result.Outcome]++
		want := first
		if result.Failure == nil {
			want = next
		}
		if live := app.live(); live != want {
			t.Fatalf("%s: it said %q (%v), but %s is live", when, result.Outcome, result.Failure, live)
		}
		app.checkStory(when)
		if result.Failure != nil {
			app.mustDeploy(Request{Action: Live, Commit: next, Ref: "main"})
		}
		app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	}
	for _, outcome := range []Outcome{Canceled, WentBack, Succeeded} {
		if seen[outcome] == 0 {
			t.Errorf("it was never %s: %v", outcome, seen)
		}
	}
	for outcome := range seen {
		if !slices.Contains([]Outcome{Canceled, WentBack, Succeeded}, outcome) {
			t.Errorf("it ended as %s", outcome)
		}
	}
}
