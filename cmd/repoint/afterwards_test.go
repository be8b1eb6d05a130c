package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// afterwardsIn finds the processes that deploys of the apps in dir left behind
// (`repoint hook afterwards APP ID`): they belong to nobody who could wait for
// them.
func afterwardsIn(dir string) (pids []int) {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target // an app may be named through a link
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	for _, name := range lines {
		data, err := os.ReadFile(name)
		args := strings.Split(string(data), "\x00")
		if err != nil || len(args) < 5 || args[1] != "hook" || args[2] != "afterwards" {
			continue
		}
		app, err := filepath.EvalSymlinks(args[3])
		if err != nil || app != dir && !strings.HasPrefix(app, dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// waitAfterwards waits until those processes have ended.
func waitAfterwards(dir string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); len(afterwardsIn(dir)) > 0; <-tick.C {
		if time.Now().After(end) {
			return fmt.Errorf("waited %s for processes %d", deadline, afterwardsIn(dir))
		}
	}
	return nil
}

// idleCommand is "idle": waits until nothing goes on any more that a deploy of
// the app has left behind; "! idle": something does.
func idleCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 {
		ts.Fatalf("usage: [!] idle")
	}
	if !neg {
		ts.Check(waitAfterwards(ts.Getenv("APP")))
	} else if len(afterwardsIn(ts.Getenv("APP"))) == 0 {
		ts.Fatalf("nothing goes on")
	}
}

// endAfterwards ends them, because a watch may be long, and waits: what they do
// must not race with removing the directory.
func endAfterwards(dir string) {
	for _, pid := range afterwardsIn(dir) {
		_ = syscall.Kill(pid, syscall.SIGTERM) // it may just have ended
	}
	_ = waitAfterwards(dir) // removing the directory says what is wrong then
}
