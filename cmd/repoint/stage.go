package main

import (
	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) stageCommand() *cobra.Command {
	req := deploy.Request{Action: deploy.Stage}
	cmd := &cobra.Command{
		Use:   "stage APP [REV]",
		Short: "Make a commit ready as next, without making it live",
		Long: `Build REV (without it the app's branch) and point next at it, so that a preview
can serve APP/next. What is live stays; "repoint promote" makes it live.`,
		Example:           "  repoint stage blog feature\n  repoint promote blog",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.deployRevision(cmd.Context(), req, args)
		},
	}
	cmd.Flags().BoolVar(&req.Rebuild, "rebuild", false, "build it again, though it was built before")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the journal")
	return p.jsonFlag(cmd)
}

func (p *program) promoteCommand() *cobra.Command {
	req := deploy.Request{Action: deploy.Promote, Ref: "next"}
	cmd := &cobra.Command{
		Use:               "promote APP",
		Short:             "Make live what is staged",
		Example:           "  repoint promote blog",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				return p.runDeploy(cmd.Context(), app, req)
			})
		},
	}
	p.activateFlags(cmd, &req)
	return p.jsonFlag(cmd)
}

// activateFlags are those of every command that makes something live.
func (p *program) activateFlags(cmd *cobra.Command, req *deploy.Request) {
	cmd.Flags().BoolVar(&req.Force, "force", false, "again, though it is live")
	cmd.Flags().BoolVar(&req.AcceptSchema, "accept-schema", false, "go back although migrations lie between: the older code works with the newer schema")
	cmd.Flags().StringVar(&req.Override, "override", "", "why it must be in spite of a freeze, for the journal")
	cmd.Flags().StringVar(&req.Reason, "reason", "", "why, for the journal")
}
