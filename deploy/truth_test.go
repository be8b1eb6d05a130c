package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
)

// fault is one way in which step n goes wrong.
type fault struct {
	name string
	seam func(n int, hit *string) durable.Seam
	dead bool // the process is gone: what it returns does not matter
}

var faults = []fault{
	{"killed before", func(n int, hit *string) durable.Seam {
		count := 0
		return func(label string, do func() error) error {
			if count++; count > n {
				if count == n+1 {
					*hit = label
				}
				return errors.New("dead")
			}
			return do()
		}
	}, true},
	{"killed after", func(n int, hit *string) durable.Seam {
		count := 0
		return func(label string, do func() error) error {
			if count++; count > n+1 {
				return errors.New("dead")
			}
			err := do()
			if count == n+1 {
				*hit = label
				err = errors.New("dead")
			}
			return err
		}
	}, true},
	{"failed", func(n int, hit *string) durable.Seam {
		count := 0
		return func(label string, do func() error) error {
			if count++; count == n+1 {
				*hit = label
				return unix.ENOSPC
			}
			return do()
		}
	}, false},
	{"failed, but was stored", func(n int, hit *string) durable.Seam {
		count := 0
		return func(label string, do func() error) error {
			err := do()
			if count++; count == n+1 {
				*hit = label
				return unix.EIO
			}
			return err
		}
	}, false},
}

// Whatever step goes wrong in whatever way: what the deploy says, the link,
// the branch and the journal tell the same story, nothing is left behind, and
// the next deploy needs nobody's help.
func TestEveryStepGoesWrong(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for _, scenario := range []string{"forward", "spare", "back", "stage"} {
			t.Run(f.name+"/"+scenario, func(t *testing.T) {
				t.Parallel()
				everyStep(t, f, scenario)
			})
		}
	}
}

func everyStep(t *testing.T, f fault, scenario string) {
	app := newTestApp(t, "shared = [\"uploads/\"]\n[hooks]\nbuild = \"echo built > built.txt\"\n")
	first := app.commit("", files(0))
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	old := app.commit(first, files(1))
	app.mustDeploy(Request{Action: Live, Commit: old, Ref: "main"})
	var steps []string
	for n := 0; ; n++ {
		req, want := request(app, scenario, n, first, old)
		if scenario == "spare" {
			app.mustMakeSpare()
		}
		hit := ""
		result := app.deploy(f.seam(n, &hit), req)
		if hit == "" {
			break
		}
		steps = append(steps, hit)
		when := fmt.Sprintf("step %d, %q, %s", n, hit, f.name)
		if !f.dead {
			checkTruth(t, app, when, result, scenario, old, want)
		}
		app.checkStory(when)
		app.checkFiles(when)
		if live := app.live(); live != old && live != want {
			t.Fatalf("%s: %s is live", when, live)
		}
		app.mustDeploy(req)
		app.checkFiles(when)
		app.mustDeploy(Request{Action: Live, Commit: old, Ref: "main"})
		app.checkStory(when + ", tried again")
	}
	for _, label := range wanted[scenario] {
		if !slices.Contains(steps, label) {
			t.Errorf("step %q was never reached: %q", label, steps)
		}
	}
}

// wanted are steps that each scenario must come by, so that the loop cannot
// end early and pass.
var wanted = map[string][]string{
	"spare":   {"remove .repoint/spare/seal.json", "syncfs", "rename current", "append journal.jsonl"},
	"forward": {"syncfs", "rename current", "rename previous", "sync .", "append journal.jsonl"},
	"back":    {"rename current", "rename previous", "append journal.jsonl"},
	"stage":   {"syncfs", "rename next", "append journal.jsonl"},
}

func request(app *testApp, scenario string, n int, first, old gitsrc.Hash) (Request, gitsrc.Hash) {
	if scenario == "back" {
		return Request{Action: Rollback, To: string(first)}, first
	}
	next := app.commit(old, files(n+2))
	if scenario == "stage" {
		return Request{Action: Stage, Commit: next, Ref: "refs/deploy/next"}, old
	}
	return Request{Action: Live, Commit: next, Ref: "main"}, next
}

// checkFiles fails the test unless the live tree has what its commit has.
func (a *testApp) checkFiles(when string) {
	a.t.Helper()
	for _, name := range []string{"index.html", "lib/a.txt"} {
		data, err := os.ReadFile(filepath.Join(a.dir, releases.Current, name))
		want := a.commits[a.live()][name]
		if err != nil || want == "" || string(data) != want {
			a.t.Fatalf("%s: %s of %s is %q, %v; want %q", when, name, a.live(), data, err, want)
		}
	}
}

// checkTruth compares what a living process said with what is.
func checkTruth(t *testing.T, app *testApp, when string, result Result, scenario string, old, want gitsrc.Hash) {
	t.Helper()
	expected := old
	if result.Failure == nil {
		expected = want
	}
	if result.Outcome == Broken {
		t.Fatalf("%s: one fault broke it: %v", when, result.Failure.More)
	}
	if live := app.live(); live != expected {
		t.Fatalf("%s: it said %q (%v), but %s is live", when, result.Outcome, result.Failure, live)
	}
}
