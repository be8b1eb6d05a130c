package reload

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// grace is the time between SIGTERM and SIGKILL.
	grace = 2 * time.Second
	// killWait is how long a process has to vanish after SIGKILL.
	killWait = 5 * time.Second
	// drainWait is how long output is awaited after the program has ended; a child of it may hold it open.
	drainWait = time.Second
	// maxLine is the longest line of output kept, in bytes.
	maxLine = 4 << 10
)

// errStays is a program that hangs in the kernel.
var errStays = errors.New("could not be killed")

// program is one program to run: no shell, no terminal, nothing to read, a session of its own.
type program struct {
	path  string
	args  []string
	env   []string
	grace time.Duration
}

// run runs it to its end and hands on each line that it prints, errors too. The failure holds its status and its
// last line.
func (p program) run(ctx context.Context, line func(string)) error {
	name := filepath.Base(p.path)
	if ctx.Err() != nil {
		return fmt.Errorf("%s was not started: %w", name, context.Cause(ctx))
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe for the output of %s: %w", name, err)
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Dir = p.env, "/"
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	began := time.Now()
	err = cmd.Start()
	write.Close()
	if err != nil {
		read.Close()
		return fmt.Errorf("starting %s: %w", name, err)
	}
	last, copied := "", make(chan struct{})
	go func() {
		defer close(copied)
		last = copyLines(read, line)
	}()

	exited := watch(cmd.Process.Pid)
	var stopped error
	select {
	case <-exited:
	case <-ctx.Done():
		stopped = fmt.Errorf("stopped after %s: %w", round(time.Since(began)), context.Cause(ctx))
		stop(cmd.Process.Pid, exited, p.grace)
	}
	err = reap(cmd, exited)
	_ = read.SetReadDeadline(time.Now().Add(drainWait)) // a pipe always takes a deadline
	<-copied
	return p.failure(stopped, err, last)
}

// failure is the error of a program that was stopped, or ended badly, or both; nil if neither. Of one that
// was stopped it matters only that it could not be.
func (p program) failure(stopped, ended error, last string) error {
	err := ended
	switch {
	case stopped != nil && errors.Is(ended, errStays):
		err = fmt.Errorf("%w, but %w", stopped, ended)
	case stopped != nil:
		err = stopped
	case ended == nil:
		return nil
	}
	if last != "" {
		return fmt.Errorf("%s %w: %s", filepath.Base(p.path), err, last)
	}
	return fmt.Errorf("%s %w", filepath.Base(p.path), err)
}

// watch returns a channel that is closed when the process has ended. It stays a zombie until reap, so that its id, which
// is also its group's, cannot come to mean somebody else's process.
func watch(pid int) <-chan struct{} {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		}
	}()
	return exited
}

// stop ends a process group: SIGTERM, up to grace for its leader to end, SIGKILL. Errors of kill do not matter: the group is
// there, as its leader is not reaped.
func stop(pid int, exited <-chan struct{}, grace time.Duration) {
	_ = unix.Kill(-pid, unix.SIGTERM)
	select {
	case <-exited:
	case <-time.After(grace):
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
	select {
	case <-exited:
	case <-time.After(killWait):
	}
}

// reap tells how a program ended, if not well. From here on its id is no longer ours.
func reap(cmd *exec.Cmd, exited <-chan struct{}) error {
	select {
	case <-exited:
	default:
		go cmd.Wait() // so that it does not stay a zombie when it ends after all
		return errStays
	}
	if err := cmd.Wait(); cmd.ProcessState == nil {
		return fmt.Errorf("was lost: %w", err)
	}
	wait := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case wait.Signaled():
		return errors.New("was ended by " + unix.SignalName(wait.Signal()))
	case wait.ExitStatus() != 0:
		return fmt.Errorf("exited %d", wait.ExitStatus())
	}
	return nil
}

// copyLines reads to the end, or to the deadline, and returns the last line that says something; systemctl ends by
// advice where to look, which does not.
func copyLines(from *os.File, line func(string)) (last string) {
	defer from.Close()
	reader := bufio.NewReaderSize(from, maxLine)
	for rest := false; ; {
		raw, cut, err := reader.ReadLine()
		if err != nil {
			return last
		}
		if !rest {
			text := printable(string(raw))
			if said := strings.TrimSpace(text); said != "" && !strings.HasPrefix(said, "See ") {
				last = said
			}
			line(text)
		}
		rest = cut
	}
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
