package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Phases are the hooks that can be tried.
var Phases = []string{"build", "check", "migrate", "after"}

// resolveTry finds the tree in which a phase is tried: a new one of the commit
// for build hooks, the live release for all others.
func (r *run) resolveTry() error {
	switch {
	case !slices.Contains(Phases, r.req.Phase):
		return &Failure{Reason: fmt.Sprintf("there is no phase %q", r.req.Phase), Cause: ErrNotFound,
			Hint: "phases are " + strings.Join(Phases, ", ")}
	case r.req.Phase == "build":
		return nil
	case r.before.Current == "":
		return &Failure{Reason: "nothing of " + r.app.Name + " is live yet", Cause: ErrNotFound,
			Hint: "try the build hooks with: repoint hook run " + r.app.Name + " build"}
	}
	return r.take(r.before.Current)
}

// try runs one phase's hooks and makes nothing live. A tree made for build
// hooks is made as a deploy makes it, and removed again.
func (r *run) try(ctx context.Context) error {
	hooks := r.config.Hooks
	lines := map[string][]string{"build": hooks.Build, "check": hooks.Check, "migrate": hooks.Migrate, "after": hooks.After}[r.req.Phase]
	if len(lines) == 0 {
		return &Failure{Reason: "the configuration has no " + r.req.Phase + " hooks", Cause: ErrNotFound,
			Hint: "see: repoint config show " + r.app.Name}
	}
	if r.req.Phase != "build" {
		step := strings.ToUpper(r.req.Phase[:1]) + r.req.Phase[1:]
		return r.runHooks(ctx, step, r.req.Phase, lines, r.release)
	}
	if err := r.gather(ctx); err != nil {
		return err
	}
	tree, err := r.lock.Begin(string(r.commit.Hash))
	if err != nil {
		return r.app.diskFailure("cannot make a tree", err)
	}
	defer r.discard(tree)
	return r.fill(ctx, tree)
}
