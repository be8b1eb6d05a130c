package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/hooks/githook"
)

func (p *program) initCommand() *cobra.Command {
	var branch string
	var cron bool
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make an app: its directory, repo.git to push to, repoint.toml",
		Long: `Make the app DIR, or put right what is missing of it. Nothing that is there is
changed, but the git hook is renewed: run it again after repoint has moved.

Where "repoint serve" does not run, nothing prunes the app by itself. With --cron a
line for cron and a service with its timer for systemd are printed that do, as the
schedule of [retention] says; of an app that is there, nothing else is done.`,
		Example: "  repoint init /srv/blog\n  repoint init /srv/shop --branch release\n  repoint init /srv/blog --cron",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if cron && p.isApp(dir) {
				return p.printCron(cmd.Context(), dir)
			}
			if err := p.create(cmd.Context(), dir, branch); err != nil {
				return err
			}
			p.sayRemote(dir, branch)
			if cron {
				return p.printCron(cmd.Context(), dir)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&branch, "branch", "main", "the branch that goes live, for a new app")
	cmd.Flags().BoolVar(&cron, "cron", false, "print what cron or systemd need to prune it")
	return cmd
}

func (p *program) isApp(dir string) bool {
	app, err := deploy.Open(dir, p.env())
	return err == nil && app.Close() == nil
}

// create makes an app whose git hook runs this binary.
func (p *program) create(ctx context.Context, dir, branch string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := needGit(); err != nil {
		return err
	}
	if err := deploy.CheckName(filepath.Base(dir)); err != nil {
		return usageError{err}
	}
	return deploy.Create(ctx, p.env(), dir, branch, githook.Script(exe))
}

// needGit says how to get git when it is not there.
func needGit() error {
	if _, err := exec.LookPath("git"); err != nil {
		return hintedError{errors.New("git is not on PATH"), "install it, for instance: apt install git"}
	}
	return nil
}

// sayRemote prints what to type on the machine that pushes.
func (p *program) sayRemote(dir, branch string) {
	host, err := os.Hostname()
	if err != nil {
		host = "HOST"
	}
	login := "USER"
	if current, err := user.Current(); err == nil {
		login = current.Username
	}
	fmt.Fprintf(p.stderr, "%s is an app. Where the code is:\n", dir)
	fmt.Fprintf(p.stdout, "git remote add production %s@%s:%s\n", login, host, filepath.Join(dir, deploy.RepoDir))
	fmt.Fprintf(p.stdout, "git push production %s\n", branch)
	fmt.Fprintf(p.stderr, "hint: build hooks and shared paths go into %s\n", filepath.Join(dir, deploy.ConfigFile))
}
