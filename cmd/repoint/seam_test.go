package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"repoint/internal/durable"
)

// What a test may arm in a repoint that it starts, whoever starts it: the
// variables go through git to the git hook. Steps are counted from 0.
//
//	REPOINT_TEST_KILL=3      killed before step 3
//	REPOINT_TEST_KILL=3+     killed after step 3
//	REPOINT_TEST_FAIL=3      step 3 fails, the disk is full
//	REPOINT_TEST_FAIL=3+     step 3 fails after it was done
//	REPOINT_TEST_FAIL=3-     step 3 and all that follow fail, the disk stays full
//	REPOINT_TEST_STEPS=FILE  the labels of the steps are written there, a line each
const (
	killEnv  = "REPOINT_TEST_KILL"
	failEnv  = "REPOINT_TEST_FAIL"
	stepsEnv = "REPOINT_TEST_STEPS"
)

// seamFromEnv returns the seam that the environment asks for; without one, that
// which only leaves out to sync directories and file systems: no power is cut
// in a test, and scripts would mostly wait for the disk.
func seamFromEnv(getenv func(string) string) durable.Seam {
	s := &armed{kill: parsePoint(getenv(killEnv)), fail: parsePoint(getenv(failEnv)), steps: getenv(stepsEnv)}
	if s.kill == nil && s.fail == nil && s.steps == "" {
		return unsynced
	}
	return s.step
}

func unsynced(label string, do func() error) error {
	if strings.HasPrefix(label, "sync") {
		return nil
	}
	return do()
}

// point is a step, and whether it is done before what happens there, or whether
// that happens from there on.
type point struct {
	n           int
	after, stay bool
}

func parsePoint(s string) *point {
	if s == "" {
		return nil
	}
	digits, after := strings.CutSuffix(s, "+")
	digits, stay := strings.CutSuffix(digits, "-")
	n, err := strconv.Atoi(digits)
	if err != nil {
		panic(fmt.Sprintf("%q is not the number of a step", s)) // of a test, in a test
	}
	return &point{n: n, after: after, stay: stay}
}

func (p *point) at(n int, after bool) bool {
	return p != nil && p.after == after && (p.n == n || p.stay && n > p.n)
}

type armed struct {
	kill, fail *point
	steps      string
	n          int
}

func (a *armed) step(label string, do func() error) error {
	n := a.n
	a.n++
	a.note(label)
	if a.kill.at(n, false) {
		die()
	}
	if a.fail.at(n, false) {
		return fmt.Errorf("%s: %w", label, syscall.ENOSPC)
	}
	err := do()
	if a.kill.at(n, true) {
		die()
	}
	if err == nil && a.fail.at(n, true) {
		return fmt.Errorf("%s: %w", label, syscall.EIO)
	}
	return err
}

// die is kill -9: nothing deferred runs, nothing is flushed.
func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func (a *armed) note(label string) {
	if a.steps == "" {
		return
	}
	f, err := os.OpenFile(a.steps, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, label)
}
