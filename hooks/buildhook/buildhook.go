// Package buildhook runs build hooks: the command lines that the operator or the repository
// wants run for a release, such as "npm ci".
//
// Each line is run by /bin/sh -e in the release's directory, in a session of its own, so no terminal can be
// asked for a password. Standard input is empty. The environment is exactly the one it is given (see Environ);
// nothing comes from the process that runs it, so git's own variables never reach a build.
// What the line prints arrives as plain text lines, without terminal sequences and without
// the secrets that a Masker knows.
//
// Run comes back. A line that takes too long, or whose deploy was canceled, gets SIGTERM, some time to
// end, and SIGKILL; then everything that carries the hook's mark in its environment is killed too,
// even if it left the session (setsid, double fork, nohup). A line that fails takes along whatever it left
// running in its session, so that nothing goes on writing into a tree that is about to be dropped.
// A line that succeeds may leave programs in the background; they lose their output when Run returns.
//
// If the process that called Run is killed, its build hooks go on. Whoever finds the remains calls StopStrays
// with the dead deploy's mark.
//
// What it does not do: a program that empties or overwrites its own environment cannot be found by the mark, and
// a build hook that runs as the same user as repoint can read and signal it. Another user (Account) is the wall.
// A service should be started by a service manager and not by a build hook, or a later timeout may stop it.
package buildhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	defaultGrace = 5 * time.Second
	// drainWait is how long a line's output is awaited after the line has ended.
	drainWait = time.Second
)

var errTimeout = errors.New("timeout")

// Hook says what to run, and how.
type Hook struct {
	// Phase names the kind of build hook, such as "build" or "after". It is only repeated in an Error.
	Phase string
	// Lines are run one after another until one fails. A line may be a whole script.
	Lines []string
	// Dir is where they run: an absolute path to a directory that the user of As can enter.
	Dir string
	// Env is the whole environment, KEY=VALUE, as Environ makes it. If it has no REPOINT_MARK, Run adds
	// a new one.
	Env []string
	// As is the user that runs the lines; nil is the user of this process.
	As *Account
	// Timeout is for all lines together; 0 is no limit.
	Timeout time.Duration
	// Grace is the time between SIGTERM and SIGKILL; 0 is 5 s.
	Grace time.Duration
	// Mask hides secrets in the output and in an Error; nil hides nothing.
	Mask *Masker
}

// Run runs the lines of h and stops at the first that fails.
//
// It calls line for every line of output (standard output and standard error in one stream): one call at a time,
// from another goroutine, never after Run has returned. A text is valid UTF-8 of at most 8 KiB, without
// control characters other than tab. While line blocks, so does the program once its pipe is full.
//
// A build hook that failed, took too long or was canceled is an *Error. When programs were left that could not
// be stopped, the error wraps the *Error and names them. Any other error means that a line could not be started.
// After the timeout or the end of ctx, Run takes at most about Grace and 1 s more; 10 s more than that
// if something cannot be killed.
func Run(ctx context.Context, h Hook, line func(string)) error {
	if len(h.Lines) == 0 {
		return nil
	}
	if err := h.check(); err != nil {
		return fmt.Errorf("running build hook %q: %w", h.Phase, err)
	}
	if h.Grace <= 0 {
		h.Grace = defaultGrace
	}
	r := run{Hook: h, line: line, mark: markOf(h.Env), began: time.Now()}
	if r.mark == "" {
		r.mark = rand.Text()
		r.Env = append(slices.Clone(h.Env), markPrefix+r.mark)
	}
	if h.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, h.Timeout, errTimeout)
		defer cancel()
	}
	for _, text := range h.Lines {
		if err := r.one(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// check finds what would only show as a puzzling error of the shell.
func (h Hook) check() error {
	if !filepath.IsAbs(h.Dir) {
		return fmt.Errorf("directory %q is not an absolute path", h.Dir)
	}
	info, err := os.Stat(h.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", h.Dir)
	}
	if h.As != nil {
		return h.As.allowed(os.Geteuid())
	}
	return nil
}

// run is one call of Run.
type run struct {
	Hook
	line  func(string)
	mark  string
	began time.Time
}

// one runs one line to its end, however it ends.
func (r *run) one(ctx context.Context, text string) error {
	if ctx.Err() != nil {
		return r.stopped(ctx, text)
	}
	p, err := start(r.Hook, text)
	if err != nil {
		return err
	}
	out := newOutput(r.Mask, r.line)
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		out.copy(p.out)
	}()

	var failed *Error
	select {
	case <-p.exited:
	case <-ctx.Done():
		failed = r.stopped(ctx, text)
		p.stop(r.Grace)
	}
	status, signal, err := p.reap()
	if failed == nil && (status != 0 || signal != "") {
		failed = r.failure(text)
	}
	if failed != nil {
		failed.Status, failed.Signal = status, signal
		err = errors.Join(err, r.sweep(failed, p))
	}
	p.endOutput(drainWait)
	<-copied
	if failed == nil {
		return err
	}
	failed.Tail = out.tail
	if err != nil {
		return fmt.Errorf("%w; %w", failed, err)
	}
	return failed
}

// sweep stops what a failed line left running: in its own session only if it failed by itself,
// everywhere if it was stopped.
func (r *run) sweep(failed *Error, p *process) error {
	session := p.pid()
	if failed.Timeout || failed.Canceled {
		session = anySession
	}
	_, err := stopMarked(r.mark, session)
	return err
}

func (r *run) stopped(ctx context.Context, text string) *Error {
	e := r.failure(text)
	e.Timeout = errors.Is(context.Cause(ctx), errTimeout)
	e.Canceled = !e.Timeout
	return e
}

func (r *run) failure(text string) *Error {
	return &Error{Phase: r.Phase, Line: r.Mask.Mask(text), After: time.Since(r.began)}
}

// markOf returns the mark in env, or "". Of several the last counts, as it does for a started process.
func markOf(env []string) string {
	for _, entry := range slices.Backward(env) {
		if mark, ok := strings.CutPrefix(entry, markPrefix); ok {
			return mark
		}
	}
	return ""
}
