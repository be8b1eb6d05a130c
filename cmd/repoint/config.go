package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/serve"
)

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check or show an app's configuration", Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(p.configCheckCommand(), p.configShowCommand())
	return cmd
}

func (p *program) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [APP]",
		Short: "Say all that is wrong with the configuration, of one app or of all",
		Long: `Check the operator's repoint.toml together with the one that the live commit
carries, and print every fault of both. The files that it names must be there, and
closed to others where they hold secrets.`,
		Example:           "  repoint config check blog",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				var err error
				if args, err = p.appNames(); err != nil {
					return err
				}
			}
			var first error
			for _, name := range args {
				err := p.checkConfig(cmd, name)
				if err == nil {
					fmt.Fprintf(p.stderr, "%s: the configuration is good\n", name)
				} else if first == nil {
					first = err
				} else {
					printError(p.stderr, err)
				}
			}
			return first
		},
	}
}

func (p *program) checkConfig(cmd *cobra.Command, name string) error {
	app, err := p.open(cmd.Context(), name)
	if err != nil {
		return err
	}
	defer app.Close()
	commit, err := liveCommit(app)
	if err != nil {
		return err
	}
	cfg, err := app.Config(cmd.Context(), commit)
	if err != nil {
		return err
	}
	if err := errors.Join(serve.CheckWebhooks(cfg), app.CheckFiles(cfg)); err != nil {
		return usageError{errors.New(strings.ReplaceAll(err.Error(), "\n", "\nerror: "))}
	}
	return nil
}

func liveCommit(app *deploy.App) (gitsrc.Hash, error) {
	links, err := app.Store().Links()
	return gitsrc.Hash(links.Current.Commit()), err
}

func (p *program) configShowCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:   "show APP [REV]",
		Short: "Print the configuration that a deploy would use",
		Long: `Print the configuration with every key: the defaults, under what the commit's
own repoint.toml says, under what the operator's says. REV is the live commit
unless it is given.`,
		Example:           "  repoint config show blog",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				commit, err := liveCommit(app)
				if len(args) == 2 {
					commit, err = resolve(cmd.Context(), app, args[1])
				}
				if err != nil {
					return err
				}
				cfg, err := app.Config(cmd.Context(), commit)
				if err != nil {
					return err
				}
				if p.json {
					return p.printJSON(cfg)
				}
				fmt.Fprintf(p.stdout, "# %s\n", filepath.Join(app.Dir, deploy.ConfigFile))
				_, err = p.stdout.Write(cfg.TOML())
				return err
			})
		},
	})
}

func resolve(ctx context.Context, app *deploy.App, rev string) (gitsrc.Hash, error) {
	repo, err := app.Repo()
	if err != nil {
		return "", err
	}
	return repo.Resolve(ctx, rev)
}
