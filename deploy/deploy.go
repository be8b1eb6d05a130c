// Package deploy is the page in the middle: everything between a request and
// an answer that is true.
//
// [App.Deploy] runs one request to its end: it takes the app's lock, resolves
// the commit, checks it out, links what is shared, runs the build hooks, seals
// the tree, makes it live and writes down what happened. A request to go back
// takes the same way; it just finds its release sealed. Every step is an
// [Event].
//
// Promises: through the app's link readers see one complete release or
// another, never something in between. An error means that what was live still
// is, unless the outcome is [Broken]. The app's branch stands on what is live.
// Killed anywhere, the next opening of the app finds old or new and removes
// what was left ([Open]). A deploy belongs to the process that runs it, not to
// whoever watches.
package deploy

import (
	"context"
	"os"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
)

// Deploy runs one request and returns how it ended. The context stops it:
// before the switch the running build hook and all its children are ended and
// nothing has moved; after it, until the release has proved itself, it goes
// back.
func (a *App) Deploy(ctx context.Context, req Request, sink Sink) Result {
	r := &run{app: a, req: req, sink: sink, began: a.env.Now(), ahead: map[string]bool{}}
	defer r.close()
	err := r.start(ctx)
	if err == nil {
		err = r.page(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = becauseCanceled(ctx, err)
	}
	if r.endPending != nil {
		r.endPending()
	}
	result := r.record(err)
	r.leaveWork(context.WithoutCancel(ctx))
	return result
}

// page is the whole deploy, one call for each step.
func (r *run) page(ctx context.Context) error {
	if err := r.takeTurn(ctx); err != nil {
		return err
	}
	if err := r.resolve(ctx); err != nil {
		return err
	}
	if r.req.Action == Try {
		return r.try(ctx)
	}
	if r.unchanged() {
		return nil
	}
	if err := r.allowed(ctx); err != nil {
		return err
	}
	if r.release == "" {
		if err := r.build(ctx); err != nil {
			return err
		}
	}
	if r.req.Action == Stage {
		return r.stage(ctx)
	}
	return r.activate(ctx)
}

// build makes the release: tree, shared paths, build hooks, seal. A build that
// fails leaves nothing behind.
func (r *run) build(ctx context.Context) error {
	r.tellPending(ctx)
	tree, fill, err := r.begin(ctx)
	if err != nil {
		return r.app.diskFailure("cannot make the release", err)
	}
	if err = fill(ctx, tree); err == nil {
		err = r.seal(ctx, tree)
	}
	if err != nil {
		r.discard(tree)
		return err
	}
	r.release, r.built = tree, true
	return nil
}

// begin makes the tree of the release, and says how to fill it: with all there
// is, or with what an artifact or the spare still lacks.
func (r *run) begin(ctx context.Context) (tree releases.Name, fill func(context.Context, releases.Name) error, err error) {
	if r.req.Artifact != nil {
		tree, err = r.adopt()
		if r.req.Artifact.unbuilt {
			return tree, r.furnish, err
		}
		return tree, r.linkShared, err
	}
	if tree, err = r.beginWithSpare(ctx); tree != "" || err != nil {
		return tree, r.furnish, err
	}
	if err = r.gather(ctx); err != nil {
		return "", nil, err
	}
	tree, err = r.lock.Begin(string(r.commit.Hash))
	return tree, r.fill, err
}

// fill puts into an empty tree all that a release has before its seal.
func (r *run) fill(ctx context.Context, tree releases.Name) error {
	if err := r.checkOut(ctx, tree); err != nil {
		return err
	}
	return r.furnish(ctx, tree)
}

// furnish adds to what was checked out what the commit does not hold.
func (r *run) furnish(ctx context.Context, tree releases.Name) error {
	for _, step := range []func(context.Context, releases.Name) error{
		r.copyCaches, r.linkShared, r.runBuildHooks,
	} {
		if err := step(ctx, tree); err != nil {
			return err
		}
	}
	return nil
}

// run is one deploy under way.
type run struct {
	app   *App
	req   Request
	sink  Sink
	began time.Time

	waiting *releases.Waiting // its number and ticket
	id      int
	log     *os.File
	lock    *releases.Lock
	mark    string
	ahead   map[string]bool // answers of git while it waited

	repo    *gitsrc.Repo
	config  config.Config
	commit  gitsrc.Commit
	before  releases.Links
	release releases.Name // the sealed release to activate
	built   bool          // by this deploy
	tree    gitsrc.Tree   // what was checked out
	cached  []string      // the caches that came with the spare

	branch *gitsrc.RefChange // where the branch stood, when nothing was live

	moved    bool          // current points somewhere else than before
	same     bool          // it was live already
	switched time.Time     // when it was moved
	failed   releases.Name // what was gone back from

	fleet     Fleet // the agents, once they were asked
	fleetLate bool  // they were not ready, and follow when they can

	endPending func() // ends telling the forge that it has begun
}

// close lets go of everything, in whatever state the run is.
func (r *run) close() {
	if r.waiting != nil {
		r.waiting.Done()
	}
	if r.lock != nil {
		r.lock.Unlock()
	}
	if r.log != nil {
		r.log.Close()
	}
	if r.fleet != nil {
		r.fleet.Close()
	}
}

func (r *run) tell(kind Kind, step, text string, took time.Duration) {
	r.sink(Event{Time: r.app.env.Now(), Deploy: r.id, Kind: kind, Step: step, Text: text, Took: took})
}

// timed runs one step and tells how long it took. text is asked for after the
// step has ended well.
func (r *run) timed(step string, do func() error, text func() string) error {
	began := r.app.env.Now()
	if err := do(); err != nil {
		return err
	}
	r.tell(Done, step, text(), r.app.env.Now().Sub(began))
	return nil
}
