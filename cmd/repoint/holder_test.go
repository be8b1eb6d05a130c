package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"repoint/releases"
)

// killholderCommand sends a signal to the process that runs the app's deploy.
func killholderCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 1, "killholder KILL|TERM")
	var holder releases.Holder
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(filepath.Join(ts.Getenv("APP"), ".repoint", "lock"))), &holder))
	signal := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[args[0]]
	if holder.PID <= 1 || signal == 0 {
		ts.Fatalf("holder %+v, signal %s", holder, args[0])
	}
	ts.Check(syscall.Kill(holder.PID, signal))
}

// runsCommand looks whether the process whose number is in a file runs a
// command line with that word.
func runsCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, false, args, 2, 2, "[!] runs PIDFILE WORD")
	pid := strings.TrimSpace(ts.ReadFile(args[0]))
	line, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
	runs := err == nil && bytes.Contains(line, []byte(args[1]))
	if runs == neg {
		ts.Fatalf("process %s: %q", pid, line)
	}
}

// nowhereCommand fails when a text stands in any file below the directories.
func nowhereCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 100, "nowhere TEXT DIR…")
	for _, dir := range args[1:] {
		ts.Check(filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(args[0])) {
				ts.Fatalf("%s has %q", path, args[0])
			}
			return err
		}))
	}
}
