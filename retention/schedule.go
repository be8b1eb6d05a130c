package retention

import (
	"context"
	"errors"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	readAgain    = time.Minute      // the apps and their schedules
	prunesAtOnce = 2                // of all apps; a disk that hangs must not keep the others from being pruned
	firstWait    = time.Minute      // after a deploy was in the way, twice as long each time
	longestWait  = 15 * time.Minute // at most
)

// App is an app as its schedule has to know it.
type App struct {
	Name   string
	When   cron.Schedule // of a type that can be compared
	Pruned time.Time     // when it was last; zero: not known
	Fault  error         // why its schedule cannot be told; one that was told before still holds
}

// ErrBusy says that an app could not be pruned because a deploy was in the way.
var ErrBusy = errors.New("a deploy is in the way")

// Schedule has apps pruned, each at the times of its own schedule. A prune that
// has not ended when its time comes again is left alone, one that panics is
// logged, and one that finds a deploy in the way is tried again soon.
type Schedule struct {
	// Apps returns all apps there are. It is asked again each minute, so apps and
	// their schedules may come, change and go.
	Apps func(context.Context) ([]App, error)

	// Prune prunes an app, to its end, and logs how that went unless it returns
	// ErrBusy. Different apps may be pruned at a time, few of them.
	Prune func(app string) error

	Log cron.Logger
}

// Run prunes until ctx ends, waits for the prunes that run then, and returns.
//
// An app for which a time of its schedule has passed since it was last pruned is
// pruned as soon as it is seen: nobody did when it was time. If it is not known
// when it was, that goes only for the apps that are there from the beginning:
// one that comes later is new.
func (s Schedule) Run(ctx context.Context) {
	r := &runner{Schedule: s, apps: make(map[string]*scheduled), places: make(chan struct{}, prunesAtOnce),
		cron: cron.New(cron.WithLocation(time.UTC), cron.WithLogger(cron.DiscardLogger))}
	r.cron.Start()
	again := time.NewTicker(readAgain)
	defer again.Stop()
	for beginning := true; ctx.Err() == nil; beginning = false {
		r.read(ctx, beginning)
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
	<-r.cron.Stop().Done()
	r.missed.Wait()
}

// missed reports whether the app should have been pruned by now.
func (a App) missed(now time.Time, beginning bool) bool {
	if a.Pruned.IsZero() || a.Pruned.After(now) { // a time to come was written under a wrong clock
		return beginning && !a.When.Next(now).IsZero()
	}
	next := a.When.Next(a.Pruned)
	return !next.IsZero() && !next.After(now)
}
