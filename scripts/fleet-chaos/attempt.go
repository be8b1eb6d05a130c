package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"time"
)

// attempt is a push or a roll back, and what became of it.
type attempt struct {
	rules  rules
	commit string // that it is to make live; "" for one that repoint chooses
	before string // what was live before; "" for nothing
	back   bool   // it is a roll back

	killed bool // the process that deployed was
	status int  // exit status
	said   string
	took   time.Duration
}

func (a *attempt) String() string {
	what := fmt.Sprintf("the push of %.7s", a.commit)
	switch {
	case a.back && a.commit == "":
		what = "the roll back"
	case a.back:
		what = fmt.Sprintf("the roll back to %.7s", a.commit)
	}
	return fmt.Sprintf("%s, with %.7s live,", what, a.before)
}

// run runs it to its end. A deadly one has the process that deploys killed, after
// the given time.
func (a *attempt) run(cmd *exec.Cmd, deadly bool, after time.Duration) error {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the status says it
	}()
	if deadly {
		a.killed = killGitHook(cmd.Process.Pid, after, ended)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		return fmt.Errorf("%s has not ended within %s", a, patience)
	}
	a.status, a.said, a.took = cmd.ProcessState.ExitCode(), said.String(), time.Since(began)
	return nil
}

// check checks that the exit status and the link tell the same story.
func (a *attempt) check(w *world) error {
	live, err := linked(w.hub.app(), "current")
	moved := live == a.commit || a.commit == "" && live != a.before
	switch {
	case err != nil:
		return fmt.Errorf("after %s: %w", a, err)
	case !moved && live != a.before:
		return fmt.Errorf("%s exited %d, and %.7s is live", a, a.status, live)
	case !moved && a.status == 0:
		return fmt.Errorf("%s exited 0, and it is not live", a)
	case moved && a.status != 0 && !a.killed:
		return fmt.Errorf("%s exited %d, and it is live", a, a.status)
	case a.status != 0 || a.back || !a.rules.all:
		return nil
	}
	for _, agent := range w.agents {
		if has, err := linked(agent.app(), "current"); has != a.commit {
			return fmt.Errorf("%s exited 0 though it waits for all, and %s has %.7s live (%v)", a, agent.name, has, err)
		}
	}
	return nil
}

// killGitHook kills the process that deploys a push, some time after it has begun,
// and reports whether it did.
func killGitHook(push int, after time.Duration, ended <-chan struct{}) bool {
	hook, found := awaitGitHook(push, ended)
	if !found {
		return false
	}
	select {
	case <-ended:
		return false
	case <-time.After(after):
		return kill(hook) == nil
	}
}

// anyMoment is one of a time that something usually takes, or soon after.
func anyMoment(random *rand.Rand, usual time.Duration) time.Duration {
	return time.Duration(1.1 * random.Float64() * float64(usual))
}

// repair has repoint put right what a deploy that was killed has left.
func (w *world) repair(ctx context.Context) error {
	return quiet(w.command(ctx, w.exe, "status", app, "--apps", w.hub.apps))
}
