package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/deliveries"
	"repoint/releases"
	"repoint/retention"
)

// Upkeep is what a prune did besides releases, so that nothing grows for ever.
type Upkeep struct {
	Logs       []retention.LogVerdict // that went
	Lines      int                    // of the journal that were moved to its archive
	Deliveries int                    // that were forgotten
	Refs       int                    // of releases that are gone
	Contents   int                    // of Git LFS that no release needs
	Leftovers  int                    // of programs that were killed
	Freed      int64                  // bytes, of logs and contents
}

// settled is how old something must be that is nobody's, to be removed: whoever
// is writing it has written by then.
const settled = 24 * time.Hour

// keepUp does what there is to do, under the app's lock. Each part is done
// whatever becomes of the others; what goes wrong fails nothing.
func (a *App) keepUp(ctx context.Context, lock *releases.Lock, done *Upkeep) (warnings []string) {
	for _, part := range []func() error{
		func() error { return a.removeLogs(ctx, lock, done) },
		func() (err error) { done.Lines, err = lock.Compact(); return err },
		func() error { return a.trimDeliveries(done) },
		func() error { return a.keepUpSource(ctx, done) },
	} {
		if ctx.Err() != nil {
			break
		}
		if err := part(); err != nil {
			warnings = append(warnings, err.Error())
		}
	}
	return warnings
}

// LogRetention says of each log, the newest deploy's first, whether it stays.
func (a *App) LogRetention(ctx context.Context) ([]retention.LogVerdict, error) {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil, configFailure(err)
	}
	of, running, err := a.deploysNeeded()
	if err != nil {
		return nil, err
	}
	found, err := a.store.Logs()
	if err != nil {
		return nil, err
	}
	list := []retention.Log{}
	for _, log := range found {
		list = append(list, retention.Log{Deploy: log.Deploy, Bytes: log.Bytes, Time: log.Time,
			Running: slices.Contains(running, log.Deploy), Of: of[log.Deploy].Short()})
	}
	return retention.PlanLogs(list, logPolicyOf(cfg.Retention), a.env.Now()), nil
}

func logPolicyOf(c config.Retention) retention.LogPolicy {
	return retention.LogPolicy{Keep: c.LogKeep, MaxAge: time.Duration(c.LogAge), MaxSize: int64(c.LogSize), Grace: time.Duration(c.Grace)}
}

// deploysNeeded returns the deploys that built or made live a release that is
// there, and those that wait or run.
func (a *App) deploysNeeded() (of map[int]releases.Name, running []int, err error) {
	found, err := a.store.List()
	if err != nil {
		return nil, nil, linkFailure(err)
	}
	lives, _, err := a.store.Lives()
	if err != nil {
		return nil, nil, err
	}
	of = map[int]releases.Name{}
	for _, release := range found {
		if release.Seal != nil {
			of[release.Seal.Deploy] = release.Name
		}
		of[lives[release.Name].Deploy] = release.Name
	}
	tickets, _, err := a.store.Tickets()
	if err != nil {
		return nil, nil, err
	}
	for _, ticket := range tickets {
		running = append(running, ticket.Deploy)
	}
	holder := a.store.Holder()
	_, end, err := a.store.Deploy(holder.Deploy)
	if end == nil {
		running = append(running, holder.Deploy)
	}
	return of, running, err
}

func (a *App) removeLogs(ctx context.Context, lock *releases.Lock, done *Upkeep) error {
	verdicts, err := a.LogRetention(ctx)
	if err != nil {
		return err
	}
	for _, v := range retention.RemovableLogs(verdicts) {
		if err := lock.RemoveLog(v.Log.Deploy); err != nil {
			return err
		}
		done.Logs = append(done.Logs, v)
		done.Freed += v.Log.Bytes
	}
	return nil
}

// LogGone says why there is no log of a deploy that the journal knows; "" when it
// does not know it.
func (a *App) LogGone(ctx context.Context, id int) (string, error) {
	start, end, err := a.store.Deploy(id)
	if err != nil || start == nil {
		return "", err
	}
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return "", configFailure(err)
	}
	age := time.Duration(cfg.Retention.LogAge)
	if end != nil && age > 0 && a.env.Now().Sub(end.Time) > age {
		return fmt.Sprintf("the log of deploy %d of %s was removed after %s", id, a.Name, cfg.Retention.LogAge), nil
	}
	return fmt.Sprintf("the log of deploy %d of %s is gone: %d are kept (log_keep), of %s together (log_size)",
		id, a.Name, cfg.Retention.LogKeep, cfg.Retention.LogSize), nil
}

func (a *App) trimDeliveries(done *Upkeep) error {
	file, err := deliveries.Open(a.env.Disk, a.Dir)
	if err != nil {
		return err
	}
	done.Deliveries, err = file.Trim(a.env.Now())
	return errors.Join(err, file.Close())
}

// maintainFor is how long git may look after a source at a time.
const maintainFor = time.Hour

// maintain has git look after the source, giving way to all others: it is stopped
// when a deploy begins, and the next prune has it go on.
func (a *App) maintain(ctx context.Context) error {
	repo, err := a.Repo()
	if errors.Is(err, ErrNoSource) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, stop := a.untilDeploy(ctx)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, maintainFor)
	defer cancel()
	err = nicely(func() error { return a.env.Disk.Step("maintain", func() error { return repo.Maintain(ctx) }) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// untilDeploy returns a context that ends when a deploy of the app begins.
func (a *App) untilDeploy(ctx context.Context) (until context.Context, stop context.CancelFunc) {
	until, stop = context.WithCancel(ctx)
	before := a.store.Holder().Deploy
	if a.begun(before) {
		stop()
	}
	go func() {
		again := time.NewTicker(poll)
		defer again.Stop()
		for !a.begun(before) {
			select {
			case <-until.Done():
				return
			case <-again.C:
			}
		}
		stop()
	}()
	return until, stop
}

// begun reports whether a deploy waits or has got the lock since before had it.
func (a *App) begun(before int) bool {
	waiting, _, err := a.store.Tickets()
	return err != nil || len(waiting) > 0 || a.store.Holder().Deploy != before
}

// keepUpSource removes what is in the source for releases that are gone.
func (a *App) keepUpSource(ctx context.Context, done *Upkeep) error {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return configFailure(err)
	}
	repo, err := a.Repo()
	if errors.Is(err, ErrNoSource) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := a.store.List()
	if err != nil {
		return linkFailure(err)
	}
	var kept []gitsrc.Hash
	for _, release := range found {
		kept = append(kept, gitsrc.Hash(release.Name.Commit()))
	}
	slices.Sort(kept)
	kept = slices.Compact(kept)
	missing, err := repo.Missing(ctx, kept) // artifacts may be of commits that the source lacks
	if err != nil {
		return err
	}
	kept = slices.DeleteFunc(kept, func(commit gitsrc.Hash) bool { return slices.Contains(missing, commit) })
	return errors.Join(
		a.settleRefs(ctx, repo, cfg, kept, done),
		a.dropContents(ctx, repo, cfg, kept, done),
		a.env.Disk.Step("remove leftovers", func() (err error) {
			done.Leftovers, err = repo.RemoveLeftovers(a.env.Now().Add(-settled))
			return err
		}),
	)
}
