package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
)

// GitHook is the git hook of an app's source.
const GitHook = "proc-receive"

// Create makes an app in dir, an absolute path, or puts right what is missing
// of one: the directory, repo.git with its settings and its git hook, the
// operator's configuration, shared/. What is there is kept; only the git hook
// is always renewed. script is the file that git runs.
func Create(ctx context.Context, env Env, dir, branch string, script []byte) error {
	template, err := templateOf(dir, branch)
	if err != nil {
		return err
	}
	if err := gitsrc.CheckGit(ctx); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, AgentFile)); err == nil {
		return errors.New(dir + " is an agent's app: what it runs comes from its hub")
	}
	if err := env.makeApp(dir, template); err != nil {
		return err
	}
	app := &App{Name: filepath.Base(dir), Dir: dir, env: env}
	cfg, err := app.Config(ctx, "")
	if err != nil {
		return err
	}
	repo, err := gitsrc.Init(ctx, filepath.Join(dir, RepoDir), cfg.Branch)
	if err != nil {
		return err
	}
	if err := app.keepSettings(ctx, repo, cfg); err != nil {
		return err
	}
	return repo.InstallHook(GitHook, script)
}

// makeApp makes all of an app but its source.
func (e Env) makeApp(dir string, template []byte) error {
	if err := makeAppDir(dir); err != nil {
		return err
	}
	if err := checkPlace(dir); err != nil {
		return err
	}
	if err := releases.Init(e.Disk, dir); err != nil {
		return err
	}
	if err := writeTemplate(e, dir, template); err != nil {
		return err
	}
	return e.makeShared(dir)
}

// makeAppDir makes the app's directory, readable by web servers. Its parent
// must be there: a misspelt path should not make a tree of directories.
func makeAppDir(dir string) error {
	err := os.Mkdir(dir, 0o755)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("making %s: its parent is not there: mkdir -p %s", dir, filepath.Dir(dir))
	case err != nil:
		return err
	}
	return os.Chmod(dir, 0o755) // whatever the umask
}

// templateOf is the configuration that a new app in dir starts with. A branch
// that git would not take is found here, before anything is made, and so is a bad name.
func templateOf(dir, branch string) ([]byte, error) {
	if err := CheckName(filepath.Base(dir)); err != nil {
		return nil, err
	}
	text := config.Template(branch)
	_, err := config.Load(config.Source{Name: filepath.Join(dir, ConfigFile), Data: text}, config.Source{})
	return text, err
}

func writeTemplate(env Env, dir string, text []byte) error {
	name := filepath.Join(dir, ConfigFile)
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return env.Disk.WriteFile(name, text, 0o644)
}

func (e Env) makeShared(dir string) error {
	d, err := e.Disk.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Mkdir(sharedDir, 0o755), d.Close())
}

func (a *App) keepSettings(ctx context.Context, repo *gitsrc.Repo, cfg config.Config) error {
	return repo.Keep(ctx, gitsrc.Settings{MaxPush: int64(cfg.Limits.Push)})
}
