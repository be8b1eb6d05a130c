package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) statusCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:               "status [APP]",
		Short:             "Show what is live, previous and staged, and what is going on",
		Example:           "  repoint status\n  repoint status blog --json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return p.showStatus(cmd.Context(), args[0])
			}
			return p.listStatus(cmd.Context())
		},
	})
}

func (p *program) status(ctx context.Context, name string) (deploy.Status, error) {
	app, err := p.open(ctx, name)
	if err != nil {
		return deploy.Status{}, err
	}
	defer app.Close()
	status, err := app.Status(ctx)
	if warning := hookWarning(app); warning != "" {
		status.Warnings = append(status.Warnings, warning)
	}
	return status, err
}

func (p *program) showStatus(ctx context.Context, name string) error {
	s, err := p.status(ctx, name)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(s)
	}
	rows := [][]string{{"app", s.App}, {"directory", s.Dir}, {"live", p.describe(s.Live, "nothing yet")}}
	if s.Previous != nil {
		rows = append(rows, []string{"previous", p.describe(s.Previous, "")})
	}
	if s.Next != nil {
		rows = append(rows, []string{"next", p.describe(s.Next, "")})
	}
	if s.Frozen != nil {
		rows = append(rows, []string{"frozen", fmt.Sprintf("by %s %s: %s", s.Frozen.By, p.ago(s.Frozen.Since), s.Frozen.Why)})
	}
	if s.Running != nil {
		rows = append(rows, []string{"running", p.ticketLine(s.Running.Deploy, s.Running.Ref, s.Running.Actor, s.Running.Since)})
	}
	for _, w := range s.Waiting {
		rows = append(rows, []string{"waiting", p.ticketLine(w.Deploy, w.Ref, w.Actor, w.Since)})
	}
	if s.Last != nil {
		rows = append(rows, []string{"last deploy", fmt.Sprintf("%d, %s, %s %s", s.Last.Deploy, s.Last.Outcome, p.ago(s.Last.Time), s.Last.Error)})
	}
	if s.Pruned != nil || s.NextPrune != nil {
		rows = append(rows, []string{"pruned", p.pruneLine(s)})
	}
	err = table(p.stdout, rows)
	for _, warning := range s.Warnings {
		fmt.Fprintf(p.stderr, "warning: %s\n", warning)
	}
	return err
}

func (p *program) describe(v *deploy.View, none string) string {
	if v == nil {
		return none
	}
	text := fmt.Sprintf("%s  %q", v.Release.Short(), v.Subject)
	if v.Built != nil {
		text += fmt.Sprintf(" by %s, built %s", v.Author, p.ago(*v.Built))
	}
	return text
}

func (p *program) ticketLine(id int, ref, actor string, since time.Time) string {
	return fmt.Sprintf("deploy %d, %s by %s, since %s", id, ref, actor, p.ago(since))
}

func (p *program) pruneLine(s deploy.Status) string {
	text := "not yet"
	if s.Pruned != nil {
		text = p.ago(s.Pruned.Time) + " by " + s.Pruned.By
	}
	if s.NextPrune != nil {
		text += ", due " + s.NextPrune.Local().Format("2006-01-02 15:04")
	}
	return text
}

func (p *program) listStatus(ctx context.Context) error {
	names, err := p.appNames()
	if err != nil {
		return err
	}
	list := []deploy.Status{}
	for _, name := range names {
		status, err := p.status(ctx, name)
		if err != nil {
			status.Warnings = append(status.Warnings, err.Error())
		}
		status.App = name
		list = append(list, status)
	}
	if p.json {
		return p.printJSON(list)
	}
	rows := [][]string{{"APP", "LIVE", "BUILT", "SUBJECT"}}
	for _, s := range list {
		rows = append(rows, p.statusRow(s))
	}
	if len(list) == 0 {
		dir, _ := p.appsDir()
		fmt.Fprintf(p.stderr, "there are no apps in %s\nhint: make one with: repoint init %s/NAME\n", dir, dir)
		return nil
	}
	return table(p.stdout, rows)
}

func (p *program) statusRow(s deploy.Status) []string {
	row := []string{s.App, "-", "-", ""}
	if s.Live != nil {
		row[1], row[3] = s.Live.Release.Short(), clip(s.Live.Subject, 50)
		if s.Live.Built != nil {
			row[2] = p.ago(*s.Live.Built)
		}
	}
	if len(s.Warnings) > 0 {
		row[3] += "  (warnings: repoint status " + s.App + ")"
	}
	return row
}
