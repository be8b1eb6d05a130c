package deploy

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/internal/health"
	"repoint/releases"
)

// leaveWork starts the process that does what is left, if something is: what
// was built is listed even if it did not prove itself, because it may be made
// live later without being built again.
func (r *run) leaveWork(ctx context.Context) {
	if r.id == 0 || r.req.Action == Try {
		return
	}
	cfg := r.config
	if cfg.Branch == "" { // it ended before it was read
		cfg, _ = r.app.Config(ctx, "") // a fault was told
	}
	watched := r.moved && watches(cfg)
	if r.built || watched || tells(cfg) || r.app.store.TrashLeft() || r.app.lacksSpare(cfg) {
		if err := r.app.leave(r.id); err != nil {
			r.tell(Warning, "", err.Error(), 0)
		}
	}
}

// tells reports whether somebody is to hear how deploys end.
func tells(cfg config.Config) bool {
	return cfg.Notify.ToFile != "" || cfg.Webhook.StatusTokenFile != ""
}

// lacksSpare reports whether the spare is missing, or made for something that is
// not live any more.
func (a *App) lacksSpare(cfg config.Config) bool {
	if !usesSpare(cfg) || a.ofAgent() {
		return false
	}
	links, err := a.store.Links()
	if err != nil || links.Current == "" {
		return false
	}
	have, err := a.spare()
	return err == nil && (have == nil || have.From != links.Current)
}

func (a *App) leave(id int) error {
	if a.env.Afterwards == nil {
		return nil
	}
	if err := a.env.Afterwards(a.Dir, id); err != nil {
		return fmt.Errorf("what is left to do after deploy %d could not be started: %w", id, err)
	}
	return nil
}

// Afterwards does what a deploy of the app in dir leaves to do once it has been
// answered: it tells people, makes the spare, empties the trash, takes the
// inventory of what was built, and watches over what was made live. It runs in a process of its own,
// holds no lock while it watches, and ends early when something else has been
// made live. It repairs nothing: nobody would see what it says. What goes wrong
// stands in the deploy's log. sink gets a roll back's events.
func Afterwards(ctx context.Context, dir string, env Env, id int, sink Sink) error {
	a, err := Open(dir, env)
	if err != nil {
		return err
	}
	defer a.Close()
	start, end, err := a.store.Deploy(id)
	if err != nil {
		return err
	}
	if start == nil || end == nil {
		return fmt.Errorf("deploy %d of %s has not ended: %w", id, a.Name, ErrNotFound)
	}
	var told, emptied, spared error
	var others sync.WaitGroup
	others.Go(func() { told = a.note(id, a.tellOthers(ctx, *start, *end)) })
	others.Go(func() {
		if a.env.Spare != nil && !a.ofAgent() {
			spared = a.note(id, nicely(func() error { return a.env.Spare(ctx, a.Dir) }))
		}
	})
	others.Go(func() {
		_, err := a.store.EmptyTrash(ctx, durable.Pace{Gentle: true})
		emptied = a.note(id, err)
	})
	err = a.note(id, a.look(ctx, *end, sink))
	others.Wait()
	return errors.Join(told, spared, emptied, err)
}

// tellFor is how long a forge may take to hear how a deploy ended, all tries
// together.
const tellFor = 10 * time.Minute

// tellOthers tells whoever is to hear how the deploy ended, people and the forge.
func (a *App) tellOthers(ctx context.Context, start, end releases.Line) error {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	return errors.Join(a.notify(cfg, start, end), a.tellForge(ctx, cfg, start, end))
}

// look takes the inventory and keeps watch.
func (a *App) look(ctx context.Context, end releases.Line, sink Sink) error {
	var errs []error
	if end.Release != "" {
		errs = append(errs, nicely(func() error { return a.takeInventory(ctx, end.Release) }))
	}
	if end.Live != "" {
		errs = append(errs, a.watch(ctx, end, sink))
	}
	return errors.Join(errs...)
}

// note adds what went wrong after a deploy to its log.
func (a *App) note(id int, wrong error) error {
	if wrong == nil || errors.Is(wrong, context.Canceled) { // told to stop
		return wrong
	}
	log, err := a.store.CreateLog(id)
	if err != nil {
		return errors.Join(wrong, err)
	}
	Printer(log)(Event{Time: a.env.Now(), Deploy: id, Kind: Warning, Text: "afterwards: " + wrong.Error()})
	return errors.Join(wrong, log.Close())
}

// nicely runs do on a thread of its own that gives way to all others, and so does
// what is started on it. The thread ends with it: what a watch starts must not
// inherit that.
func nicely(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19)
		done <- do()
	}()
	return <-done
}

// viaWatch is how a roll back came that a watch asked for.
const viaWatch = "watch"

// watches reports whether what was made live is looked at for a while.
func watches(cfg config.Config) bool {
	return cfg.Health.Watch > 0 && cfg.Health.URL != "" && serves(cfg)
}

// watch keeps asking whether the release answers, for as long as the
// configuration says, and goes back when it does not any more.
func (a *App) watch(ctx context.Context, end releases.Line, sink Sink) error {
	cfg, err := a.Config(ctx, gitsrc.Hash(end.Live.Commit()))
	if err != nil {
		return err
	}
	if !watches(cfg) {
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
		Actor: "repoint", Via: viaWatch, Reason: "health check failed after the deploy: " + last.Why()}, sink)
	if result.Failure != nil {
		return errors.Join(errors.New("going back after a failed watch"), result.Failure)
	}
	return nil
}
