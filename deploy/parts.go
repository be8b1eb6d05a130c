package deploy

import (
	"context"
	"fmt"

	"repoint/gitsrc"
)

// fetchParts gets what belongs to the commit's tree and is not in the source:
// submodules and what Git LFS keeps elsewhere. What was fetched once stays.
func (r *run) fetchParts(ctx context.Context, o gitsrc.CheckoutOptions) error {
	if !o.Submodules && !o.LFS {
		return nil
	}
	remote, err := r.app.remote(r.config)
	if err != nil {
		return err
	}
	if o.Submodules {
		if err := r.fetchSubmodules(ctx, remote, o); err != nil {
			return err
		}
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
