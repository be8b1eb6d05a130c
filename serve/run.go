package serve

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopGrace is the time between TERM and KILL.
const stopGrace = 5 * time.Second

// client is what is at the other side of a child.
type client struct {
	in          io.Reader // read only by a child with input; its end or failure is the end of that
	out, errout io.Writer // for one writer each
}

// tornError says that the input of a child that needs all of it broke off.
type tornError struct{ cause error }

func (e *tornError) Error() string { return "the input broke off: " + e.cause.Error() }
func (e *tornError) Unwrap() error { return e.cause }

// run runs the child between the client's streams and returns its exit
// status; 128 and the signal's number when a signal ended it. When gone is
// closed, a child that keeps going loses its input and talks to nobody; any
// other is stopped, with all its process group. So is one that needs its whole
// input when that breaks off, which is a tornError.
func (p child) run(client client, gone <-chan struct{}) (status int, err error) {
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipes, err := p.connect(cmd, client)
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", p.argv[0], err)
	}
	err = cmd.Start()
	pipes.closeTheirs()
	if err != nil {
		pipes.closeOurs()
		return 0, fmt.Errorf("starting %s: %w", p.argv[0], err)
	}
	exited := make(chan struct{})
	pipes.forward(exited)
	var watch sync.WaitGroup
	if !p.keeps {
		watch.Go(func() { stopWhen(gone, exited, cmd.Process.Pid) })
	}
	watch.Go(func() { stopWhen(pipes.torn, exited, cmd.Process.Pid) })
	// The process is reaped only after the watch has ended: until then its
	// number, and that of its group, cannot be somebody else's.
	awaitExit(cmd.Process.Pid)
	close(exited)
	watch.Wait()
	err = cmd.Wait()
	pipes.drain()
	if cause := pipes.tornBy(); cause != nil {
		return 0, &tornError{cause}
	}
	if cmd.ProcessState == nil {
		return 0, fmt.Errorf("waiting for %s: %w", p.argv[0], err)
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

func awaitExit(pid int) {
	for {
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func stopWhen(gone, exited <-chan struct{}, pid int) {
	select {
	case <-exited:
		return
	case <-gone:
	}
	syscall.Kill(-pid, syscall.SIGTERM) // fails only when the group is gone
	if !waited(exited, stopGrace) {
		syscall.Kill(-pid, syscall.SIGKILL)
	}
}
