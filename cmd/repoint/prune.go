package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/releases"
	"repoint/retention"
)

func (p *program) pruneCommand() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "prune [APP]",
		Short: "Remove old releases, as [retention] says",
		Long: `Remove the releases that [retention] lets go, of one app or of all. What is live,
previous, staged, pinned, waited for or where a roll back goes stays, and so does
what a process still uses or has something mounted in; without root, processes of
other users cannot be seen. Trees go out of sight at once and are then deleted,
letting others have the disk first; a terminal shows how far that is. What
cannot be deleted is named, with what helps; it fails nothing, and the next prune tries
again.

What else grows is kept small too: logs go as [retention] says, the journal's
older lines are packed, old webhooks are forgotten, and so is what the source has
for releases that are gone. Last, git looks after the source, until a deploy begins.

A push that does not fit on the disk does the same, for as much as it needs.

"repoint serve" prunes by itself, as the schedule of [retention] says. On a machine
without it cron or systemd can: "repoint init DIR --cron" prints what they need.`,
		Example:           "  repoint prune blog --dry-run\n  repoint prune",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 0 {
				if args, err = p.appNames(); err != nil {
					return err
				}
			}
			return p.prune(cmd.Context(), args, dry)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would go and why")
	return p.jsonFlag(cmd)
}

// prune prunes the apps in turn. A failure of one does not keep the others from
// being pruned; the first is returned.
func (p *program) prune(ctx context.Context, apps []string, dry bool) (first error) {
	outlive()
	ctx, stop := untilTold(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	all := []pruneView{}
	for _, name := range apps {
		err := p.withApp(ctx, name, func(app *deploy.App) error {
			pruned, err := p.pruneOne(ctx, app, dry)
			all = append(all, viewPruned(pruned))
			return err
		})
		if ctx.Err() != nil {
			first = &deploy.Failure{Outcome: deploy.Canceled, Reason: "stopped pruning " + name, Hint: "the next prune ends what this one began", Cause: err}
			break
		}
		switch {
		case err == nil:
		case first == nil:
			first = undeployed(err)
		default:
			printError(p.stderr, err)
		}
	}
	if p.json {
		if err := p.printJSON(all); err != nil {
			return err
		}
	}
	return first
}

func (p *program) pruneOne(ctx context.Context, app *deploy.App, dry bool) (pruned deploy.Pruned, err error) {
	if dry {
		pruned, err = planned(ctx, app)
	} else {
		pruned, err = p.pruneShown(ctx, app)
	}
	for _, warning := range pruned.Warnings {
		fmt.Fprintf(p.stderr, "warning: %s: %s\n", app.Name, warning)
	}
	switch {
	case p.json:
		return pruned, err
	case dry && err == nil:
		return pruned, p.showPlan(pruned)
	}
	for _, v := range pruned.Verdicts {
		if name := releases.Name(v.Release.Name); slices.Contains(pruned.Removed, name) {
			fmt.Fprintf(p.stderr, "%s: removed %s, %s: %s\n", app.Name, name.Short(), deploy.Bytes(v.Release.Bytes), v.Reason)
		}
	}
	if err == nil {
		fmt.Fprintf(p.stderr, "%s: removed %d of %d releases%s, freed %s\n", app.Name, len(pruned.Removed), len(pruned.Verdicts),
			upkeepText(pruned.Upkeep), deploy.Bytes(pruned.Freed))
	}
	return pruned, err
}

// pruneShown shows how far it is, on a terminal.
func (p *program) pruneShown(ctx context.Context, app *deploy.App) (deploy.Pruned, error) {
	bar := p.bar(app.Name + ": deleting")
	if bar == nil {
		return app.Prune(ctx, p.actor(), nil)
	}
	defer bar.clear()
	return app.Prune(ctx, p.actor(), bar.show)
}

// pruneView is what one prune did, as JSON.
type pruneView struct {
	App      string          `json:"app"`
	Releases []verdictView   `json:"releases"` // as they were before
	Removed  []releases.Name `json:"removed"`
	Upkeep   upkeepView      `json:"upkeep"`
	Freed    int64           `json:"freed"` // bytes
	Warnings []string        `json:"warnings"`
}

type verdictView struct {
	Release string         `json:"release"`
	Stays   bool           `json:"stays"`
	Rule    retention.Rule `json:"rule"` // what decided: a state, or a key of [retention]
	Reason  string         `json:"reason"`
	Until   *time.Time     `json:"until,omitempty"` // when the reason to stay ends by itself
	Bytes   int64          `json:"bytes,omitempty"` // missing: not measured, which a prune does not do with what stays
}

func viewPruned(p deploy.Pruned) pruneView {
	view := pruneView{p.App, []verdictView{}, append([]releases.Name{}, p.Removed...), viewUpkeep(p.Upkeep), p.Freed, append([]string{}, p.Warnings...)}
	for _, v := range p.Verdicts {
		view.Releases = append(view.Releases, viewVerdict(v))
	}
	return view
}

func viewVerdict(v retention.Verdict) verdictView {
	view := verdictView{Release: v.Release.Name, Stays: !v.Remove, Rule: v.Rule, Reason: v.Reason, Bytes: v.Release.Bytes}
	if !v.Until.IsZero() {
		view.Until = &v.Until
	}
	return view
}

func (p *program) showVerdicts(verdicts []retention.Verdict) error {
	rows := [][]string{{"RELEASE", "BUILT", "SIZE", "VERDICT", "BECAUSE IT"}}
	for _, v := range verdicts {
		rows = append(rows, []string{releases.Name(v.Release.Name).Short(), p.ago(v.Release.Built),
			deploy.Bytes(v.Release.Bytes), stays(v), v.Reason})
	}
	return table(p.stdout, rows)
}

func stays(v retention.Verdict) string {
	if v.Remove {
		return "goes"
	}
	return "stays"
}

// schedules tells when each app is to be pruned.
func (p *program) schedules(ctx context.Context) ([]retention.App, error) {
	apps, err := p.appsDir()
	if err != nil {
		return nil, err
	}
	names, err := p.appNames()
	list := []retention.App{}
	for _, name := range names {
		app, err := deploy.Schedule(ctx, filepath.Join(apps, name), p.env())
		app.Name, app.Fault = name, err
		list = append(list, app)
	}
	return list, err
}

func (p *program) whyCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:               "why APP HASH",
		Short:             "Say why a release stays, or that the next prune removes it",
		Example:           "  repoint why blog 1a2b3c4",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRelease(cmd.Context(), args, func(app *deploy.App, name releases.Name) error {
				v, err := app.Why(cmd.Context(), name)
				if err != nil {
					return err
				}
				if p.json {
					return p.printJSON(viewVerdict(v))
				}
				until := ""
				if !v.Until.IsZero() {
					until = ", until " + v.Until.Local().Format("2006-01-02 15:04")
				}
				_, err = fmt.Fprintf(p.stdout, "%s %s: it %s%s\n", name.Short(), stays(v), v.Reason, until)
				return err
			})
		},
	})
}
