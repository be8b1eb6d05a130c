package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/releases"
)

// appsDir is where apps are looked for by name.
func (p *program) appsDir() (string, error) {
	dir := p.apps
	if dir == "" {
		dir = p.getenv("REPOINT_APPS")
	}
	if dir == "" && os.Geteuid() == 0 {
		dir = "/srv"
	}
	if dir == "" {
		data := p.getenv("XDG_DATA_HOME")
		if data == "" {
			data = filepath.Join(p.getenv("HOME"), ".local", "share")
		}
		dir = filepath.Join(data, "repoint")
	}
	return filepath.Abs(dir)
}

// appDir turns what was typed for APP into a directory: a path when it looks
// like one, else a name under the apps directory.
func (p *program) appDir(app string) (string, error) {
	if strings.Contains(app, "/") || app == "." || app == ".." {
		return filepath.Abs(app)
	}
	if err := deploy.CheckName(app); err != nil {
		return "", usageError{err}
	}
	apps, err := p.appsDir()
	return filepath.Join(apps, app), err
}

// open opens the app that was typed. What its opening repaired is said.
func (p *program) open(ctx context.Context, app string) (*deploy.App, error) {
	dir, err := p.appDir(app)
	if err != nil {
		return nil, err
	}
	opened, err := deploy.Open(dir, p.env())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hintedError{fmt.Errorf("there is no app %s: %w", app, deploy.ErrNotFound), "make it with: repoint init " + dir + p.didYouMean(app)}
	case errors.Is(err, releases.ErrNotAnApp):
		return nil, hintedError{err, "make it one with: repoint init " + dir}
	case err != nil:
		return nil, err
	}
	notes, err := opened.Tidy(ctx)
	for _, note := range notes {
		fmt.Fprintf(p.stderr, "warning: %s\n", note)
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return opened, nil
}

// withApp opens the app that was typed, for as long as do runs.
func (p *program) withApp(ctx context.Context, app string, do func(*deploy.App) error) error {
	opened, err := p.open(ctx, app)
	if err != nil {
		return err
	}
	defer opened.Close()
	return do(opened)
}

func (p *program) didYouMean(app string) string {
	names, err := p.appNames()
	if err != nil || len(names) == 0 {
		return ""
	}
	return "; there are: " + strings.Join(names, ", ")
}

// appNames lists the apps under the apps directory.
func (p *program) appNames() ([]string, error) {
	dir, err := p.appsDir()
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", ".repoint", "seals"))
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, path := range found {
		name := filepath.Base(filepath.Dir(filepath.Dir(path)))
		if deploy.CheckName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// completeApp completes APP, and then release hashes when releases is set.
func (p *program) completeApp(withReleases bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			names, _ := p.appNames()
			return names, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) > 1 || !withReleases {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return p.releaseNames(cmd.Context(), args[0]), cobra.ShellCompDirectiveNoFileComp
	}
}

func (p *program) releaseNames(ctx context.Context, app string) (names []string) {
	opened, err := p.open(ctx, app)
	if err != nil {
		return nil
	}
	defer opened.Close()
	views, _ := opened.Releases()
	for _, view := range views {
		if view.Built != nil {
			names = append(names, view.Commit[:12]+"\t"+view.Subject)
		}
	}
	return names
}

// actor is who asks: a key's name when a server says so, else the system user.
func (p *program) actor() string {
	if name := p.getenv("REPOINT_ACTOR"); name != "" {
		return name
	}
	if current, err := user.Current(); err == nil {
		return current.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// via is how the request came: what a server says, else the given way.
func (p *program) via(way string) string {
	if via := p.getenv("REPOINT_VIA"); via != "" {
		return via
	}
	return way
}
