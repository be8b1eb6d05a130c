package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
)

func (p *program) logCommand() *cobra.Command {
	var follow bool
	var limit int
	cmd := &cobra.Command{
		Use:   "log APP [ID]",
		Short: "Show the deploys of an app, or what one of them printed",
		Long: `Without ID, list the last deploys, the newest first. With the number of a deploy,
print its output; -f goes on until it has ended, and without ID takes the newest.`,
		Example:           "  repoint log blog\n  repoint log blog 12\n  repoint log blog -f",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				if len(args) == 1 && !follow {
					return p.listDeploys(app, limit)
				}
				id, err := p.deployID(app, args[1:])
				if err != nil {
					return err
				}
				return p.showLog(cmd.Context(), app, id, follow)
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the deploy has ended")
	cmd.Flags().IntVarP(&limit, "number", "n", 20, "how many deploys to list")
	return p.jsonFlag(cmd)
}

func (p *program) listDeploys(app *deploy.App, limit int) error {
	records, damaged, err := app.History(limit)
	if err != nil {
		return err
	}
	if damaged > 0 {
		fmt.Fprintf(p.stderr, "warning: %d lines of the journal cannot be read and are skipped\n", damaged)
	}
	if p.json {
		return p.printJSON(records)
	}
	rows := [][]string{{"DEPLOY", "WHEN", "ACTION", "COMMIT", "BY", "OUTCOME", "TOOK", "SUBJECT"}}
	for _, r := range records {
		text := r.Subject
		if r.Error != "" {
			text = r.Error
		}
		outcome := r.Outcome
		if outcome == "" {
			outcome = "under way"
		}
		rows = append(rows, []string{fmt.Sprint(r.Deploy), p.ago(r.Time), r.Action, gitsrc.Hash(r.Commit).Short(),
			r.Actor, outcome, deploy.Took(r.Took), clip(text, 50)})
	}
	return table(p.stdout, rows)
}

func (p *program) deployID(app *deploy.App, args []string) (int, error) {
	if len(args) == 1 {
		id, err := strconv.Atoi(args[0])
		if err != nil || id < 1 {
			return 0, usageError{fmt.Errorf("%q is not the number of a deploy", args[0])}
		}
		return id, nil
	}
	records, _, err := app.History(1)
	if err != nil {
		return 0, err
	}
	if len(records) == 0 {
		return 0, fmt.Errorf("%s has no deploys yet: %w", app.Name, deploy.ErrNotFound)
	}
	return records[0].Deploy, nil
}

func (p *program) showLog(ctx context.Context, app *deploy.App, id int, follow bool) error {
	f, err := os.Open(app.Store().LogPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return noLog(ctx, app, id)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if p.json {
		return p.printLogJSON(app, id, f)
	}
	if !follow {
		_, err = io.Copy(p.stdout, f)
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return p.followLog(ctx, app, id, f)
}

// noLog says why there is none.
func noLog(ctx context.Context, app *deploy.App, id int) error {
	why, err := app.LogGone(ctx, id)
	if err != nil {
		return err
	}
	if why == "" {
		why = fmt.Sprintf("%s has no log of deploy %d", app.Name, id)
	}
	return hintedError{fmt.Errorf("%s: %w", why, deploy.ErrNotFound), "see who deployed what when with: repoint log " + app.Name}
}

func (p *program) printLogJSON(app *deploy.App, id int, f io.Reader) error {
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return p.printJSON(struct {
		App    string `json:"app"`
		Deploy int    `json:"deploy"`
		Text   string `json:"text"`
	}{app.Name, id, string(text)})
}

// followLog copies what is there, and what comes until the deploy has ended.
func (p *program) followLog(ctx context.Context, app *deploy.App, id int, f io.Reader) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, end, err := app.Store().Deploy(id)
		if err != nil {
			return err
		}
		busy, err := app.Busy(id) // the last lines come after the journal's
		if err != nil {
			return err
		}
		if _, err := io.Copy(p.stdout, f); err != nil || (end != nil && !busy) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
