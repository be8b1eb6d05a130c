package retention

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// runner is a schedule under way.
type runner struct {
	Schedule
	cron   *cron.Cron
	apps   map[string]*scheduled
	fault  string         // of reading the apps, as it was logged
	places chan struct{}  // taken by prunes
	missed sync.WaitGroup // prunes that cron did not start
}

// scheduled is one app. The job stays the same as long as the app is there, or
// its next prune would not know of the last.
type scheduled struct {
	job   cron.Job // nil until the app's schedule could be told
	fault string   // as it was logged

	when cron.Schedule
	id   cron.EntryID

	mu   sync.Mutex
	ctx  context.Context // ends with this schedule
	stop context.CancelFunc
}

// read takes in what there is now.
func (r *runner) read(ctx context.Context, beginning bool) {
	list, err := r.Apps(ctx)
	if told(&r.fault, err) {
		r.Log.Error(err, "apps cannot be read for their schedules")
	}
	if err != nil {
		return
	}
	there := make(map[string]bool)
	for _, app := range list {
		there[app.Name] = true
		if r.apps[app.Name] == nil {
			r.apps[app.Name] = new(scheduled)
		}
		r.take(ctx, r.apps[app.Name], app, beginning)
	}
	for name, known := range r.apps {
		if !there[name] {
			r.unschedule(known)
			delete(r.apps, name)
		}
	}
}

// told reports whether an error is to be logged: one that is still the same
// was.
func told(before *string, err error) bool {
	text := ""
	if err != nil {
		text = err.Error()
	}
	same := *before == text
	*before = text
	return !same && err != nil
}

func (r *runner) take(ctx context.Context, known *scheduled, app App, beginning bool) {
	if told(&known.fault, app.Fault) {
		r.Log.Error(app.Fault, "prune cannot be scheduled", "app", app.Name)
	}
	switch {
	case app.Fault != nil:
	case known.job == nil:
		log := appLog{r.Log, app.Name}
		// In this order: a panic that came to SkipIfStillRunning would leave it
		// believing that the job still runs.
		known.job = cron.NewChain(cron.SkipIfStillRunning(log), cron.Recover(log)).Then(
			cron.FuncJob(func() { r.prune(known.context(), app.Name) }))
		r.schedule(ctx, known, app.When)
		if app.missed(time.Now(), beginning) {
			r.missed.Go(known.job.Run)
		}
	case known.when != app.When:
		r.unschedule(known)
		r.schedule(ctx, known, app.When)
	}
}

func (r *runner) schedule(ctx context.Context, known *scheduled, when cron.Schedule) {
	known.mu.Lock()
	known.ctx, known.stop = context.WithCancel(ctx)
	known.mu.Unlock()
	known.when, known.id = when, r.cron.Schedule(when, known.job)
}

func (r *runner) unschedule(known *scheduled) {
	if known.job != nil {
		r.cron.Remove(known.id)
		known.stop()
	}
}

func (s *scheduled) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx
}

// prune prunes an app as soon as there is a place and no deploy is in the way,
// unless ctx ends before.
func (r *runner) prune(ctx context.Context, app string) {
	for wait := firstWait; errors.Is(r.pruneOnce(ctx, app), ErrBusy); wait = min(2*wait, longestWait) {
		r.Log.Info("prune put off: a deploy is in the way", "app", app, "until", time.Now().Add(wait).UTC())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

func (r *runner) pruneOnce(ctx context.Context, app string) error {
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.Prune(app)
}

// appLog says in our words what befalls the job of an app.
type appLog struct {
	cron.Logger
	app string
}

func (l appLog) Info(string, ...any) {
	l.Logger.Info("prune left out: the one before is not done", "app", l.app)
}

func (l appLog) Error(err error, _ string, more ...any) {
	l.Logger.Error(err, "prune panicked", append([]any{"app", l.app}, more...)...)
}
