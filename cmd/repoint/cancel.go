package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel APP",
		Short: "Stop the deploy that is running",
		Long: `Stop the deploy that is running, with all that its build hooks have started.
Before the switch it leaves no trace; after it, until the release has proved
itself, it goes back.`,
		Example:           "  repoint cancel blog",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				told, err := app.Cancel()
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stderr, "deploy %d was told to stop; see its end with: repoint log %s %d -f\n", told.Deploy, app.Name, told.Deploy)
				return nil
			})
		},
	}
}
