package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"repoint/config"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/hooks/githook"
)

func (p *program) hookCommand() *cobra.Command {
	hook := &cobra.Command{Use: "hook", Short: "Try a build hook", Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	hook.AddCommand(p.hookRunCommand(), &cobra.Command{
		Use:    deploy.GitHook,
		Short:  "Answer one push: the git hook of repo.git, see githooks(5)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return p.procReceive(cmd.Context()) },
	}, p.afterwardsCommand(), p.spareCommand())
	return hook
}

const (
	keptForPusher = 1 << 20          // bytes that wait for a pusher who does not read
	patience      = 20 * time.Second // how long the end of the output waits for him
)

// procReceive holds git's conversation. Nothing that happens to the pusher
// ends it; SIGTERM does, as long as the link has not moved.
func (p *program) procReceive(ctx context.Context) error {
	outlive(os.Interrupt, syscall.SIGQUIT)
	ctx, stop := untilTold(ctx, syscall.SIGTERM)
	defer stop()
	talk := deploy.NewPatient(p.stderr, keptForPusher)
	defer talk.Close(patience)

	gitDir, err := filepath.Abs(p.getenv("GIT_DIR"))
	if err != nil {
		return err
	}
	shallow := p.getenv("GIT_SHALLOW_FILE") != ""
	app, err := deploy.Open(filepath.Dir(gitDir), p.env())
	var cfg config.Config
	if err == nil {
		defer app.Close()
		cfg, err = app.Config(ctx, "")
	}
	if err != nil {
		printError(talk, err)
		return githook.RefuseAll(p.stdin, p.stdout, "the app cannot deploy, see above")
	}
	logged := p.deployLog(app.Name, talk)
	defer logged.close()
	rules := githook.Rules{App: app.Name, Branch: cfg.Branch, Stage: cfg.Stage, Tags: cfg.Tags, Store: cfg.Store,
		Match: config.Match, Peel: peeler(ctx, app)}
	return githook.Serve(p.stdin, p.stdout, talk, rules, shallow,
		&pushed{p: p, ctx: ctx, app: app, branch: "refs/heads/" + cfg.Branch,
			sink: deploy.Tee(deploy.Printer(talk), logged.sink)})
}

// peeler finds the commit that an annotated tag names.
func peeler(ctx context.Context, app *deploy.App) func(string) string {
	return func(id string) string {
		repo, err := app.Repo()
		if err != nil {
			return id
		}
		commit, err := repo.Resolve(ctx, id)
		if err != nil {
			return id
		}
		return string(commit)
	}
}

// pushed deploys what a push asks for.
type pushed struct {
	p      *program
	ctx    context.Context
	app    *deploy.App
	branch string
	sink   deploy.Sink
}

func (d *pushed) Deploy(asked githook.Request) error {
	req := deploy.Request{Action: deploy.Live, Commit: gitsrc.Hash(asked.New), Ref: asked.Ref,
		Actor: d.p.actor(), Via: d.p.via("push"), Reason: asked.Reason, Force: asked.Force, Rebuild: asked.Rebuild,
		AcceptSchema: asked.AcceptSchema, Override: asked.Override}
	switch {
	case asked.Stage:
		req.Action = deploy.Stage
	case asked.Ref == d.branch:
		req.Push = &deploy.Push{Old: gitsrc.Hash(asked.Old), Shallow: asked.Shallow}
	}
	if asked.Plan {
		return d.app.Plan(d.ctx, req, d.sink)
	}
	if result := d.app.Deploy(d.ctx, req, d.sink); result.Failure != nil {
		return result.Failure
	}
	return nil
}

// hookWarning says when the git hook of an app would not find repoint.
func hookWarning(app *deploy.App) string {
	repo, err := app.Repo()
	if errors.Is(err, deploy.ErrNoSource) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	script, err := repo.Hook(deploy.GitHook)
	if err != nil {
		return fmt.Sprintf("%v; renew it with: repoint init %s", err, app.Dir)
	}
	exe, ours := githook.ScriptExe(script)
	if !ours {
		return fmt.Sprintf("the git hook in %s is not repoint's; pushes will not deploy; renew it with: repoint init %s", deploy.RepoDir, app.Dir)
	}
	if info, err := os.Stat(exe); err != nil || info.Mode()&0o111 == 0 {
		return fmt.Sprintf("the git hook runs %s, which is not there any more; renew it with: repoint init %s", exe, app.Dir)
	}
	return ""
}
