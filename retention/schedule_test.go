package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
)

// world is a schedule at work, in a bubble whose clock begins at midnight of the
// first day of 2000, UTC, and only moves while all wait.
type world struct {
	t    *testing.T
	stop func() // returns when Run has

	mu     sync.Mutex
	apps   []App
	fault  error
	prune  func(app string) error
	pruned []string // "blog 01:17", as they began
	log    []string
}

func newWorld(t *testing.T, apps ...App) *world {
	w := &world{t: t, apps: apps}
	w.prune = func(string) error { return nil }
	return w
}

func (w *world) start() {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Schedule{Apps: w.read, Prune: w.pruneOne, Log: w}.Run(ctx)
	}()
	w.stop = func() { cancel(); <-ended }
	synctest.Wait()
}

func (w *world) read(context.Context) ([]App, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.apps), w.fault
}

func (w *world) pruneOne(app string) error {
	w.mu.Lock()
	w.pruned = append(w.pruned, app+time.Now().UTC().Format(" 15:04"))
	prune := w.prune
	w.mu.Unlock()
	return prune(app)
}

func (w *world) Info(what string, more ...any) { w.note(fmt.Sprint("info: ", what), more) }
func (w *world) Error(err error, what string, more ...any) {
	w.note(fmt.Sprintf("error: %s: %v", what, err), more)
}

// note leaves out stacks.
func (w *world) note(line string, more []any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := 0; i < len(more) && more[i] != "stack"; i += 2 {
		line += fmt.Sprintf(", %v %v", more[i], more[i+1])
	}
	w.log = append(w.log, line)
}

// change changes what can be read, at once or a minute later.
func (w *world) change(do func()) {
	w.mu.Lock()
	do()
	w.mu.Unlock()
}

// until lets the clock go on to a time of the first day.
func (w *world) until(clock string) {
	w.t.Helper()
	at, err := time.Parse("2006-01-02 15:04", "2000-01-01 "+clock)
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Until(at)) // of the bubble's clock
	synctest.Wait()
}

// want looks at what was pruned and logged since the last call.
func (w *world) want(pruned []string, log ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(strings.Join(pruned, "\n"), strings.Join(w.pruned, "\n")); diff != "" {
		w.t.Errorf("pruned (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(strings.Join(log, "\n"), strings.Join(w.log, "\n")); diff != "" {
		w.t.Errorf("logged (-want +got)\n%s", diff)
	}
	w.pruned, w.log = nil, nil
}

// crontab is a schedule as it stands in a file.
type crontab string

func (c crontab) Next(after time.Time) time.Time {
	parsed, err := cron.ParseStandard(string(c))
	if err != nil {
		return time.Time{}
	}
	return parsed.Next(after.UTC())
}

// before is a time on the day before the clock begins.
func before(hour, minute int) time.Time { return time.Date(1999, 12, 31, hour, minute, 0, 0, time.UTC) }

func TestScheduleEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, App{Name: "blog", When: crontab("17 * * * *"), Pruned: before(23, 17)},
			App{Name: "shop", When: crontab("0 2 * * *"), Pruned: before(2, 0)}, App{Name: "never", When: crontab("")})
		w.start()
		w.want(nil)
		w.until("03:16")
		w.want([]string{"blog 00:17", "blog 01:17", "shop 02:00", "blog 02:17"})
		w.until("03:17")
		w.want([]string{"blog 03:17"})
		w.stop()
		w.until("06:00")
		w.want(nil)
	})
}

func TestScheduleMakesUpForWhatWasMissed(t *testing.T) {
	t.Parallel()
	hourly := crontab("17 * * * *")
	for name, test := range map[string]struct {
		app    App
		missed bool
	}{
		"just in time":        {App{When: hourly, Pruned: before(23, 17)}, false},
		"a little later":      {App{When: hourly, Pruned: before(23, 40)}, false},
		"one missed":          {App{When: hourly, Pruned: before(23, 16)}, true},
		"many missed":         {App{When: hourly, Pruned: before(3, 0)}, true},
		"due at this instant": {App{When: crontab("0 0 * * *"), Pruned: before(23, 59)}, true},
		"not known":           {App{When: hourly}, true},
		"from a wrong clock":  {App{When: hourly, Pruned: before(23, 17).AddDate(5, 0, 0)}, true},
		"once a year":         {App{When: crontab("0 0 2 1 *"), Pruned: before(0, 0)}, false},
		"never":               {App{When: crontab(""), Pruned: before(3, 0)}, false},
		"never, not known":    {App{When: crontab("")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.app.Name = "blog"
				w := newWorld(t, test.app)
				w.start()
				if test.missed {
					w.want([]string{"blog 00:00"})
				} else {
					w.want(nil)
				}
				w.stop()
			})
		})
	}
}

// What runs is not run again, and is waited for at the end.
func TestScheduleSkipsWhatStillRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, App{Name: "blog", When: crontab("0 * * * *"), Pruned: before(24, 0)})
		goOn := make(chan struct{})
		w.prune = func(string) error { <-goOn; return nil }
		w.start()
		w.until("03:30")
		skipped := "info: prune left out: the one before is not done, app blog"
		w.want([]string{"blog 01:00"}, skipped, skipped)
		w.change(func() { w.apps[0].When = crontab("45 * * * *") })
		w.until("03:50")
		w.want(nil, skipped)
		goOn <- struct{}{}
		w.until("04:50")
		w.want([]string{"blog 04:45"})

		stopped := make(chan struct{})
		go func() { w.stop(); close(stopped) }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("it ended before its prune did")
		default:
		}
		close(goOn)
		<-stopped
	})
}

func TestScheduleOutlivesPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, App{Name: "blog", When: crontab("0 * * * *")})
		w.prune = func(string) error { panic("out of cheese") }
		w.start()
		w.until("02:30")
		panicked := "error: prune panicked: out of cheese, app blog"
		w.want([]string{"blog 00:00", "blog 01:00", "blog 02:00"}, panicked, panicked, panicked)
		w.stop()
	})
}

// A prune that finds a deploy in the way is tried again, less and less often,
// until it is done, the schedule changes or the server stops.
func TestScheduleTriesAgainAfterADeploy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, App{Name: "blog", When: crontab("0 6 * * *")}, App{Name: "shop", When: crontab("0 1 * * *"), Pruned: before(1, 0)})
		busy := func(app string) error {
			if app == "blog" {
				return fmt.Errorf("cannot: %w", ErrBusy)
			}
			return nil
		}
		w.prune = busy
		w.start()
		w.until("00:50")
		again := func(clock string) string {
			return "info: prune put off: a deploy is in the way, app blog, until 2000-01-01 " + clock + ":00 +0000 UTC"
		}
		w.want([]string{"blog 00:00", "blog 00:01", "blog 00:03", "blog 00:07", "blog 00:15", "blog 00:30", "blog 00:45"},
			again("00:01"), again("00:03"), again("00:07"), again("00:15"), again("00:30"), again("00:45"), again("01:00"))
		w.change(func() { w.prune = func(string) error { return nil } })
		w.until("05:59")
		slices.Sort(w.pruned)
		w.want([]string{"blog 01:00", "shop 01:00"})

		w.change(func() { w.prune = busy })
		w.until("06:01")
		w.want([]string{"blog 06:00", "blog 06:01"}, again("06:01"), again("06:03"))
		w.change(func() { w.apps[0].When = crontab("0 12 * * *") })
		w.until("12:02")
		w.want([]string{"blog 12:00", "blog 12:01"}, again("12:01"), again("12:03"))
		w.stop()
		w.until("12:10")
		w.want(nil)
	})
}

func TestScheduleFollowsTheApps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, App{Name: "blog", When: crontab("17 * * * *"), Pruned: before(23, 17)})
		w.start()
		w.until("00:30")
		w.want([]string{"blog 00:17"})

		// One comes that is new, one that was pruned elsewhere, long ago.
		w.change(func() {
			w.apps = append(w.apps, App{Name: "new", When: crontab("20 * * * *")},
				App{Name: "shop", When: crontab("25 * * * *"), Pruned: before(3, 0)})
		})
		w.until("01:30")
		w.want([]string{"shop 00:31", "blog 01:17", "new 01:20", "shop 01:25"})

		// Schedules change. That it would have been time by the new one is no reason.
		w.change(func() { w.apps[0].When, w.apps[1].When = crontab("40 * * * *"), crontab("") })
		w.until("02:30")
		w.want([]string{"blog 01:40", "shop 02:25"})

		// One goes, and comes again.
		w.change(func() { w.apps = w.apps[:2] })
		w.until("03:30")
		w.want([]string{"blog 02:40"})
		w.change(func() {
			w.apps = append(w.apps, App{Name: "shop", When: crontab("25 * * * *"), Pruned: before(3, 0).AddDate(0, 0, 1)})
		})
		w.until("03:45")
		w.want([]string{"shop 03:31", "blog 03:40"})
		w.stop()
	})
}

// A fault of one app, or of reading all, is told once; what was known before
// still holds, and the others are pruned.
func TestScheduleWithFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := App{Name: "blog", Fault: errors.New("repoint.toml:1:1: unknown key")}
		good := App{Name: "blog", When: crontab("17 * * * *"), Pruned: before(23, 17)}
		w := newWorld(t, broken, App{Name: "shop", When: crontab("20 * * * *")})
		w.start()
		w.until("00:30")
		fault := "error: prune cannot be scheduled: repoint.toml:1:1: unknown key, app blog"
		w.want([]string{"shop 00:00", "shop 00:20"}, fault)
		w.change(func() { w.apps[0] = good })
		w.until("01:25")
		w.want([]string{"blog 00:31", "blog 01:17", "shop 01:20"}) // it was known at last that one was missed
		w.change(func() { w.apps[0] = broken })
		w.until("02:25")
		w.want([]string{"blog 02:17", "shop 02:20"}, fault)
		w.change(func() { w.fault = errors.New("disk on fire") })
		w.until("03:25")
		w.want([]string{"blog 03:17", "shop 03:20"}, "error: apps cannot be read for their schedules: disk on fire")
		w.stop()
	})
}

// Of many that are due only a few are pruned at once, and the server's end keeps
// the rest from beginning.
func TestScheduleIsGentle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 10 {
			w.apps = append(w.apps, App{Name: fmt.Sprint("app-", i), When: crontab("0 * * * *")})
		}
		goOn := make(chan struct{})
		w.prune = func(string) error { <-goOn; return nil }
		w.start()
		for range 3 {
			goOn <- struct{}{}
			synctest.Wait()
		}
		w.mu.Lock()
		if len(w.pruned) != 3+prunesAtOnce {
			t.Errorf("%d began, 3 have ended", len(w.pruned))
		}
		w.mu.Unlock()
		go func() { synctest.Wait(); close(goOn) }()
		w.stop()
		if len(w.pruned) != 3+prunesAtOnce {
			t.Errorf("%d began, some of them after the end", len(w.pruned))
		}
	})
}
