package deploy

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"repoint/gitsrc"
)

// allowed is what may forbid a request that is otherwise fine.
func (r *run) allowed(ctx context.Context) error {
	if err := r.checkFrozen(); err != nil {
		return err
	}
	return r.checkSchema(ctx)
}

// checkFrozen refuses to make anything live while the app is frozen, unless
// the request says why it must be.
func (r *run) checkFrozen() error {
	if r.req.Action == Stage {
		return nil
	}
	frozen, err := r.app.store.Frozen(r.app.env.Now())
	if err != nil {
		return &Failure{Outcome: FrozenOut, Reason: oneLine(err.Error()), Cause: err}
	}
	if frozen == nil {
		return nil
	}
	text := fmt.Sprintf("%s is frozen by %s: %s", r.app.Name, frozen.By, frozen.Why)
	if frozen.Until != nil {
		text += ", until " + frozen.Until.Format(time.RFC3339)
	}
	if r.req.Override != "" {
		r.tell(Warning, "", text+"; overridden: "+r.req.Override, 0)
		return nil
	}
	return &Failure{Outcome: FrozenOut, Reason: text,
		Hint: fmt.Sprintf("lift it with: repoint unfreeze %s; or say why now: -o override=\"…\" or --override", r.app.Name)}
}

// checkSchema refuses to go back across a change of migrations: the database
// has what the older code does not know. Schema changes only ever add, so
// going back is right when the older code can live with what was added; the
// request has to say so.
func (r *run) checkSchema(ctx context.Context) error {
	live := gitsrc.Hash(r.before.Current.Commit())
	if live == "" || live == r.commit.Hash || r.req.Action == Stage {
		return nil
	}
	paths, err := r.migrationPaths(ctx, live)
	var changed []gitsrc.Change
	if err == nil && len(paths) > 0 {
		changed, err = r.migrationsAcross(ctx, live, paths)
	}
	if err != nil {
		return r.schemaUnknown(err)
	}
	if len(changed) == 0 {
		return nil
	}
	what := changed[0].Name
	if len(changed) > 1 {
		what += fmt.Sprintf(" and %d more", len(changed)-1)
	}
	if r.req.AcceptSchema {
		r.tell(Warning, "", "going back across "+what+", as told", 0)
		return nil
	}
	return &Failure{Reason: fmt.Sprintf("%s has migrations that %s lacks: %s", live.Short(), r.commit.Hash.Short(), what),
		Hint: "if the older code works with the newer schema: --accept-schema, or -o accept-schema"}
}

// migrationsAcross lists the migrations that differ, when the commit is not
// simply ahead of what is live.
func (r *run) migrationsAcross(ctx context.Context, live gitsrc.Hash, paths []string) ([]gitsrc.Change, error) {
	repo, err := r.app.Repo()
	if errors.Is(err, ErrNoSource) { // the hub has looked
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ahead, err := repo.IsAncestor(ctx, live, r.commit.Hash)
	if err != nil || ahead {
		return nil, err
	}
	return repo.Changes(ctx, r.commit.Hash, live, paths...)
}

// migrationPaths are where migrations are, from the top of the repository on:
// where the commit says, and where what is live says, which may be the first
// one to say so.
func (r *run) migrationPaths(ctx context.Context, live gitsrc.Hash) ([]string, error) {
	now, err := r.app.Config(ctx, live)
	if err != nil && len(r.config.Migrations) > 0 {
		return nil, err
	}
	var paths []string
	for _, name := range slices.Concat(r.config.Migrations, now.Migrations) {
		paths = append(paths, path.Join(r.config.Subdir, name))
	}
	return paths, nil
}

// schemaUnknown: when git cannot tell, going back must still be possible.
func (r *run) schemaUnknown(err error) error {
	if r.req.Action == Rollback || r.req.AcceptSchema {
		r.tell(Warning, "", "cannot look for migrations: "+oneLine(err.Error()), 0)
		return nil
	}
	return &Failure{Reason: "cannot look for migrations", More: []string{err.Error()}, Cause: err,
		Hint: "if the code works with the schema that is there: -o accept-schema, or --accept-schema"}
}
