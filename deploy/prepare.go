package deploy

import (
	"context"
	"errors"
	"fmt"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/hooks/buildhook"
	"repoint/releases"
)

// checkOut writes the commit's tree.
func (r *run) checkOut(ctx context.Context, name releases.Name) error {
	account, err := r.account()
	if err != nil {
		return err
	}
	options := checkoutOptions(r.config, account)
	return r.timed("Check out", func() error {
		r.tree, err = r.repo.Checkout(ctx, r.commit.Hash, r.app.store.Path(name), options)
		return r.checkoutFailure(ctx, err)
	}, r.checkedOut)
}

func (r *run) checkedOut() string {
	return fmt.Sprintf("code_%s…  %d files, %s", r.commit.Hash.Short(), r.tree.Files, Bytes(r.tree.Bytes))
}

// checkoutOptions are what the configuration says of trees, for whom they are
// made.
func checkoutOptions(cfg config.Config, account *buildhook.Account) gitsrc.CheckoutOptions {
	o := gitsrc.CheckoutOptions{
		Subdir:       cfg.Subdir,
		OutsideLinks: cfg.OutsideLinks,
		Limits:       gitsrc.Limits{Files: cfg.Limits.Files, Bytes: int64(cfg.Limits.Bytes), Depth: cfg.Limits.Depth},
		Submodules:   cfg.Submodules,
		LFS:          cfg.LFS,
	}
	if account != nil {
		o.Owner = &gitsrc.Owner{UID: int(account.UID), GID: int(account.GID)}
	}
	return o
}

func (r *run) checkoutFailure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	switch refused := refusal(err); {
	case ctx.Err() != nil:
		return canceled(ctx)
	case errors.Is(err, gitsrc.ErrNotFound): // the commit itself was read before
		return &Failure{Reason: fmt.Sprintf("folder %q is not in the commit", r.config.Subdir), Cause: err,
			Hint: "see subdir in " + r.app.Dir + "/" + ConfigFile}
	case refused != nil:
		return refused
	}
	return r.app.diskFailure("cannot check out", err)
}

// refusal is the failure of a tree that is not taken; nil for other errors.
func refusal(err error) *Failure {
	var refused *gitsrc.RefusedError
	if !errors.As(err, &refused) {
		return nil
	}
	return &Failure{Reason: "refused: " + refused.Problems[0], More: refused.Problems[1:], Hint: refused.Hint, Cause: err}
}

// seal makes the release one that can be switched to.
func (r *run) seal(ctx context.Context, name releases.Name) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	err := r.lock.Seal(releases.Seal{
		Release: name, Commit: string(r.commit.Hash), Subject: r.commit.Subject, Author: r.commit.Author,
		Ref: r.req.Ref, Tree: r.tree.Digest, Files: r.tree.Files, Bytes: r.tree.Bytes,
		Deploy: r.id, Time: r.app.env.Now().UTC(),
	})
	if err != nil {
		return r.app.diskFailure("cannot seal the release", err)
	}
	return nil
}

// discard removes a tree whose build failed, with whatever still runs in it.
func (r *run) discard(name releases.Name) {
	if _, err := buildhook.StopStrays(r.mark); err != nil {
		r.tell(Warning, "", err.Error(), 0)
	}
	if err := r.lock.Discard(name); err != nil {
		r.tell(Warning, "", err.Error(), 0)
	}
}
