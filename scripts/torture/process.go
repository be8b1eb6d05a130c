package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a program may take that should take a moment.
const patience = 60 * time.Second

// A try is a command line that is run once.
type try []string

func (t try) String() string { return filepath.Base(t[0]) + " " + strings.Join(t[1:], " ") }

// running is a try under way, in a process group of its own.
type running struct {
	pid   int // 0 when it could not be started
	began time.Time
	done  chan struct{}
	end   ending
}

// ending is how a try ended.
type ending struct {
	status int // 128 and the signal's number when it was killed
	took   time.Duration
	said   string
	stdout []byte
}

func (w *world) start(ctx context.Context, t try) *running {
	r := &running{began: time.Now(), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, patience)
	var out, talk bytes.Buffer
	cmd := w.command(ctx, t[0], t[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &talk
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Start()
	if err != nil {
		cancel()
		r.end = ending{status: -1, said: err.Error()}
		close(r.done)
		return r
	}
	r.pid = cmd.Process.Pid
	go func() {
		defer close(r.done)
		defer cancel()
		err := cmd.Wait()
		r.end = ending{took: time.Since(r.began), said: talk.String(), stdout: out.Bytes()}
		r.end.status = exitStatus(cmd.ProcessState)
		if r.end.status == 0 && err != nil || ctx.Err() != nil {
			r.end.status, r.end.said = -1, fmt.Sprintf("%s(did not end within %s: %v)", r.end.said, patience, err)
		}
	}()
	return r
}

func exitStatus(p *os.ProcessState) int {
	if ws, ok := p.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return p.ExitCode()
}

func (r *running) wait() ending {
	<-r.done
	return r.end
}

// endsBefore waits until the moment d after the start, and reports whether the
// try has ended by then.
func (r *running) endsBefore(d time.Duration) bool {
	timer := time.NewTimer(d - time.Since(r.began))
	defer timer.Stop()
	select {
	case <-r.done:
		return true
	case <-timer.C:
		return false
	}
}

// gone waits for the end, and until the kernel is done with what was killed: a
// process that waits for the disk is there until the disk has answered, and one
// that was just being forked still is a repoint, with the app's lock, until it
// has become the program it was meant to be.
func (w *world) gone(r *running) ending {
	ended := r.wait()
	if r.pid == 0 {
		return ended
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		halfBorn := slices.ContainsFunc(adopted(), func(pid int) bool {
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			return exe == w.exe
		})
		if !halfBorn && errors.Is(syscall.Kill(-r.pid, 0), syscall.ESRCH) {
			return ended
		}
	}
	ended.said += fmt.Sprintf("(its processes were still there after %s)", patience)
	return ended
}

// kill kills the git hook beneath the try. When there is none, or group is
// asked for, it kills the try's process group, which has the git hook too but
// not what the git hook runs.
func (r *running) kill(group bool) {
	if !group {
		if hook, found := gitHook(r.pid); found && syscall.Kill(hook, syscall.SIGKILL) == nil {
			return
		}
	}
	_ = syscall.Kill(-r.pid, syscall.SIGKILL) // fails only when it has ended
}

// gitHook finds the process of the git hook beneath pid. Until the script of
// that name has turned into repoint it is called like the script.
func gitHook(pid int) (int, bool) {
	for _, child := range children(pid) {
		switch name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); strings.TrimSpace(string(name)) {
		case "repoint", "proc-receive":
			return child, true
		}
		if hook, found := gitHook(child); found {
			return hook, true
		}
	}
	return 0, false
}

func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// adopted reaps the dead and returns the living among the processes that a
// kill has left without a parent, and their descendants. It may only be called
// while no try is running.
func adopted() (alive []int) {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			break
		}
	}
	queue := children(os.Getpid())
	for len(queue) > 0 {
		alive = append(alive, queue[0])
		queue = append(queue[1:], children(queue[0])...)
	}
	return alive
}

// ofBuild keeps the processes that a build hook has started.
func ofBuild(pids []int) []int {
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		return !bytes.Contains(environ, []byte("\x00REPOINT_MARK="))
	})
}

// awaitOrphans waits until nothing is left of what was killed. Programs that a
// killed repoint had started end by themselves, at the end of their input.
func awaitOrphans(limit time.Duration) (left []int) {
	for deadline := time.Now().Add(limit); ; {
		left = adopted()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(time.Millisecond)
	}
}

// describe says what processes are.
func describe(pids []int) string {
	var names []string
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		names = append(names, fmt.Sprintf("%d %q", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return strings.Join(names, ", ")
}

func killAll(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	awaitOrphans(time.Second)
}
