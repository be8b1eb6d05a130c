package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"repoint/config"
	"repoint/hooks/buildhook"
	"repoint/internal/health"
	"repoint/internal/procs"
	"repoint/internal/reload"
	"repoint/releases"
)

// journalLines is how much of a unit's journal is shown when its health check
// fails.
const journalLines = 20

// proveNew proves the release that has just been made live.
func (r *run) proveNew(ctx context.Context) error { return r.prove(ctx, r.release, r.before.Current) }

// prove makes the services use the release that current points at, and shows
// that they do: reload, health check, and a look at who still uses old.
func (r *run) prove(ctx context.Context, now, old releases.Name) error {
	if !serves(r.config) {
		return nil
	}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return r.reload(ctx, now) },
		func(ctx context.Context) error { return r.checkHealth(ctx, now) },
		func(ctx context.Context) error { return r.checkStale(ctx, now, old) },
	} {
		err := step(ctx)
		if ctx.Err() != nil {
			return &Failure{Outcome: Canceled, Reason: "stopped before " + now.Short() + " had proved itself", Cause: context.Cause(ctx)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reload does everything that [reload] lists.
func (r *run) reload(ctx context.Context, now releases.Name) error {
	c := r.config.Reload
	what := describeReload(c)
	if what == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout))
	defer cancel()
	said := false
	say := func(line string) {
		if !said {
			r.tell(Begun, "Reload", what, 0)
		}
		said = true
		r.tell(Output, "Reload", line, 0)
	}
	return r.timed("Reload", func() error {
		err := reload.Do(ctx, reloadPlan(c), r.systemctl(), say)
		if err == nil && len(c.Run) > 0 {
			err = r.runReloadLines(ctx, c.Run, now, say)
		}
		if err == nil {
			return nil
		}
		reason := "reload failed: " + err.Error()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			reason = fmt.Sprintf("reload took longer than %s", c.Timeout)
		}
		return &Failure{Reason: oneLine(reason), Cause: err}
	}, func() string {
		if said {
			return "ok"
		}
		return what
	})
}

// runReloadLines runs reload.run as the user that deploys: whoever may reload.
func (r *run) runReloadLines(ctx context.Context, lines []string, now releases.Name, say func(string)) error {
	hook, err := r.hook("reload", lines, now)
	if err != nil {
		return err
	}
	hook.As, hook.Timeout = nil, 0
	return buildhook.Run(ctx, hook, say)
}

func reloadPlan(c config.Reload) reload.Plan {
	plan := reload.Plan{Units: c.Systemd, UserUnits: c.SystemdUser, Touch: c.Touch}
	for _, signal := range c.Signal {
		plan.Signals = append(plan.Signals, reload.Signal{Pidfile: signal.Pidfile, Name: signal.Name})
	}
	return plan
}

func (r *run) systemctl() reload.Systemctl { return r.app.env.Systemctl }

func describeReload(c config.Reload) string {
	var parts []string
	if units := append(slices.Clone(c.Systemd), c.SystemdUser...); len(units) > 0 {
		parts = append(parts, "systemctl reload-or-restart "+strings.Join(units, " "))
	}
	for _, file := range c.Touch {
		parts = append(parts, "touch "+file)
	}
	for _, signal := range c.Signal {
		parts = append(parts, signal.Name+" to "+signal.Pidfile)
	}
	return strings.Join(append(parts, c.Run...), ", ")
}

// checkHealth asks until enough answers in a row are good.
func (r *run) checkHealth(ctx context.Context, now releases.Name) error {
	if r.config.Health.URL == "" {
		return nil
	}
	check := healthCheck(r.config.Health)
	var report health.Report
	return r.timed("Health", func() (err error) {
		report, err = check.Prove(ctx, now.Commit(), nil)
		if err == nil {
			return nil
		}
		f := &Failure{Reason: oneLine("health check failed: " + err.Error()), Cause: err}
		if report.Last.Body != "" {
			f.More = append(f.More, "body: "+report.Last.Body)
		}
		f.More = append(f.More, r.unitJournals(context.WithoutCancel(ctx))...)
		return f
	}, func() string {
		return fmt.Sprintf("GET %s  %d, %d of %d", r.config.Health.URL, report.Last.Status, report.Good, check.Times)
	})
}

