package main

import (
	"errors"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) rollbackCommand() *cobra.Command {
	req := deploy.Request{Action: deploy.Rollback}
	cmd := &cobra.Command{
		Use:   "rollback APP [HASH]",
		Short: "Go back to the last good release, or to HASH",
		Long: `Go back to the release that was live last and has not been gone back from, or to
the release of commit HASH, which may be shortened. Nothing is built and nothing
is fetched: the link moves, services are reloaded and asked as for a deploy. The
release that is left counts as bad until it is made live again.`,
		Example:           "  repoint rollback blog\n  repoint rollback blog 1a2b3c4 --reason \"checkout is broken\"",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && args[1] == "" { // an unset variable in somebody's script
				return usageError{hintedError{errors.New("HASH is empty"), "to go back to what was live before: repoint rollback " + args[0]}}
			}
			if len(args) == 2 && req.To != "" {
				return usageError{errors.New("give HASH or --to, not both")}
			}
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				if len(args) == 2 {
					req.To = args[1]
				}
				return p.runDeploy(cmd.Context(), app, req)
			})
		},
	}
	p.activateFlags(cmd, &req)
	cmd.Flags().StringVar(&req.To, "to", "", "the same as HASH")
	return p.jsonFlag(cmd)
}
