package buildhook

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killWait is how long processes have to vanish after SIGKILL.
const killWait = 5 * time.Second

// process is one command line that runs: a shell that leads its own session and process group, and the
// pipe that its output comes through.
type process struct {
	cmd *exec.Cmd
	out *os.File
	// exited is closed when the shell has ended. It stays a zombie until reap, so that its id, which is also
	// the group's, cannot come to mean somebody else's process.
	exited chan struct{}
}

// start starts one command line of h. The caller must call reap and then endOutput.
func start(h Hook, text string) (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the output of %q: %w", short(text), err)
	}
	defer write.Close()
	cmd := exec.Command("/bin/sh", "-e", "-c", "--", text)
	cmd.Dir, cmd.Env = h.Dir, h.Env
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.As.credential()}
	if err := cmd.Start(); err != nil {
		read.Close()
		hint := ""
		if h.As != nil && errors.Is(err, unix.EACCES) {
			hint = fmt.Sprintf(" (can user %q enter that directory?)", h.As.Name)
		}
		return nil, fmt.Errorf("starting %q in %s: %w%s", short(text), h.Dir, err, hint)
	}
	p := &process{cmd: cmd, out: read, exited: make(chan struct{})}
	go p.watch()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) watch() {
	defer close(p.exited)
	for {
		err := unix.Waitid(unix.P_PID, p.pid(), nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// stop ends the process group: SIGTERM, up to grace for all of it to end, SIGKILL, up to killWait for
// the shell to be gone.
// Errors of kill do not matter: the group is there, as its leader is not reaped, and what
// a signal did not reach is found by its mark afterwards.
func (p *process) stop(grace time.Duration) {
	_ = unix.Kill(-p.pid(), unix.SIGTERM)
	p.awaitGroup(grace)
	_ = unix.Kill(-p.pid(), unix.SIGKILL)
	select {
	case <-p.exited:
	case <-time.After(killWait):
	}
}

// awaitGroup returns when nobody in the group runs any more, or after grace. The shell often ends at
// once, while the program it ran still tidies up.
func (p *process) awaitGroup(grace time.Duration) {
	end := time.NewTimer(grace)
	defer end.Stop()
	select {
	case <-p.exited:
	case <-end.C:
		return
	}
	for pause := 5 * time.Millisecond; groupRuns(p.pid()); pause = min(2*pause, 200*time.Millisecond) {
		select {
		case <-time.After(pause):
		case <-end.C:
			return
		}
	}
}

// reap tells how the shell ended. From here on its id is no longer ours. It is an error if it has not ended: it
// hangs in the kernel, or has become a program of another user (sudo).
func (p *process) reap() (status int, signal string, err error) {
	select {
	case <-p.exited:
	default:
		go p.cmd.Wait() // so that it does not stay a zombie
		return 0, "", fmt.Errorf("process %d could not be stopped", p.pid())
	}
	err = p.cmd.Wait()
	if p.cmd.ProcessState == nil {
		return 0, "", fmt.Errorf("waiting for process %d: %w", p.pid(), err)
	}
	wait := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if wait.Signaled() {
		return 0, unix.SignalName(wait.Signal()), nil
	}
	return wait.ExitStatus(), "", nil
}

// endOutput lets readers of the output go on for wait at most; after that they see an error.
func (p *process) endOutput(wait time.Duration) {
	_ = p.out.SetReadDeadline(time.Now().Add(wait)) // a pipe always takes a deadline
}