func healthCheck(h config.Health) health.Check {
	return health.Check{URL: h.URL, Status: h.Status, Times: h.Times, Within: time.Duration(h.Within),
		Interval: time.Duration(h.Interval), CommitHeader: h.CommitHeader}
}

// unitJournals is what the reloaded units said last.
func (r *run) unitJournals(ctx context.Context) (lines []string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, unit := range r.units() {
		said, err := r.systemctl().Journal(ctx, unit.name, unit.user, journalLines)
		if err != nil {
			continue // the health check's own reason is what matters
		}
		for _, line := range said {
			lines = append(lines, "journal: "+line)
		}
	}
	return lines
}

type unit struct {
	name string
	user bool
}

func (r *run) units() (units []unit) {
	for _, name := range r.config.Reload.Systemd {
		units = append(units, unit{name, false})
	}
	for _, name := range r.config.Reload.SystemdUser {
		units = append(units, unit{name, true})
	}
	return units
}

// checkStale waits until every process of the reloaded services has left the
// old release, and names those that have not.
func (r *run) checkStale(ctx context.Context, now, old releases.Name) error {
	c := r.config.Reload
	if old == "" || old == now || len(r.units())+len(c.Signal)+len(c.Workers) == 0 {
		return nil
	}
	deadline := time.NewTimer(time.Duration(c.Settle))
	defer deadline.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		uses, err := r.stillUsing(ctx, old)
		switch {
		case err == nil && len(uses) == 0:
			return nil
		case errors.Is(err, errHidden): // it stays so
			return r.staleFailure(nil, old, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return r.staleFailure(uses, old, err)
		case <-again.C:
		}
	}
}

// staleFailure is what becomes of a deploy when somebody uses the old release,
// or nobody can tell.
func (r *run) staleFailure(uses []string, old releases.Name, unknown error) error {
	for i, use := range uses {
		uses[i] = "still on " + old.Short() + ": " + use
	}
	if unknown != nil {
		uses = []string{"cannot tell who is still on " + old.Short() + ": " + oneLine(unknown.Error())}
	}
	if r.config.Reload.Stale == config.StaleFail {
		return &Failure{Reason: uses[0], More: uses[1:], Cause: unknown}
	}
	for _, use := range uses {
		r.tell(Warning, "", use, 0)
	}
	return nil
}

var errHidden = errors.New("processes of another user: run repoint as root or as that user")

// stillUsing names the processes of the services that use the old release.
func (r *run) stillUsing(ctx context.Context, old releases.Name) (uses []string, err error) {
	among, err := r.serviceProcesses(ctx)
	if err != nil || len(among) == 0 {
		return nil, err
	}
	report, err := procs.Using(r.app.store.Path(old), among)
	if err != nil {
		return nil, err
	}
	for _, use := range report.Uses {
		uses = append(uses, fmt.Sprintf("process %d (%s), its %s", use.PID, use.Command, use.How))
	}
	if len(uses) == 0 && report.Hidden > 0 {
		return nil, fmt.Errorf("%d %w", report.Hidden, errHidden)
	}
	return uses, nil
}

// serviceProcesses are all processes of the units, pidfiles and workers.
func (r *run) serviceProcesses(ctx context.Context) ([]int, error) {
	var all []int
	for _, unit := range r.units() {
		pids, err := r.systemctl().PIDs(ctx, unit.name, unit.user)
		if err != nil {
			return nil, err
		}
		all = append(all, pids...)
	}
	pidfiles := slices.Clone(r.config.Reload.Workers)
	for _, signal := range r.config.Reload.Signal {
		pidfiles = append(pidfiles, signal.Pidfile)
	}
	for _, pidfile := range pidfiles {
		data, err := os.ReadFile(pidfile)
		if err != nil {
			return nil, err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			return nil, fmt.Errorf("%s does not hold a process's number", pidfile)
		}
		family, err := procs.Descendants(pid)
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return nil, err
		}
		all = append(all, family...)
	}
	return all, nil
}

func oneLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
