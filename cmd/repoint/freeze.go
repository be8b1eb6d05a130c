package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/releases"
)

func (p *program) freezeCommand() *cobra.Command {
	var why, until string
	cmd := &cobra.Command{
		Use:   "freeze APP -m WHY",
		Short: "Let nothing go live until it is lifted",
		Long: `Refuse to make anything live, by whatever way it comes, with the reason given.
Staging still works. Who must can override it with a reason, which is journaled.`,
		Example:           "  repoint freeze blog -m \"sale weekend\" --until 2026-11-30T08:00:00Z\n  repoint freeze blog -m \"audit\" --until 2h",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			frozen := releases.Frozen{By: p.actor(), Why: why, Since: p.now()}
			if why == "" {
				return usageError{errors.New("say why: -m WHY")}
			}
			if until != "" {
				at, err := p.parseUntil(until)
				if err != nil {
					return usageError{err}
				}
				frozen.Until = &at
			}
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				if err := app.Store().Freeze(frozen); err != nil {
					return err
				}
				fmt.Fprintf(p.stderr, "%s is frozen; lift it with: repoint unfreeze %s\n", app.Name, app.Name)
				return nil
			})
		},
	}
	cmd.Flags().StringVarP(&why, "message", "m", "", "why")
	cmd.Flags().StringVar(&until, "until", "", "a time (2026-11-30T08:00:00Z) or a duration (2h) after which it is lifted")
	return cmd
}

// parseUntil reads a time, or a duration from now.
func (p *program) parseUntil(text string) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return p.now().Add(d).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !at.After(p.now()) {
		return at, fmt.Errorf("--until %q is neither a time to come, such as 2026-11-30T08:00:00Z, nor a duration, such as 2h", text)
	}
	return at, nil
}

func (p *program) unfreezeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "unfreeze APP",
		Short:             "Lift a freeze",
		Example:           "  repoint unfreeze blog",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				return app.Store().Unfreeze(p.actor(), p.now())
			})
		},
	}
}
