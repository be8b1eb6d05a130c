package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
)

// activate makes the sealed release live. It is the one way for a new release,
// one that was staged and one that is gone back to: last checks, switch, proof,
// then confirm or go back. Before the switch a request that is stopped leaves
// no trace; after it, stopping means going back.
func (r *run) activate(ctx context.Context) error {
	err := r.beforeSwitch(ctx)
	if err == nil {
		err = r.switchLink()
	}
	if err != nil {
		r.fleetFollows(ctx)
		return err
	}
	for _, step := range []func(context.Context) error{r.proveNew, r.flipFleet, r.moveBranch} {
		if err := step(ctx); err != nil {
			return r.goBack(context.WithoutCancel(ctx), asFailure(err))
		}
	}
	if r.req.Proved != nil {
		r.req.Proved()
	}
	r.runAfter(context.WithoutCancel(ctx))
	return nil
}

// beforeSwitch is all that can still fail without a trace. The hooks run once
// for a release, the first time it goes live: going back to it runs none.
func (r *run) beforeSwitch(ctx context.Context) error {
	if err := r.readyFleet(ctx); err != nil {
		return err
	}
	if err := r.lastHooks(ctx); err != nil {
		return err
	}
	if err := r.makeExtraLinks(); err != nil {
		return err
	}
	if r.req.Held != nil {
		if err := r.req.Held(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return nil
}

func (r *run) lastHooks(ctx context.Context) error {
	first, err := r.firstTime()
	if err != nil {
		return err
	}
	if first {
		err = r.runHooks(ctx, "Check", "check", r.config.Hooks.Check, r.release)
	}
	if first && err == nil && !r.app.ofAgent() { // the hub has migrated
		err = r.runHooks(ctx, "Migrate", "migrate", r.config.Hooks.Migrate, r.release)
	}
	return err
}

// firstTime reports whether the release has never been live before.
func (r *run) firstTime() (bool, error) {
	if r.built || len(r.config.Hooks.Check)+len(r.config.Hooks.Migrate) == 0 {
		return r.built, nil
	}
	was, err := r.lock.EverLive(r.release)
	if err != nil {
		return false, r.app.diskFailure("cannot read the journal", err)
	}
	return !was, nil
}

// runAfter runs the last hooks. The deploy is confirmed: what they do wrong is
// said and fails nothing.
func (r *run) runAfter(ctx context.Context) {
	if err := r.runHooks(ctx, "After", "after", r.config.Hooks.After, r.release); err != nil {
		r.tell(Warning, "", err.Error(), 0)
	}
}

func (r *run) switchLink() error {
	return r.timed("Switch", func() error {
		r.switched = r.app.env.Now()
		if r.before.Current == r.release {
			return nil
		}
		if _, err := r.lock.Switch(r.release); err != nil {
			return r.undo(r.app.diskFailure("cannot switch", err))
		}
		r.moved = true
		return nil
	}, func() string {
		if r.before.Current == "" {
			return r.release.Short()
		}
		return r.before.Current.Short() + " -> " + r.release.Short()
	})
}

// goBack puts back what was live after a switch that did not prove itself:
// links, branch, services, and a look whether those are well again. When that
// fails too, a person is needed.
func (r *run) goBack(ctx context.Context, cause *Failure) *Failure {
	if !r.moved { // it was live before: there is nothing to go back to
		r.fleetFollows(ctx)
		return cause
	}
	began := r.app.env.Now()
	r.failed = r.release
	r.tell(Warning, "", cause.Reason, 0)
	cause.Outcome = WentBack
	undone := r.undo(cause)
	r.fleetFollows(ctx)
	if undone.Outcome == Broken || r.before.Current == "" {
		return undone
	}
	r.config = r.configOf(ctx, r.before.Current)
	if err := r.prove(ctx, r.before.Current, r.release); err != nil {
		cause.Outcome = Broken
		cause.More = append(cause.More, "going back to "+r.before.Current.Short()+" failed too: "+err.Error())
		cause.Hint = fmt.Sprintf("look at the service; repoint log %s %d has all of it", r.app.Name, r.id)
		return cause
	}
	r.tell(Done, "Go back", r.release.Short()+" -> "+r.before.Current.Short(), r.app.env.Now().Sub(began))
	cause.More = append(cause.More, fmt.Sprintf("visitors could see %s for %s", r.release.Short(), Took(r.exposed())))
	return cause
}

// configOf is the configuration that goes with a release which was live: what
// it is asked may be in its commit. Should that not be readable, it is the
// operator's, and at last the one of this deploy.
func (r *run) configOf(ctx context.Context, name releases.Name) config.Config {
	for _, commit := range []gitsrc.Hash{gitsrc.Hash(name.Commit()), ""} {
		cfg, err := r.app.Config(ctx, commit)
		if err == nil {
			return cfg
		}
		r.tell(Warning, "", "going back without the configuration of "+name.Short()+": "+configFailure(err).Reason, 0)
	}
	return r.config
}

// exposed is how long the new release was live.
func (r *run) exposed() time.Duration { return r.app.env.Now().Sub(r.switched) }

// moveBranch makes the branch follow the link. When it cannot, the link goes
// back too, so that both tell the same story; except when going back was what
// was asked for: then what serves matters more, and the next deploy tries the
// branch again.
func (r *run) moveBranch(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	links, err := r.lock.Links()
	if err == nil && r.before.Current == "" {
		r.branch, err = r.app.branch(ctx)
	}
	if err == nil {
		err = r.app.moveRefs(ctx, links, r.leaveRef())
	}
	if err == nil {
		return nil
	}
	if r.req.Action == Rollback {
		r.tell(Warning, "", err.Error(), 0)
		return nil
	}
	return r.app.diskFailure("cannot move the branch", err)
}

// leaveRef names the ref that git moves itself once we have answered.
func (r *run) leaveRef() string {
	if r.req.Push != nil && r.req.Push.Shallow {
		return r.req.Ref
	}
	return ""
}

// undo puts the links and the branch back after a switch.
func (r *run) undo(cause *Failure) *Failure {
	r.moved = false
	if err := r.lock.Unswitch(r.before); err != nil {
		cause.Outcome = Broken
		cause.More = append(cause.More, "going back failed too: "+err.Error())
		cause.Hint = fmt.Sprintf("look at %s/%s: it may point at either release", r.app.Dir, releases.Current)
		return cause
	}
	err := r.app.moveRefs(context.Background(), r.before, "")
	if err == nil && r.branch != nil { // nothing was live before: the links do not say where the branch was
		err = r.app.moveRef(context.Background(), *r.branch)
	}
	if err != nil {
		cause.More = append(cause.More, err.Error())
	}
	return cause
}

func asFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Reason: oneLine(err.Error()), Cause: err}
}
