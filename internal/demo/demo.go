// Package demo tells the whole story on one machine: a real server, real
// pushes with git, a real site that is read while its releases change. With a
// fleet, the machines are agents in the demo's own process, and each has the site.
//
// It needs git and a shell. Everything lies in one temporary directory, which
// is removed at the end; no fixed port, no user's configuration and no SSH
// program of the machine is used. An act that does not go as told is an error.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rs/zerolog"
	"repoint/deploy"
	"repoint/gitsrc"
)

// Options say how the demo runs.
type Options struct {
	Exe    string              // repoint's own binary, absolute: git hook and SSH program
	Env    deploy.Env          // what deploys take from the process
	Getenv func(string) string // for PATH and TMPDIR
	Out    io.Writer           // the story
	Log    zerolog.Logger      // the server's log
	Once   bool                // end after the story instead of staying up
	Fleet  int                 // how many machines run the site for the server; 0: it does itself
}

// Run tells the story. With Once it returns at its end, else when ctx ends.
func Run(ctx context.Context, o Options) error {
	w, err := newWorld(ctx, o)
	if err != nil {
		return fmt.Errorf("setting the demo up: %w", err)
	}
	defer w.close()
	for i, act := range acts(o) {
		w.say("\n=== %d. %s\n", i+1, act.title)
		if err := act.play(ctx, w); err != nil {
			return fmt.Errorf("act %d, %q, did not go as told: %w", i+1, act.title, err)
		}
	}
	w.sayWhere()
	if o.Once {
		return nil
	}
	w.say("\nPress Ctrl-C to end; everything above is removed then.\n")
	<-ctx.Done()
	return nil
}

type act struct {
	title string
	play  func(ctx context.Context, w *world) error
}

func acts(o Options) []act {
	if o.Fleet > 0 {
		return fleetActs(o.Fleet)
	}
	return []act{
		{"The first release", firstRelease},
		{"A second one, while visitors read the site", secondRelease},
		{"A commit whose build breaks: refused, nothing moves", brokenRelease},
		{"Going back, by pushing the older commit: nothing is built", goBack},
	}
}

func firstRelease(ctx context.Context, w *world) (err error) {
	if w.first, err = w.commit(ctx, "Hello, one", page("one")); err != nil {
		return err
	}
	if err := w.pushes(ctx, 0, "main"); err != nil {
		return err
	}
	return w.shows("one", w.first)
}

func secondRelease(ctx context.Context, w *world) (err error) {
	if w.second, err = w.commit(ctx, "Hello, two", page("two")); err != nil {
		return err
	}
	visitors := w.site.visit()
	err = w.pushes(ctx, 0, "main")
	seen := visitors.leave()
	if err != nil {
		return err
	}
	w.say("visitors: %d requests meanwhile, %d failed, %d saw the old page, %d the new one\n",
		seen.requests, seen.failed, seen.pages["one"], seen.pages["two"])
	if seen.pages["one"] == 0 || seen.pages["one"]+seen.pages["two"] != seen.requests {
		return fmt.Errorf("visitors saw %+v", seen)
	}
	return w.shows("two", w.second)
}

func brokenRelease(ctx context.Context, w *world) error {
	if _, err := w.commit(ctx, "Break the build", map[string]string{"build.sh": brokenBuild}); err != nil {
		return err
	}
	if err := w.pushes(ctx, 1, "main"); err != nil {
		return err
	}
	if !strings.Contains(w.said, "[remote rejected]") || !strings.Contains(w.said, "build failed") {
		return errors.New("git did not say why")
	}
	return w.shows("two", w.second)
}

func goBack(ctx context.Context, w *world) error {
	if err := w.pushes(ctx, 0, "--force", string(w.first)+":main"); err != nil {
		return err
	}
	if strings.Contains(w.said, "Build") {
		return errors.New("something was built")
	}
	return w.shows("one", w.first)
}

// shows checks that all pages, the link and the branch all tell of the same
// commit.
func (w *world) shows(version string, commit gitsrc.Hash) error {
	for _, page := range w.site.pages {
		got, err := read(page)
		if err != nil || got != version {
			return fmt.Errorf("%s shows %q (%v), not %q", page, got, err, version)
		}
	}
	status, err := w.status()
	if err != nil {
		return err
	}
	if status.live != commit || status.branch != commit {
		return fmt.Errorf("the link is on %s and the branch on %s, not on %s", status.live.Short(), status.branch.Short(), commit.Short())
	}
	w.say("%s; link and branch are on %s\n", w.showing(version), commit.Short())
	return nil
}
