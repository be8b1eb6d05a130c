package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// world is all that the rounds happen in, in one directory.
type world struct {
	dir     string
	exe     string // repoint
	work    string // the pusher's repository
	commits []commit
	app     string // the app's directory; "" when a new one is due
	apps    int    // how many there were
	next    int    // index of the first commit that was not pushed to the app yet
	usual   map[kind]time.Duration
}

// newWorld builds repoint and makes what is to be pushed. The process becomes
// the parent of everything that loses its own, so that no process that a kill
// leaves behind is overlooked.
func newWorld(ctx context.Context) (*world, error) {
	dir, err := os.MkdirTemp("", "repoint-torture-")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, exe: filepath.Join(dir, "repoint"), work: filepath.Join(dir, "work"), usual: map[kind]time.Duration{}}
	if err := w.prepare(ctx); err != nil {
		w.close(false)
		return nil, err
	}
	return w, nil
}

func (w *world) prepare(ctx context.Context) error {
	for _, dir := range []string{w.work, filepath.Join(w.dir, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", w.exe, "repoint/cmd/repoint")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", build, err, out)
	}
	var err error
	if w.commits, err = makeCommits(ctx, w.git); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the parent of lost processes: %w", err)
	}
	return w.newApp(ctx)
}

// room reports whether the app is fit for another round, which pushes at most
// two new commits.
func (w *world) room() bool { return w.app != "" && w.next+2 <= len(w.commits) }

// newApp makes an app in place of the last one, with two releases, and learns
// how long things take there when nothing kills them.
func (w *world) newApp(ctx context.Context) error {
	if w.app != "" {
		if err := os.RemoveAll(filepath.Dir(w.app)); err != nil {
			return err
		}
	}
	w.apps++
	w.app = filepath.Join(w.dir, fmt.Sprintf("apps-%d", w.apps), "blog")
	if err := os.Mkdir(filepath.Dir(w.app), 0o755); err != nil {
		return err
	}
	out, err := w.command(ctx, w.exe, "init", w.app).CombinedOutput()
	if err != nil {
		return fmt.Errorf("repoint init: %w: %s", err, out)
	}
	w.next = 3
	for _, step := range []struct {
		kind kind
		try  try
	}{
		{"", w.push(w.commits[0], "main")}, {push, w.push(w.commits[1], "main")}, {push, w.push(w.commits[2], "main")},
		{goBack, w.push(w.commits[1], "+main")}, {rollback, w.rollback()}, {goBack, w.push(w.commits[0], "deploy/live")},
		{recovery, w.status()},
	} {
		ended := w.start(ctx, step.try).wait()
		if ended.status != 0 {
			return fmt.Errorf("%s exited %d: %s", step.try, ended.status, ended.said)
		}
		w.took(step.kind, ended.took)
	}
	return nil
}

// took learns how long something usually takes.
func (w *world) took(k kind, d time.Duration) {
	if w.usual[k] == 0 {
		w.usual[k] = d
	}
	w.usual[k] = (3*w.usual[k] + d) / 4
}

// spoil gives the app up after a round that failed, and keeps it if wanted.
func (w *world) spoil(number int, keep bool) {
	if keep {
		kept := filepath.Join(w.dir, fmt.Sprintf("failed-in-round-%d", number))
		if err := os.Rename(filepath.Dir(w.app), kept); err == nil {
			fmt.Printf("kept: %s\n", kept)
		}
	}
	w.next = len(w.commits)
}

func (w *world) close(keep bool) {
	if left := adopted(); len(left) > 0 {
		killAll(left)
	}
	if !keep {
		if err := os.RemoveAll(w.dir); err != nil {
			fmt.Fprintf(os.Stderr, "warning: %v\n", err)
		}
	}
}

// push is a push of a commit to a ref, with "+" for one by force.
func (w *world) push(c commit, ref string) try {
	refspec := c.id + ":refs/" + ref
	if branch, force := strings.CutPrefix(ref, "+"); force || branch == "main" {
		refspec = c.id + ":refs/heads/" + branch
		if force {
			refspec = "+" + refspec
		}
	}
	return try{"git", "push", filepath.Join(w.app, "repo.git"), refspec}
}

func (w *world) rollback() try { return try{w.exe, "rollback", w.app} }

func (w *world) status() try { return try{w.exe, "status", w.app, "--json"} }

func (w *world) git(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := w.command(ctx, "git", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %w: %s", args[0], err, exit.Stderr)
	}
	return string(out), err
}

// command is a program in the pusher's repository with nobody's configuration.
func (w *world) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = w.work
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(w.dir, "home"), "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Tor", "GIT_AUTHOR_EMAIL=tor@example.com",
	}
	return cmd
}
