package deploy

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"repoint/releases"
)

// Until the next deploy has written its name into the lock, the last one's
// stands there: whatever process has its number by now is left alone.
func TestCancelKnowsTheDeploysThatEnded(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, "")
	a.mustDeploy(Request{Action: Live, Commit: a.commit("", files(0)), Ref: "main"})
	app, err := Open(a.dir, Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	innocent := exec.Command("sleep", "600")
	if err := innocent.Start(); err != nil {
		t.Fatal(err)
	}
	lock, free, err := app.store.TryLock()
	if err != nil || !free {
		t.Fatal(free, err)
	}
	defer lock.Unlock()
	writeHolder(t, a, innocent.Process.Pid)
	if told, err := app.Cancel(); !errors.Is(err, ErrNotFound) {
		t.Errorf("deploy %d was told to stop: %v", told.Deploy, err)
	}
	if err := innocent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	innocent.Wait()
	if signal := innocent.ProcessState.Sys().(syscall.WaitStatus).Signal(); signal != syscall.SIGKILL {
		t.Errorf("the process was ended by %s", signal)
	}
}

// writeHolder writes that the app's only deploy, which has ended, was run by pid.
func writeHolder(t *testing.T, a *testApp, pid int) {
	t.Helper()
	data, err := json.Marshal(releases.Holder{Deploy: 1, Ticket: releases.Ticket{Deploy: 1}, PID: pid})
	if err != nil {
		t.Fatal(err)
	}
	a.write(filepath.Join(a.dir, ".repoint", "lock"), string(data))
}
