package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/internal/procs"
	"repoint/internal/usage"
	"repoint/releases"
	"repoint/retention"
)

// Pruned is what a prune did.
type Pruned struct {
	App      string
	Verdicts []retention.Verdict // on all releases, as they were before; what stays may not have been measured
	Removed  []releases.Name
	Upkeep   Upkeep
	Freed    int64 // bytes
	Warnings []string
}

// Progress is told how much has been deleted of what is to be, in names of files,
// links and directories: first that it is none, last that it is all, unless
// something cannot be deleted. One call at a time.
type Progress func(done, all int64)

// Prune removes what retention lets go: one release after the other, each under
// the app's lock after a look whether something still uses it, out of sight by
// one rename; then what the app has kept beside them, see [Upkeep]. Deleting
// comes last, without the lock, and so does git's own upkeep. It never waits for
// a deploy, and fails none: while one runs or waits, nothing is pruned, and when one
// comes, it ends with the release that it is at. progress may be nil.
func (a *App) Prune(ctx context.Context, actor string, progress Progress) (Pruned, error) {
	done := Pruned{App: a.Name}
	lock, free, err := a.store.TryLock()
	if err != nil {
		return done, a.diskFailure("cannot take the lock", err)
	}
	if !free {
		return done, a.notNow()
	}
	waiting, _, err := a.store.Tickets()
	if err == nil && len(waiting) > 0 { // it may want what would go
		err = a.notNow()
	}
	if err != nil {
		return done, errors.Join(err, lock.Unlock())
	}
	err = errors.Join(a.prune(ctx, lock, actor, &done), lock.Unlock())
	err = errors.Join(err, a.delete(ctx, progress, &done)) // also when a full disk kept the journal from taking more
	if err == nil {
		a.notePrune(actor, &done)
	}
	if wrong := a.maintain(ctx); wrong != nil && ctx.Err() == nil {
		done.Warnings = append(done.Warnings, wrong.Error())
	}
	return done, err
}

// delete deletes what is out of sight.
func (a *App) delete(ctx context.Context, progress Progress, done *Pruned) (err error) {
	pace := durable.Pace{Gentle: true}
	if progress != nil {
		if pace.Gone, err = a.watched(ctx, progress); err != nil {
			return err
		}
	}
	freed, err := a.store.EmptyTrash(ctx, pace)
	done.Freed = freed.Bytes + done.Upkeep.Freed
	left, err := notDeleted(err)
	done.Warnings = append(done.Warnings, left...)
	return err
}

// watched counts what is in the trash, and has progress told of each name that
// is gone from there.
func (a *App) watched(ctx context.Context, progress Progress) (gone func(int64), err error) {
	all, err := usage.Of(ctx, a.store.TrashPath())
	if err != nil || all.Inodes <= 1 { // only itself
		return nil, err
	}
	var mu sync.Mutex
	done, total := int64(0), all.Inodes-1
	progress(0, total)
	return func(int64) {
		mu.Lock()
		defer mu.Unlock()
		done++
		progress(min(done, total), total) // a file may have several names, and is counted once
	}, nil
}

// notDeleted tells what could not be deleted, with what helps, from other
// errors.
func notDeleted(err error) (warnings []string, other error) {
	var left durable.NotRemovedError
	other = left.Add(err)
	for _, one := range left.Left {
		warnings = append(warnings, "cannot delete "+one.String())
	}
	if more := left.Count - len(left.Left); more > 0 {
		warnings = append(warnings, fmt.Sprintf("%d more could not be deleted", more))
	}
	return warnings, other
}

func (a *App) notNow() error {
	return &Failure{Outcome: Superseded, Reason: "a deploy of " + a.Name + " is running", Hint: "prune when it has ended"}
}

