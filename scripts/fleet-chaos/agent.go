package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// diskOptions are of the tmpfs that each agent has its apps on.
const diskOptions = "size=64m,mode=0755"

// agentConfig is what the operator of an agent's machine has written down: old
// releases go soon, so that the disk is only full when a fault fills it.
const agentConfig = `[retention]
schedule = "* * * * *"
keep = 3
grace = "1m"
min_free = "0"
log_keep = 50
`

// agent is a machine that runs the app.
type agent struct {
	daemon
	w     *world
	apps  string        // where its disk is mounted; "" until it is
	port  int           // its number in the network
	clock *clock        // of the program that runs, or ran last
	off   time.Duration // how far the machine's clock is off
}

// newAgent makes the machine. What was made is there for close even if the rest fails.
func (w *world) newAgent(name string) (*agent, error) {
	a := &agent{w: w, daemon: daemon{name: name, log: filepath.Join(w.dir, name+".log")}}
	a.launch = a.boot
	w.agents = append(w.agents, a)
	var err error
	if a.port, err = w.net.plug(); err != nil {
		return a, err
	}
	apps := filepath.Join(w.dir, name)
	if err := os.Mkdir(apps, 0o755); err != nil {
		return a, err
	}
	if err := unix.Mount("tmpfs", apps, "tmpfs", 0, diskOptions); err != nil {
		return a, fmt.Errorf("mounting a tmpfs for %s: %w", name, err)
	}
	a.apps = apps
	return a, nil
}

func (a *agent) app() string { return filepath.Join(a.apps, app) }

// boot starts the program on the machine's network, with the machine's clock.
func (a *agent) boot(cmd *exec.Cmd) error {
	a.clock.close()
	return a.w.net.inside(a.port, func() error {
		c, err := startClock(cmd)
		if err != nil {
			return err
		}
		a.clock = c
		return c.set(a.off)
	})
}

// join has the agent join the fleet, and then run.
func (a *agent) join(ctx context.Context, token string) error {
	err := a.start(a.w.env(), a.w.exe, "agent", "--apps", a.apps, "--hub", "tls://"+a.w.hub.address(), "--name", a.name, "--join", token)
	if err != nil {
		return err
	}
	joined := func() bool {
		_, err := os.Stat(filepath.Join(a.app(), memoryFile))
		return err == nil || !a.runs()
	}
	if !await(ctx, patience, joined) || !a.runs() {
		return fmt.Errorf("%s has not joined: %s", a.name, a.said())
	}
	return os.WriteFile(filepath.Join(a.app(), "repoint.toml"), []byte(agentConfig), 0o644)
}

// again starts an agent that has joined.
func (a *agent) again() error { return a.start(a.w.env(), a.w.exe, "agent", "--apps", a.apps) }

func (a *agent) kill() error   { return a.daemon.kill() }
func (a *agent) freeze() error { return a.signal(syscall.SIGSTOP) }
func (a *agent) thaw() error   { return a.signal(syscall.SIGCONT) }

func (a *agent) cut() error  { return a.w.net.cut(a.port) }
func (a *agent) mend() error { return a.w.net.mend(a.port) }

// skew moves the agent's clock.
func (a *agent) skew(off time.Duration) error {
	a.off = off
	return a.clock.set(off)
}

// fill leaves no room on the agent's disk, free makes it again.
func (a *agent) fill() error {
	f, err := os.OpenFile(a.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("filling the disk of %s: %w", a.name, err)
	}
	return nil
}

func (a *agent) free() error { return os.Remove(a.ballast()) }

func (a *agent) ballast() string { return filepath.Join(a.apps, "ballast") }

// close ends the agent and takes its disk away.
func (a *agent) close(keep bool) (err error) {
	if a.runs() {
		err = a.kill()
	}
	a.clock.close()
	if a.apps != "" && !keep {
		err = errors.Join(err, unix.Unmount(a.apps, unix.MNT_DETACH))
	}
	return err
}
