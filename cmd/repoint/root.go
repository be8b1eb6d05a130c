package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// program is one run of repoint: the process and the flags of all commands.
type program struct {
	process
	apps string // --apps
	json bool   // --json, of reading commands
}

// run runs the command that the arguments name and returns its exit code.
// Output that is asked for goes to stdout, everything else to stderr.
func run(ctx context.Context, p process) int {
	readable()
	root := (&program{process: p}).root()
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return report(p.stderr, root.ExecuteContext(ctx))
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "repoint",
		Short: "Deploy by git push: check out, build, switch one link, go back at once",
		Long: `repoint deploys what is pushed: git push production main, and the server checks
the commit out beside what is live, builds it, and moves one link.

` + exitHelp,
		Example:       "  repoint demo\n  repoint init /srv/blog\n  repoint status",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVar(&p.apps, "apps", "", "the apps directory (default $REPOINT_APPS, else /srv for root, else $XDG_DATA_HOME/repoint)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		p.demoCommand(), p.initCommand(), p.serveCommand(),
		p.deployCommand(), p.stageCommand(), p.promoteCommand(), p.rollbackCommand(), p.cancelCommand(),
		p.fetchCommand(), p.uploadCommand(), p.deliveriesCommand(), p.redeliverCommand(),
		p.statusCommand(), p.releasesCommand(), p.logCommand(), p.diffCommand(), p.verifyCommand(),
		p.pinCommand(), p.unpinCommand(), p.freezeCommand(), p.unfreezeCommand(),
		p.pruneCommand(), p.whyCommand(),
		p.agentCommand(), p.fleetCommand(),
		p.configCommand(), p.keysCommand(), p.tokenCommand(), p.versionCommand(),
		p.hookCommand(), p.sshCommand(),
	)
	wrapArgs(root)
	return root
}

// noCommand refuses what is no command beneath cmd, with the one that was
// meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2 // edits
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		return hintedError{err, "did you mean: " + cmd.CommandPath() + " " + meant[0]}
	}
	return err
}

// wrapArgs makes every refused argument list a usage error.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			var hinted hintedError
			if err != nil && !errors.As(err, &hinted) {
				err = hintedError{err, "see: " + cmd.CommandPath() + " --help"}
			}
			if err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

func (p *program) jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON")
	return cmd
}
