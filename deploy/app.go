package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/internal/reload"
	"repoint/internal/usage"
	"repoint/releases"
)

// Env is what an App takes from the process that opens it.
type Env struct {
	Disk      durable.Disk     // how it changes the disk
	Now       func() time.Time // the clock; nil is time.Now
	Free      Free             // what a disk has free; nil asks the file system
	Systemctl reload.Systemctl // systemd's programs; the zero value finds them

	// Afterwards starts a process of its own that calls [Afterwards] for the
	// deploy; nil leaves that work undone.
	Afterwards func(app string, deploy int) error
	// Spare runs [MakeSpare] for the app in a process of its own, to its end; nil
	// leaves that work undone.
	Spare func(ctx context.Context, app string) error
	// Fleet opens what leads an app's agents; nil: there are none.
	Fleet OpenFleet
}

// Free returns how many bytes and files the file system that dir is on can still
// take, or [usage.Unlimited].
type Free func(dir string) (bytes, inodes int64, err error)

// App is one app, opened.
type App struct {
	Name  string // the directory's name
	Dir   string // its absolute path
	env   Env
	store *releases.Store

	opening sync.Mutex
	repo    *gitsrc.Repo // once somebody has asked for it
}

// RepoDir and ConfigFile are where an app keeps its source and its operator's
// configuration.
const (
	RepoDir    = "repo.git"
	ConfigFile = "repoint.toml"
	sharedDir  = "shared"
)

// CheckName says whether name may be an app's name: [a-z0-9][a-z0-9-]{0,62}.
func CheckName(name string) error {
	rest := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-")
	if rest == "" && len(name) >= 1 && len(name) <= 63 && name[0] != '-' {
		return nil
	}
	return fmt.Errorf("%q cannot be an app's name: use lower-case letters, digits and \"-\", at most 63", name)
}

// Open opens the app in dir, an absolute path. It changes nothing.
func Open(dir string, env Env) (*App, error) {
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Free == nil {
		env.Free = usage.Free
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

// Close lets go of the app's directory and its source.
func (a *App) Close() error {
	if a.repo != nil {
		a.repo.Close()
	}
	return a.store.Close()
}

// Store gives reading access to the app's releases.
func (a *App) Store() *releases.Store { return a.store }

// ErrNoSource means that an app has no source because it is an agent's: what it
// runs was built on the fleet's hub.
var ErrNoSource = errors.New("an agent's app has no source")

// Repo opens the app's source, once. The app closes it.
func (a *App) Repo() (*gitsrc.Repo, error) {
	a.opening.Lock()
	defer a.opening.Unlock()
	if a.repo != nil {
		return a.repo, nil
	}
	if a.ofAgent() {
		return nil, ErrNoSource
	}
	repo, err := gitsrc.Open(filepath.Join(a.Dir, RepoDir))
	if err == nil {
		a.repo = repo
	}
	return repo, err
}

// Config reads the operator's configuration, over the one that the commit
// carries when commit is not "".
func (a *App) Config(ctx context.Context, commit gitsrc.Hash) (config.Config, error) {
	if commit == "" {
		return a.configOver(func(config.Config) (config.Source, error) { return config.Source{}, nil })
	}
	return a.configOver(func(cfg config.Config) (config.Source, error) { return a.carried(ctx, commit, cfg.Subdir) })
}

// configOver lays the operator's configuration over the repository's, which may
// depend on the operator's.
func (a *App) configOver(repository func(config.Config) (config.Source, error)) (config.Config, error) {
	operator, err := a.operatorSource()
	if err != nil {
		return config.Config{}, err
	}
	cfg, err := config.Load(operator, config.Source{})
	if err != nil {
		return cfg, err
	}
	source, err := repository(cfg)
	if err != nil || len(source.Data) == 0 {
		return cfg, err
	}
	return config.Load(operator, source)
}

const maxConfig = 1 << 20

// carried is the configuration that a commit carries. One that the source lacks
// was built elsewhere, and has it in its release.
func (a *App) carried(ctx context.Context, commit gitsrc.Hash, subdir string) (config.Source, error) {
	path := filepath.Join(subdir, ConfigFile)
	repo, err := a.Repo()
	var data []byte
	if err == nil {
		data, _, err = repo.ReadFile(ctx, commit, path, maxConfig)
	}
	if errors.Is(err, gitsrc.ErrNotFound) || errors.Is(err, ErrNoSource) {
		if release, sealed, _ := a.store.Sealed(string(commit)); sealed {
			return fileIn(a.store.Path(release))
		}
	}
	return config.Source{Name: commit.Short() + ":" + path, Data: data}, err
}

func (a *App) operatorSource() (config.Source, error) {
	name := filepath.Join(a.Dir, ConfigFile)
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return config.Source{}, err
	}
	return config.Source{Name: name, Data: data}, nil
}
