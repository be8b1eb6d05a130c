package deploy

import (
	"context"

	"repoint/releases"
	"repoint/retention"
)

// Schedule says when the app in dir is to be pruned, and when it was. It changes
// nothing.
func Schedule(ctx context.Context, dir string, env Env) (retention.App, error) {
	a, err := Open(dir, env)
	if err != nil {
		return retention.App{}, err
	}
	defer a.Close()
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return retention.App{}, err
	}
	app := retention.App{Name: a.Name, When: cfg.Retention.Schedule}
	last, err := a.store.LastPrune()
	if last != nil {
		app.Pruned = last.Time
	}
	return app, err
}

// notePrune writes down that a prune has ended; if that fails, some later one is
// needless.
func (a *App) notePrune(actor string, done *Pruned) {
	if err := a.store.NotePrune(releases.LastPrune{Time: a.env.Now().UTC(), By: actor}); err != nil {
		done.Warnings = append(done.Warnings, err.Error())
	}
}

// pruneStatus adds when the app was pruned and is to be pruned next.
func (a *App) pruneStatus(ctx context.Context, s *Status) (err error) {
	if s.Pruned, err = a.store.LastPrune(); err != nil {
		return err
	}
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil // a warning says so already
	}
	if next := cfg.Retention.Schedule.Next(a.env.Now()); !next.IsZero() {
		s.NextPrune = &next
	}
	return nil
}
