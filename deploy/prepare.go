package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

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
	options := gitsrc.CheckoutOptions{
		Subdir:       r.config.Subdir,
		OutsideLinks: r.config.OutsideLinks,
		Limits: gitsrc.Limits{Files: r.config.Limits.Files, Bytes: int64(r.config.Limits.Bytes),
			Depth: r.config.Limits.Depth},
	}
	if account != nil {
		options.Owner = &gitsrc.Owner{UID: int(account.UID), GID: int(account.GID)}
	}
	return r.timed("Check out", func() error {
		r.tree, err = r.repo.Checkout(ctx, r.commit.Hash, r.app.store.Path(name), options)
		return r.checkoutFailure(ctx, err)
	}, func() string {
		return fmt.Sprintf("%s…  %d files, %s", string(name[:12]), r.tree.Files, Bytes(r.tree.Bytes))
	})
}

func (r *run) checkoutFailure(ctx context.Context, err error) error {
	var refused *gitsrc.RefusedError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return canceled(ctx)
	case errors.Is(err, gitsrc.ErrNotFound): // the commit itself was read before
		return &Failure{Reason: fmt.Sprintf("folder %q is not in the commit", r.config.Subdir), Cause: err,
			Hint: "see subdir in " + r.app.Dir + "/" + ConfigFile}
	case errors.As(err, &refused):
		return &Failure{Reason: "refused: " + refused.Problems[0], More: refused.Problems[1:], Hint: refused.Hint, Cause: err}
	}
	return r.diskFailure("cannot check out", err)
}

// runBuildHooks runs the build hooks in the new tree.
func (r *run) runBuildHooks(ctx context.Context, name releases.Name) error {
	lines := r.config.Hooks.Build
	if len(lines) == 0 {
		return nil
	}
	hook, err := r.hook("build", lines, name)
	if err != nil {
		return err
	}
	r.tell(Begun, "Build", hook.Mask.Mask(strings.Join(lines, " && ")), 0)
	began := r.app.env.Now()
	err = buildhook.Run(ctx, hook, func(line string) { r.tell(Output, "Build", line, 0) })
	if err != nil {
		return r.hookFailure(ctx, "build", err)
	}
	r.tell(Done, "Build", "ok", r.app.env.Now().Sub(began))
	return nil
}

func (r *run) hook(phase string, lines []string, name releases.Name) (buildhook.Hook, error) {
	account, err := r.account()
	if err != nil {
		return buildhook.Hook{}, err
	}
	extra, err := readEnvFile(r.config.EnvFile)
	if err != nil {
		return buildhook.Hook{}, configFailure(err)
	}
	vars := buildhook.Vars{
		App: r.app.Name, Commit: string(r.commit.Hash), Ref: r.req.Ref, Action: string(r.req.Action),
		Release: r.app.store.Path(name), Mark: r.mark, Extra: extra,
	}
	if r.before.Current != "" {
		vars.Previous = r.app.store.Path(r.before.Current)
	}
	vars.Home, _ = os.UserHomeDir()
	if account != nil {
		vars.Home = account.Home
	}
	return buildhook.Hook{
		Phase: phase, Lines: lines, Dir: vars.Release, Env: buildhook.Environ(vars), As: account,
		Timeout: time.Duration(r.config.Hooks.Timeout), Mask: buildhook.NewMasker(extra),
	}, nil
}

// account is the user that build hooks run as; nil for the user of this
// process.
func (r *run) account() (*buildhook.Account, error) {
	if r.config.User == "" {
		return nil, nil
	}
	account, err := buildhook.LookupAccount(r.config.User)
	if err != nil {
		return nil, &Failure{Reason: fmt.Sprintf("cannot run build hooks as %q", r.config.User),
			More: []string{err.Error()}, Hint: "see user in " + r.app.Dir + "/" + ConfigFile, Cause: err}
	}
	return account, nil
}

func (r *run) hookFailure(ctx context.Context, phase string, err error) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	f := &Failure{Reason: phase + " failed: " + err.Error(), Cause: err}
	if first, rest, many := strings.Cut(f.Reason, "\n"); many {
		f.Reason, f.More = first, strings.Split(rest, "\n")
	}
	f.Hint = fmt.Sprintf("all its output: repoint log %s %d", r.app.Name, r.id)
	return f
}

func readEnvFile(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return config.ReadEnvFile(name, data)
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
		return r.diskFailure("cannot seal the release", err)
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
