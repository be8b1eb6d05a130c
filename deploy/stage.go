package deploy

import (
	"context"

	"repoint/releases"
)

// stage points next at the sealed release; what is live stays.
func (r *run) stage(ctx context.Context) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	return r.timed("Stage", func() error {
		if err := r.lock.Stage(r.release); err != nil {
			return r.undo(r.app.diskFailure("cannot stage", err))
		}
		links := r.before
		links.Next = r.release
		if err := r.app.moveRefs(context.WithoutCancel(ctx), links, ""); err != nil {
			return r.undo(r.app.diskFailure("cannot move "+nextRef, err))
		}
		return nil
	}, func() string { return releases.Next + " -> " + r.release.Short() })
}
