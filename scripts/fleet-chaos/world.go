package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// app is what the app is called, everywhere.
const app = "blog"

// patience is how long a program may take that should take a moment.
const patience = 2 * time.Minute

// world is all that the faults happen in, in one directory.
type world struct {
	dir    string
	exe    string // repoint
	net    *network
	hub    *hub
	agents []*agent
	pusher *pusher
	tally  *tally
	within time.Duration // how long after a fault all may take to be as they should be
}

// newWorld builds repoint, and starts a hub and agents with one release live. What
// was made is there for close even if the rest fails.
func newWorld(ctx context.Context, o options) (*world, error) {
	w := &world{tally: newTally(), within: o.within}
	dir, err := os.MkdirTemp("", "repoint-fleet-chaos-")
	if err != nil {
		return w, err
	}
	w.dir, w.exe = dir, filepath.Join(dir, "repoint")
	if err := os.Mkdir(filepath.Join(dir, "home"), 0o755); err != nil {
		return w, err
	}
	if err := quiet(exec.CommandContext(ctx, "go", "build", "-o", w.exe, "repoint/cmd/repoint")); err != nil {
		return w, err
	}
	if w.net, err = newNetwork(); err != nil {
		return w, err
	}
	w.hub = w.newHub()
	w.pusher = w.newPusher(o.seed)
	if err := w.startAll(ctx, o.agents); err != nil {
		return w, fmt.Errorf("before the first fault: %w", err)
	}
	return w, nil
}

func (w *world) startAll(ctx context.Context, agents int) error {
	if err := w.hub.create(ctx); err != nil {
		return err
	}
	if err := w.hub.serve(ctx); err != nil {
		return err
	}
	token, err := w.hub.token(ctx, agents)
	if err != nil {
		return err
	}
	for i := range agents {
		a, err := w.newAgent(fmt.Sprintf("web-%d", i+1))
		if err == nil {
			err = a.join(ctx, token)
		}
		if err != nil {
			return err
		}
	}
	if err := w.pusher.begin(ctx); err != nil {
		return err
	}
	return w.hub.copyStore(ctx)
}

// run has the faults happen, with a pusher and readers beside them.
func (w *world) run(ctx context.Context, o options) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var all sync.WaitGroup
	beside := func(do func(context.Context) error) {
		all.Go(func() {
			if err := do(ctx); err != nil {
				fail(fmt.Errorf("during %s: %w", w.tally.current(), err))
			}
		})
	}
	for _, watcher := range w.watchers() {
		beside(watcher.run)
	}
	beside(w.pusher.run)
	err := w.breakAndHeal(ctx, o)
	if err == nil {
		w.pusher.end()
		err = w.checkEnd(ctx)
	}
	if first := context.Cause(ctx); first != nil {
		err = first
	}
	fail(err)
	all.Wait()
	return err
}

// env is a program's environment, with nobody's configuration.
func (w *world) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(w.dir, "home"), "TMPDIR=" + w.dir, "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Cha", "GIT_AUTHOR_EMAIL=cha@example.com", "GIT_COMMITTER_NAME=Cha", "GIT_COMMITTER_EMAIL=cha@example.com",
	}
}

// command is a program that ends by itself, out of reach of the terminal's Ctrl-C.
func (w *world) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = w.dir, w.env()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	return cmd
}

// shown is how many agents' logs are shown when something is wrong.
const shown = 5

// details is what the logs end with, of the first agents that an error names.
func (w *world) details(wrong error) string {
	var text strings.Builder
	if w.pusher != nil {
		text.WriteString(w.pusher.last())
	}
	if w.hub != nil {
		text.WriteString(w.hub.tail())
	}
	named := slices.DeleteFunc(slices.Clone(w.agents), func(a *agent) bool {
		return !regexp.MustCompile(`\b` + a.name + `\b`).MatchString(wrong.Error())
	})
	for _, a := range named[:min(shown, len(named))] {
		text.WriteString(a.tail())
	}
	return text.String()
}

// close ends and removes all of it; with keep the directory and its mounts stay.
func (w *world) close(keep bool) {
	var err error
	if w.hub != nil && w.hub.runs() {
		err = w.hub.kill()
	}
	for _, a := range w.agents {
		err = errors.Join(err, a.close(keep))
	}
	if w.exe != "" {
		err = errors.Join(err, endAll(w.exe))
	}
	if w.net != nil {
		err = errors.Join(err, w.net.close())
	}
	if keep {
		fmt.Printf("kept: %s\n", w.dir)
	} else if w.dir != "" {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "warning: %v\n", err)
	}
}

// endAll kills what still runs of a program, such as what a deploy leaves to do
// to a process of its own, until there is nothing.
func endAll(exe string) error {
	some := func() (found bool) {
		all, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, link := range all {
			if target, _ := os.Readlink(link); target == exe {
				found = true
				_ = kill(filepath.Base(filepath.Dir(link))) // it may have ended
			}
		}
		return found
	}
	if !await(context.Background(), stopWithin, func() bool { return !some() }) {
		return fmt.Errorf("some of %s still run", exe)
	}
	return nil
}
