package deploy

import (
	"context"
	"fmt"

	"repoint/gitsrc"
)

// gather sees to what a checkout needs before its tree is begun: what belongs to
// it and is not in the source, submodules and what Git LFS keeps elsewhere, and
// room on the disk. What was fetched once stays. A tree that came as an artifact
// needs none of it.
func (r *run) gather(ctx context.Context) error {
	if r.req.Artifact != nil {
		return nil
	}
	account, err := r.account()
	if err != nil {
		return err
	}
	o := checkoutOptions(r.config, account)
	var remote gitsrc.Remote
	if o.Submodules || o.LFS {
		if remote, err = r.app.remote(r.config); err != nil {
			return err
		}
	}
	if o.Submodules {
		if err := r.fetchSubmodules(ctx, remote, o); err != nil {
			return err
		}
	}
	if err := r.makeRoom(ctx, o); err != nil {
		return err
	}
	if o.LFS {
		return r.fetchLFS(ctx, remote, o)
	}
	return nil
}

func (r *run) fetchSubmodules(ctx context.Context, remote gitsrc.Remote, o gitsrc.CheckoutOptions) error {
	began := r.app.env.Now()
	found, err := r.repo.FetchSubmodules(ctx, remote, r.commit.Hash, o.Subdir, o.Limits)
	if err != nil {
		return r.partFailure(ctx, "cannot fetch the submodules", err)
	}
	if len(found) > 0 {
		r.tell(Done, "Submodules", fmt.Sprintf("%d", len(found)), r.app.env.Now().Sub(began))
	}
	return nil
}

func (r *run) fetchLFS(ctx context.Context, remote gitsrc.Remote, o gitsrc.CheckoutOptions) error {
	began := r.app.env.Now()
	contents, err := r.repo.FetchLFS(ctx, remote, r.commit.Hash, o)
	if err != nil {
		return r.partFailure(ctx, "cannot fetch what Git LFS keeps", err)
	}
	if contents > 0 {
		r.tell(Done, "LFS", fmt.Sprintf("%d files", contents), r.app.env.Now().Sub(began))
	}
	return nil
}

func (r *run) partFailure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	if f := refusal(err); f != nil {
		return f
	}
	return fetchFailure(doing, err)
}
