package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"repoint/hooks/buildhook"
	"repoint/releases"
)

// Tidy repairs what a deploy that died has left, unless another deploy is
// running, which has done so, or the files are not ours to change. The sentences
// it returns say what was repaired.
func (a *App) Tidy(ctx context.Context) ([]string, error) {
	lock, free, err := a.lockToRepair()
	if errors.Is(err, os.ErrPermission) || isReadOnly(err) {
		return nil, nil // a reader: whoever may write repairs
	}
	if err != nil || !free {
		return nil, err
	}
	defer lock.Unlock()
	notes, err := a.repair(ctx, lock)
	if isDiskFull(err) {
		return append(notes, err.Error()), nil // what reads and what goes back still works
	}
	return notes, err
}

// lockToRepair takes the lock unless a deploy is running. A deploy that was
// killed while it started a program leaves the lock to that program for an
// instant, until its exec: that is waited for.
func (a *App) lockToRepair() (lock *releases.Lock, free bool, err error) {
	for tries := 0; ; tries++ {
		lock, free, err = a.store.TryLock()
		if err != nil || free || tries == 25 || running(a.store.Holder().PID) {
			return lock, free, err
		}
		time.Sleep(poll)
	}
}

// running reports whether there is such a process.
func running(pid int) bool { return pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

// repair puts right what the last holder of the lock left, should it have
// died: processes of its build hooks, trees, history, the branch.
func (a *App) repair(ctx context.Context, lock *releases.Lock) (notes []string, err error) {
	died, err := a.died(lock.Before())
	if err != nil {
		return nil, err
	}
	if died {
		if n, err := buildhook.StopStrays(lock.Before().Mark); err != nil || n > 0 {
			notes = append(notes, fmt.Sprintf("stopped %d processes of deploy %d, which died", n, lock.Before().Deploy))
		}
	}
	repaired, err := lock.Repair(a.env.Now())
	notes = append(notes, repaired...)
	if err != nil {
		return notes, err
	}
	if died {
		notes = append(notes, a.tellOfDead(ctx, lock.Before().Deploy)...)
	}
	links, err := lock.Links()
	if err != nil {
		return notes, err
	}
	if err := a.moveRefs(ctx, links, ""); err != nil {
		notes = append(notes, err.Error())
	}
	return append(notes, a.renewSettings(ctx)...), nil
}

// tellOfDead has whoever is to hear of it told that a deploy died.
func (a *App) tellOfDead(ctx context.Context, id int) []string {
	cfg, err := a.Config(ctx, "")
	if err != nil || !tells(cfg) { // a fault is told by whoever needs the configuration next
		return nil
	}
	if err := a.leave(id); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// died reports whether the deploy that held the lock last never came to its end.
func (a *App) died(before releases.Holder) (bool, error) {
	if before.Mark == "" {
		return false, nil
	}
	_, end, err := a.store.Deploy(before.Deploy)
	return end == nil, err
}

// renewSettings makes the source's settings follow the configuration. What is
// wrong with either is told by whoever needs them next.
func (a *App) renewSettings(ctx context.Context) []string {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil
	}
	repo, err := a.Repo()
	if err != nil {
		return nil
	}
	if err := a.keepSettings(ctx, repo, cfg); err != nil {
		return []string{err.Error()}
	}
	return nil
}
