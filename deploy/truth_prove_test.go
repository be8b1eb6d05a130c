package deploy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"repoint/gitsrc"
	"repoint/releases"
)

// provenApp is an app whose service is touched and asked after each switch. The
// service is bad while a release with a file bad is live.
type provenApp struct {
	*testApp
	url string
}

func newProvenApp(t *testing.T) *provenApp {
	t.Helper()
	watched := filepath.Join(t.TempDir(), "watched.ini")
	app := newTestApp(t, fmt.Sprintf("reload.touch = [%q]\n[hooks]\nbuild = \"echo built > built.txt\"\n", watched))
	app.write(watched, "")
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := os.Stat(filepath.Join(app.dir, releases.Current, "bad")); err == nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(service.Close)
	return &provenApp{app, service.URL}
}

// version makes a commit, which says itself how it is asked: what is good has
// time, on a busy machine too; what is bad has little, or the loop takes long.
func (a *provenApp) version(parent gitsrc.Hash, n int, bad bool) gitsrc.Hash {
	tree, within := files(n), "30s"
	if bad {
		tree["bad"], within = "yes\n", "30ms"
	}
	tree[ConfigFile] = fmt.Sprintf("[health]\nurl = %q\ntimes = 1\ninterval = \"10ms\"\nwithin = %q\n", a.url, within)
	return a.commit(parent, tree)
}

// proofs are the ways to make something live that has to prove itself. begin
// does what comes before the request, which is to make want live, or what is
// live already when want does not prove itself.
var proofs = []struct {
	name  string
	bad   bool
	steps []string // that it must come by, so that the loop cannot end early and pass
	begin func(a *provenApp, n int, first, old gitsrc.Hash) (Request, gitsrc.Hash)
}{
	{"forward", false, []string{"syncfs", "rename current", "move refs"},
		func(a *provenApp, n int, _, old gitsrc.Hash) (Request, gitsrc.Hash) {
			next := a.version(old, n, false)
			return Request{Action: Live, Commit: next, Ref: "main"}, next
		}},
	{"going back by itself", true, []string{"syncfs", "rename current", "rename previous", "sync .", "move refs", "append journal.jsonl"},
		func(a *provenApp, n int, _, old gitsrc.Hash) (Request, gitsrc.Hash) {
			next := a.version(old, n, true)
			return Request{Action: Live, Commit: next, Ref: "main"}, next
		}},
	{"rollback", false, []string{"rename current", "rename previous", "append journal.jsonl"},
		func(_ *provenApp, _ int, first, _ gitsrc.Hash) (Request, gitsrc.Hash) {
			return Request{Action: Rollback, To: string(first)}, first
		}},
	{"promote", false, []string{"rename current", "rename previous", "remove next", "move refs"},
		func(a *provenApp, n int, _, old gitsrc.Hash) (Request, gitsrc.Hash) {
			next := a.version(old, n, false)
			a.mustDeploy(Request{Action: Stage, Commit: next, Ref: "main"})
			return Request{Action: Promote}, next
		}},
}

// Whatever step goes wrong in whatever way, with services to be told and to be
// asked: what the deploy says, the link, the branch and the journal tell the
// same story.
func TestEveryStepOfAProofGoesWrong(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		if f.name == "killed after" { // which is killed before the next step
			continue
		}
		for i := range proofs {
			t.Run(f.name+"/"+proofs[i].name, func(t *testing.T) {
				t.Parallel()
				everyStepOfProof(t, f, i)
			})
		}
	}
}

func everyStepOfProof(t *testing.T, f fault, which int) {
	proof := proofs[which]
	app := newProvenApp(t)
	first := app.version("", 0, false)
	app.mustDeploy(Request{Action: Live, Commit: first, Ref: "main"})
	old := app.version(first, 1, false)
	back := Request{Action: Live, Commit: old, Ref: "main"}
	app.mustDeploy(back)
	var steps []string
	for n := 0; ; n++ {
		req, want := proof.begin(app, n+2, first, old)
		hit := ""
		result := app.deploy(f.seam(n, &hit), req)
		when := fmt.Sprintf("step %d, %q, %s", n, hit, f.name)
		if !f.dead || hit == "" {
			app.checkProof(when, result, proof.bad, old, want)
		}
		if hit == "" {
			if proof.bad && result.Outcome != WentBack {
				t.Fatalf("nothing went wrong but the release: %s: %v", result.Outcome, result.Failure)
			}
			break
		}
		steps = append(steps, hit)
		app.checkStory(when)
		if live := app.live(); live != old && live != want {
			t.Fatalf("%s: %s is live", when, live)
		}
		app.mustDeploy(back)
		again := app.deploy(nil, Request{Action: Live, Commit: want, Ref: "main"})
		app.checkProof(when+", tried again", again, proof.bad, old, want)
		if again.Outcome != Succeeded && again.Outcome != WentBack {
			t.Fatalf("%s, tried again: %s: %v", when, again.Outcome, again.Failure)
		}
		app.mustDeploy(back)
		app.checkStory(when + ", tried again")
	}
	for _, label := range proof.steps {
		if !slices.Contains(steps, label) {
			t.Errorf("step %q was never reached: %q", label, steps)
		}
	}
}

// checkProof compares what a living process said with what is. Only where the
// release is bad and a step fails as well it may be broken: then the link may
// be on either.
func (a *provenApp) checkProof(when string, result Result, bad bool, old, want gitsrc.Hash) {
	a.t.Helper()
	expected := old
	switch {
	case bad && result.Failure == nil:
		a.t.Fatalf("%s: a bad release is said to be good", when)
	case bad && result.Outcome == Broken:
		return
	case result.Outcome == Broken:
		a.t.Fatalf("%s: one fault broke it: %v", when, result.Failure.More)
	case result.Failure == nil:
		expected = want
	}
	if live := a.live(); live != expected {
		a.t.Fatalf("%s: it said %q (%v), but %s is live", when, result.Outcome, result.Failure, live)
	}
}
