package deploy

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"repoint/config"
	"repoint/hooks/buildhook"
	"repoint/releases"
)

// runBuildHooks runs the build hooks in the new tree.
func (r *run) runBuildHooks(ctx context.Context, name releases.Name) error {
	if !r.buildsHere() {
		return nil
	}
	return r.runHooks(ctx, "Build", "build", r.config.Hooks.Build, name)
}

// runHooks runs one phase's command lines in a release's tree, and shows what
// they print as the step's output.
func (r *run) runHooks(ctx context.Context, step, phase string, lines []string, name releases.Name) error {
	if len(lines) == 0 {
		return nil
	}
	hook, err := r.hook(phase, lines, name)
	if err != nil {
		return err
	}
	r.tell(Begun, step, hook.Mask.Mask(strings.Join(lines, " && ")), 0)
	began := r.app.env.Now()
	err = buildhook.Run(ctx, hook, func(line string) { r.tell(Output, step, line, 0) })
	if err != nil {
		return r.hookFailure(ctx, phase, err)
	}
	r.tell(Done, step, "ok", r.app.env.Now().Sub(began))
	return nil
}

func (r *run) hook(phase string, lines []string, name releases.Name) (buildhook.Hook, error) {
	account, err := r.account()
	if err != nil {
		return buildhook.Hook{}, err
	}
	extra, err := readEnvFile(r.config.EnvFile)
	if err != nil {
		return buildhook.Hook{}, configFailure(err)
	}
	vars := buildhook.Vars{
		App: r.app.Name, Commit: name.Commit(), Ref: r.req.Ref, Action: string(r.req.Action),
		Release: r.app.store.Path(name), Mark: r.mark, Extra: extra,
	}
	previous := r.before.Current
	if name == previous && r.failed != "" { // what it is gone back from
		previous = r.failed
	}
	if previous != "" {
		vars.Previous = r.app.store.Path(previous)
	}
	vars.Home, _ = os.UserHomeDir()
	if account != nil {
		vars.Home = account.Home
	}
	return buildhook.Hook{
		Phase: phase, Lines: lines, Dir: vars.Release, Env: buildhook.Environ(vars), As: account,
		Timeout: time.Duration(r.config.Hooks.Timeout), Mask: buildhook.NewMasker(extra),
	}, nil
}

func (r *run) account() (*buildhook.Account, error) { return r.app.account(r.config) }

// account is the user that build hooks run as; nil for the user of this
// process.
func (a *App) account(cfg config.Config) (*buildhook.Account, error) {
	if cfg.User == "" {
		return nil, nil
	}
	account, err := buildhook.LookupAccount(cfg.User)
	if err != nil {
		return nil, &Failure{Reason: fmt.Sprintf("cannot run build hooks as %q", cfg.User),
			More: []string{err.Error()}, Hint: "see user in " + a.Dir + "/" + ConfigFile, Cause: err}
	}
	return account, nil
}

func (r *run) hookFailure(ctx context.Context, phase string, err error) error {
	if ctx.Err() != nil {
		return canceled(ctx)
	}
	f := &Failure{Reason: phase + " failed: " + err.Error(), Cause: err}
	if first, rest, many := strings.Cut(f.Reason, "\n"); many {
		f.Reason, f.More = first, strings.Split(rest, "\n")
	}
	f.Hint = fmt.Sprintf("all its output: repoint log %s %d", r.app.Name, r.id)
	return f
}

func readEnvFile(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return config.ReadEnvFile(name, data)
}
