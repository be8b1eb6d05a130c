package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"repoint/releases"
)

// activate makes the sealed release live. It is the one way for a new release,
// one that was staged and one that is gone back to. Once the link has moved
// the request cannot be stopped any more, only undone.
func (r *run) activate(ctx context.Context) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	if err := r.makeExtraLinks(); err != nil {
		return err
	}
	if err := r.switchLink(); err != nil {
		return err
	}
	return r.moveBranch(ctx)
}

func (r *run) switchLink() error {
	return r.timed("Switch", func() error {
		if r.before.Current == r.release {
			return nil
		}
		if _, err := r.lock.Switch(r.release); err != nil {
			return r.undo(r.diskFailure("cannot switch", err))
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

// moveBranch makes the branch follow the link. When it cannot, the link goes
// back too, so that both tell the same story; except when going back was what
// was asked for: then what serves matters more, and the next deploy tries the
// branch again.
func (r *run) moveBranch(ctx context.Context) error {
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
	return r.undo(r.diskFailure("cannot move the branch", err))
}

// leaveRef names the ref that git moves itself once we have answered.
func (r *run) leaveRef() string {
	if r.req.Push != nil && r.req.Push.Shallow {
		return r.req.Ref
	}
	return ""
}

// undo puts the links back after a switch that failed.
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

// stage points next at the sealed release; what is live stays.
func (r *run) stage(ctx context.Context) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return r.timed("Stage", func() error {
		if err := r.lock.Stage(r.release); err != nil {
			return r.undo(r.diskFailure("cannot stage", err))
		}
		links := r.before
		links.Next = r.release
		if err := r.app.moveRefs(context.WithoutCancel(ctx), links, ""); err != nil {
			return r.undo(r.diskFailure("cannot move "+nextRef, err))
		}
		return nil
	}, func() string { return releases.Next + " -> " + r.release.Short() })
}

// checkExtraLinks refuses, before anything changes, a path of links where
// something else stands.
func (r *run) checkExtraLinks() error {
	for _, link := range r.config.Links {
		target, err := os.Readlink(link)
		switch {
		case errors.Is(err, fs.ErrNotExist) || target == r.currentPath():
			continue
		case err != nil:
			return &Failure{Reason: link + " is not a link", Hint: fmt.Sprintf("move it away, then deploy again: mv %s %s.before-repoint", link, link), Cause: err}
		}
		return &Failure{Reason: fmt.Sprintf("%s points at %s", link, target),
			Hint: fmt.Sprintf("if it is this app's, point it there yourself: ln -sfn %s %s", r.currentPath(), link)}
	}
	return nil
}

// makeExtraLinks makes the links that are not there yet. They point at
// current, so that one rename moves them all.
func (r *run) makeExtraLinks() error {
	for _, link := range r.config.Links {
		if _, err := os.Lstat(link); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := r.app.env.Disk.Link(link, r.currentPath()); err != nil {
			return r.diskFailure("cannot make the link "+link, err)
		}
	}
	return nil
}

func (r *run) currentPath() string { return filepath.Join(r.app.Dir, releases.Current) }
