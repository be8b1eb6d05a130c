package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/internal/reload"
	"repoint/releases"
)

// Env is what an App takes from the process that opens it.
type Env struct {
	Disk      durable.Disk     // how it changes the disk
	Now       func() time.Time // the clock; nil is time.Now
	Systemctl reload.Systemctl // systemd's programs; the zero value finds them

	// Afterwards starts a process of its own that calls [Afterwards] for the
	// deploy; nil leaves that work undone.
	Afterwards func(app string, deploy int) error
}

// App is one app, opened.
type App struct {
	Name  string // the directory's name
	Dir   string // its absolute path
	env   Env
	store *releases.Store
}

// RepoDir and ConfigFile are where an app keeps its source and its operator's
// configuration.
const (
	RepoDir    = "repo.git"
	ConfigFile = "repoint.toml"
	sharedDir  = "shared"
)

var appName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// CheckName says whether name may be an app's name.
func CheckName(name string) error {
	if appName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q cannot be an app's name: use lower-case letters, digits and \"-\", at most 63", name)
}

// Open opens the app in dir, an absolute path, and repairs what a deploy that
// died has left, unless another deploy is running or the files are not ours to
// change. The sentences it returns say what was repaired.
func Open(ctx context.Context, dir string, env Env) (*App, []string, error) {
	app, err := open(dir, env)
	if err != nil {
		return nil, nil, err
	}
	notes, err := app.tidy(ctx)
	if err != nil {
		app.Close()
		return nil, notes, err
	}
	return app, notes, nil
}

// open opens the app and repairs nothing.
func open(dir string, env Env) (*App, error) {
	if env.Now == nil {
		env.Now = time.Now
	}
	if err := checkPlace(dir); err != nil {
		return nil, err
	}
	store, err := releases.Open(env.Disk, dir)
	if err != nil {
		return nil, err
	}
	return &App{Name: filepath.Base(dir), Dir: dir, env: env, store: store}, nil
}

// checkPlace refuses a directory that everybody may change: its links and
// trees could be anybody's.
func checkPlace(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("%s may be changed by everybody: chmod o-w %s", dir, dir)
	}
	return CheckName(filepath.Base(dir))
}

func (a *App) tidy(ctx context.Context) ([]string, error) {
	lock, free, err := a.lockToRepair()
	if errors.Is(err, os.ErrPermission) || isReadOnly(err) {
		return nil, nil // a reader: whoever may write repairs
	}
	if err != nil || !free {
		return nil, err
	}
	defer lock.Unlock()
	notes, err := a.repair(ctx, lock)
	if isDiskFull(err) {
		return append(notes, err.Error()), nil // what reads and what goes back still works
	}
	if err != nil {
		return notes, err
	}
	return append(notes, a.renewSettings(ctx)...), nil
}

// lockToRepair takes the lock unless a deploy is running. A deploy that was
// killed while it started a program leaves the lock to that program for an
// instant, until its exec: that is waited for.
func (a *App) lockToRepair() (lock *releases.Lock, free bool, err error) {
	for tries := 0; ; tries++ {
		lock, free, err = a.store.TryLock()
		if err != nil || free || tries == 25 || running(a.store.Holder().PID) {
			return lock, free, err
		}
		time.Sleep(poll)
	}
}

// running reports whether there is such a process.
func running(pid int) bool { return pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

// renewSettings makes the source's settings follow the configuration. What is
// wrong with either is told by whoever needs them next.
func (a *App) renewSettings(ctx context.Context) []string {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil
	}
	repo, err := a.Repo()
	if err != nil {
		return nil
	}
	if err := a.keepSettings(ctx, repo, cfg); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// Close lets go of the app's directory.
func (a *App) Close() error { return a.store.Close() }

// Store gives reading access to the app's releases.
func (a *App) Store() *releases.Store { return a.store }

// Repo opens the app's source.
func (a *App) Repo() (*gitsrc.Repo, error) {
	return gitsrc.Open(filepath.Join(a.Dir, RepoDir))
}

// Config reads the operator's configuration, over the one that the commit
// carries when commit is not "".
func (a *App) Config(ctx context.Context, commit gitsrc.Hash) (config.Config, error) {
	operator, err := a.operatorSource()
	if err != nil {
		return config.Config{}, err
	}
	cfg, err := config.Load(operator, config.Source{})
	if err != nil || commit == "" {
		return cfg, err
	}
	repo, err := a.Repo()
	if err != nil {
		return cfg, err
	}
	path := filepath.Join(cfg.Subdir, ConfigFile)
	data, found, err := repo.ReadFile(ctx, commit, path, 1<<20)
	if err != nil || !found {
		return cfg, err
	}
	name := commit.Short() + ":" + path
	return config.Load(operator, config.Source{Name: name, Data: data})
}

func (a *App) operatorSource() (config.Source, error) {
	name := filepath.Join(a.Dir, ConfigFile)
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return config.Source{}, err
	}
	return config.Source{Name: name, Data: data}, nil
}
