package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) hookRunCommand() *cobra.Command {
	req := deploy.Request{Action: deploy.Try}
	return p.jsonFlag(&cobra.Command{
		Use:   "run APP PHASE [REV]",
		Short: "Run one phase's hooks without making anything live",
		Long: `Run the hooks of PHASE: build, check, migrate or after. Build hooks run in a tree
that is made for it as a deploy makes one (of REV, without it the app's branch)
and removed again; the others run in the live release.`,
		Example: "  repoint hook run blog build\n  repoint hook run blog check",
		Args:    cobra.RangeArgs(2, 3),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return deploy.Phases, cobra.ShellCompDirectiveNoFileComp
			}
			return p.completeApp(false)(cmd, args, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Phase = args[1]
			if !slices.Contains(deploy.Phases, req.Phase) {
				return usageError{fmt.Errorf("there is no phase %q; phases are %s", req.Phase, strings.Join(deploy.Phases, ", "))}
			}
			if req.Phase == "build" {
				return p.deployRevision(cmd.Context(), req, append(args[:1], args[2:]...))
			}
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				return p.runDeploy(cmd.Context(), app, req)
			})
		},
	})
}