func (a *App) prune(ctx context.Context, lock *releases.Lock, actor string, done *Pruned) (err error) {
	if done.Warnings, err = a.repair(ctx, lock); err != nil {
		return a.diskFailure("cannot clean up", err)
	}
	if done.Verdicts, err = a.due(ctx); err != nil {
		return err
	}
	removals := retention.Removals(done.Verdicts)
	for i, verdict := range removals {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if waiting, _, err := a.store.Tickets(); err != nil || len(waiting) > 0 {
			done.Warnings = append(done.Warnings, number(len(removals)-i, "release")+" may go and stay for now: a deploy waits")
			return err
		}
		name, ok := releases.ParseName(verdict.Release.Name)
		if !ok {
			continue
		}
		used, err := a.usedBy(name)
		if err != nil {
			return err
		}
		if used != "" {
			done.Warnings = append(done.Warnings, fmt.Sprintf("%s stays: it %s", name.Short(), used))
			continue
		}
		err = a.remove(ctx, lock, verdict, actor)
		if why := stays(err); why != "" {
			done.Warnings = append(done.Warnings, name.Short()+" stays: "+why)
			continue
		}
		if err != nil {
			return err
		}
		done.Removed = append(done.Removed, name)
	}
	done.Warnings = append(done.Warnings, a.keepUp(ctx, lock, &done.Upkeep)...)
	return ctx.Err()
}

// stays says why a release could not be removed, if that is no reason to leave
// others: it was pinned meanwhile, or is not ours to move.
func stays(err error) string {
	var kept *releases.KeptError
	var left *durable.NotRemovedError
	switch {
	case errors.As(err, &kept):
		return kept.Why
	case errors.As(err, &left):
		return left.Left[0].String()
	}
	return ""
}

// usedBy says who uses a release, as in "is used by process 12 (node: cwd)"; ""
// for nobody that can be seen.
func (a *App) usedBy(name releases.Name) (string, error) {
	report, err := procs.Using(a.store.Path(name), nil)
	switch {
	case err != nil:
		return "", err
	case len(report.Uses) > 0:
		use := report.Uses[0]
		return fmt.Sprintf("is used by process %d (%s: %s)", use.PID, use.Command, use.How), nil
	case len(report.Mounts) > 0:
		return mounted(report.Mounts[0]), nil
	}
	return "", nil
}

func mounted(m procs.Mount) string {
	text := "is mounted at " + m.Path
	if m.Inside {
		text = "has something mounted at " + m.Path
	}
	if m.PID == os.Getpid() {
		return text + " (umount " + m.Path + ")"
	}
	return fmt.Sprintf("%s for process %d", text, m.PID)
}

// remove takes one release away, after the journal has it: killed in between,
// the next prune does it again.
func (a *App) remove(ctx context.Context, lock *releases.Lock, verdict retention.Verdict, actor string) error {
	name := releases.Name(verdict.Release.Name)
	err := a.store.Append(releases.Line{Event: releases.Removed, Time: a.env.Now(), Release: name, Reason: verdict.Reason, Actor: actor,
		Bytes: verdict.Release.Bytes})
	if err == nil {
		err = lock.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone by hand
	}
	if err != nil {
		return a.diskFailure("cannot remove "+name.Short(), err)
	}
	return a.forget(ctx, name)
}

// forget lets git drop the commit of a release that is gone, unless another
// build of it is there.
func (a *App) forget(ctx context.Context, name releases.Name) error {
	if _, there, err := a.store.Sealed(name.Commit()); there || err != nil {
		return err
	}
	repo, err := a.Repo()
	if errors.Is(err, ErrNoSource) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.env.Disk.Step("move refs", func() error {
		return repo.MoveRefs(ctx, []gitsrc.RefChange{{Ref: keepRefs + name.Commit()}})
	})
}

// Why says why a release stays or that it goes, as the next prune would see it.
func (a *App) Why(ctx context.Context, name releases.Name) (retention.Verdict, error) {
	verdicts, err := a.plan(ctx, asksSizes)
	if err != nil {
		return retention.Verdict{}, err
	}
	for _, verdict := range verdicts {
		if verdict.Release.Name != string(name) {
			continue
		}
		if err := a.measure(ctx, &verdict.Release); err != nil {
			return retention.Verdict{}, err
		}
		if verdict.Remove {
			used, err := a.usedBy(name)
			if err != nil || used == "" {
				return verdict, err
			}
			verdict.Remove, verdict.Rule, verdict.Reason = false, retention.InUse, used
		}
		return verdict, nil
	}
	return retention.Verdict{}, fmt.Errorf("%s is not there: %w", name, ErrNotFound)
}
