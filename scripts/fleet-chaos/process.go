package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// awaitGitHook waits for the process of the git hook beneath a push, which is
// the one that deploys. There is none when the push ends before.
func awaitGitHook(push int, ended <-chan struct{}) (pid string, found bool) {
	for {
		if pid, found = gitHook(strconv.Itoa(push)); found {
			return pid, true
		}
		select {
		case <-ended:
			return "", false
		case <-time.After(time.Millisecond):
		}
	}
}

// gitHook finds it. Until the script of that name has turned into repoint it is
// called like the script.
func gitHook(pid string) (string, bool) {
	for _, child := range children(pid) {
		switch name, _ := os.ReadFile(fmt.Sprintf("/proc/%s/comm", child)); strings.TrimSpace(string(name)) {
		case "repoint", "proc-receive":
			return child, true
		}
		if hook, found := gitHook(child); found {
			return hook, true
		}
	}
	return "", false
}

func children(pid string) (pids []string) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%s/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

func kill(pid string) error {
	number, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	return syscall.Kill(number, syscall.SIGKILL)
}
