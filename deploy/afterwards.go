package deploy

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
	"repoint/gitsrc"
	"repoint/internal/health"
	"repoint/releases"
)

// leaveWork starts the process that does what is left, if something is: what
// was built is listed even if it did not prove itself, because it may be made
// live later without being built again.
func (r *run) leaveWork() {
	watched := r.moved && r.config.Health.Watch > 0 && r.config.Health.URL != ""
	if r.app.env.Afterwards == nil || !r.built && !watched {
		return
	}
	if err := r.app.env.Afterwards(r.app.Dir, r.id); err != nil {
		r.tell(Warning, "", "what is left to do after the deploy could not be started: "+err.Error(), 0)
	}
}

// Afterwards does what a deploy of the app in dir leaves to do once it has been
// answered: the inventory of what it built, and the watch over what it made
// live. It runs in a process of its own, holds no lock while it watches, and
// ends early when something else has been made live. It repairs nothing: nobody
// would see what it says. sink gets a roll back's events.
func Afterwards(ctx context.Context, dir string, env Env, id int, sink Sink) error {
	a, err := open(dir, env)
	if err != nil {
		return err
	}
	defer a.Close()
	_, end, err := a.store.Deploy(id)
	if err != nil {
		return err
	}
	if end == nil {
		return fmt.Errorf("deploy %d of %s has not ended: %w", id, a.Name, ErrNotFound)
	}
	var errs []error
	if end.Release != "" {
		errs = append(errs, nicely(func() error { return a.takeInventory(ctx, end.Release) }))
	}
	if end.Live != "" {
		errs = append(errs, a.watch(ctx, *end, sink))
	}
	return errors.Join(errs...)
}

// nicely runs do on a thread of its own that gives way to all others. The
// thread ends with it: what a watch starts must not inherit that.
func nicely(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19)
		done <- do()
	}()
	return <-done
}

// watch keeps asking whether the release answers, for as long as the
// configuration says, and goes back when it does not any more.
func (a *App) watch(ctx context.Context, end releases.Line, sink Sink) error {
	cfg, err := a.Config(ctx, gitsrc.Hash(end.Live.Commit()))
	if err != nil {
		return err
	}
	if cfg.Health.Watch == 0 || cfg.Health.URL == "" {
		return nil
	}
	check := healthCheck(cfg.Health)
	over := time.NewTimer(time.Duration(cfg.Health.Watch))
	defer over.Stop()
	again := time.NewTicker(check.Interval)
	defer again.Stop()
	for bad := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return nil
		case <-again.C:
		}
		if links, err := a.store.Links(); err != nil || links.Current != end.Live {
			return err
		}
		attempt := check.Once(ctx, end.Live.Commit())
		if attempt.Good() {
			bad = 0
			continue
		}
		if bad++; bad == check.Times {
			return a.watchFailed(ctx, end, attempt, sink)
		}
	}
}

func (a *App) watchFailed(ctx context.Context, end releases.Line, last health.Attempt, sink Sink) error {
	result := a.Deploy(ctx, Request{Action: Rollback, IfLive: end.Live,
		Actor: "repoint", Via: "watch", Reason: "health check failed after the deploy: " + last.Why()}, sink)
	if result.Failure != nil {
		return errors.Join(errors.New("going back after a failed watch"), result.Failure)
	}
	return nil
}
