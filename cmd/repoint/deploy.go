package main

import (
	"context"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) deployCommand() *cobra.Command {
	req := deploy.Request{Action: deploy.Live}
	cmd := &cobra.Command{
		Use:   "deploy APP [REV]",
		Short: "Make a commit live that the app's repository has",
		Long: `Make REV live: a branch, a tag or a hash, which may be shortened. Without REV it
is the app's branch. The release is built unless it was built before.`,
		Example:           "  repoint deploy blog\n  repoint deploy blog 9f2c1ab --rebuild",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.deployRevision(cmd.Context(), req, args)
		},
	}
	cmd.Flags().BoolVar(&req.Rebuild, "rebuild", false, "build it again, though it was built before")
	p.activateFlags(cmd, &req)
	return p.jsonFlag(cmd)
}

// deployRevision runs a request for the revision that the arguments name
// after the app.
func (p *program) deployRevision(ctx context.Context, req deploy.Request, args []string) error {
	app, err := p.open(ctx, args[0])
	if err != nil {
		return err
	}
	defer app.Close()
	if req.Ref, err = p.revision(ctx, app, args[1:]); err != nil {
		return err
	}
	if req.Commit, err = resolve(ctx, app, req.Ref); err != nil {
		return err
	}
	return p.runDeploy(ctx, app, req)
}

func (p *program) revision(ctx context.Context, app *deploy.App, args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	cfg, err := app.Config(ctx, "")
	return cfg.Branch, err
}

// runDeploy runs a request to its end. Progress goes to stderr, with --json
// the result to stdout. Ctrl-C stops it until the link has moved.
func (p *program) runDeploy(ctx context.Context, app *deploy.App, req deploy.Request) error {
	outlive()
	ctx, stop := untilTold(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	req.Actor, req.Via = p.actor(), p.via("command")
	logged := p.deployLog(app.Name, p.stderr)
	defer logged.close()
	result := app.Deploy(ctx, req, deploy.Tee(deploy.Printer(p.stderr), logged.sink))
	if p.json {
		if err := p.printJSON(result); err != nil {
			return err
		}
	}
	if result.Failure != nil {
		return toldError{result.Failure}
	}
	return nil
}
