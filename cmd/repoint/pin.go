package main

import (
	"context"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/releases"
)

func (p *program) pinCommand() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:               "pin APP HASH",
		Short:             "Keep a release, whatever retention says",
		Example:           "  repoint pin blog 1a2b3c4 -m \"before the new checkout\"",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRelease(cmd.Context(), args, func(app *deploy.App, name releases.Name) error {
				return app.Store().Pin(name, releases.Pin{By: p.actor(), Why: why, Since: p.now()})
			})
		},
	}
	cmd.Flags().StringVarP(&why, "message", "m", "", "why")
	return cmd
}

func (p *program) unpinCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "unpin APP HASH",
		Short:             "Let retention decide about a release again",
		Example:           "  repoint unpin blog 1a2b3c4",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRelease(cmd.Context(), args, func(app *deploy.App, name releases.Name) error {
				return app.Store().Unpin(name, p.actor(), p.now())
			})
		},
	}
}

// withRelease opens the app args[0] and finds its release args[1]; without it,
// the live one.
func (p *program) withRelease(ctx context.Context, args []string, do func(*deploy.App, releases.Name) error) error {
	return p.withApp(ctx, args[0], func(app *deploy.App) (err error) {
		var name releases.Name
		if len(args) > 1 {
			name, err = app.Find(args[1])
		} else {
			name, err = live(app)
		}
		if err != nil {
			return err
		}
		return do(app, name)
	})
}

// live is the release that is live; without one, an error that says so.
func live(app *deploy.App) (releases.Name, error) {
	links, err := app.Store().Links()
	if err == nil && links.Current == "" {
		err = &deploy.Failure{Reason: "nothing of " + app.Name + " is live yet", Cause: deploy.ErrNotFound}
	}
	return links.Current, err
}
