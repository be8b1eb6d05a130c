// Package demo tells the whole story on one machine: a real server, real
// pushes with git, a real site that is read while its releases change.
//
// It needs git and a shell. Everything lies in one temporary directory, which
// is removed at the end; no port, no user's configuration and no SSH program
// of the machine is used. An act that does not go as told is an error.
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
}

// Run tells the story. With Once it returns at its end, else when ctx ends.
func Run(ctx context.Context, o Options) error {
	w, err := newWorld(ctx, o)
	if err != nil {
		return fmt.Errorf("setting the demo up: %w", err)
	}
	defer w.close()
	for i, act := range acts {
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

var acts = []act{
	{"The first release", firstRelease},
	{"A second one, while visitors read the site", secondRelease},
	{"A commit whose build breaks: refused, nothing moves", brokenRelease},
	{"Going back, by pushing the older commit: nothing is built", goBack},
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
	if seen.failed != 0 || seen.pages["one"] == 0 {
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

// shows checks that visitors, the link and the branch all tell of the same
// commit.
func (w *world) shows(version string, commit gitsrc.Hash) error {
	got, err := w.site.read()
	if err != nil || got != version {
		return fmt.Errorf("the site shows %q (%v), not %q", got, err, version)
	}
	status, err := w.status()
	if err != nil {
		return err
	}
	if status.live != commit || status.branch != commit {
		return fmt.Errorf("the link is on %s and the branch on %s, not on %s", status.live.Short(), status.branch.Short(), commit.Short())
	}
	w.say("the site shows version %s; link and branch are on %s\n", got, commit.Short())
	return nil
}
