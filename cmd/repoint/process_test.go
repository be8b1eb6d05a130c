package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// group is a program that was started in a process group of its own, as a
// shell's job is: what a terminal's Ctrl-C reaches.
type group struct {
	cmd *exec.Cmd
	out *os.File
}

var groups sync.Map // work directory/name → *group

// startCommand is "start NAME PROG ARG…": starts a program; what it says goes
// to the file NAME.out in $WORK.
func startCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 1000, "start NAME PROG ARG…")
	work := ts.Getenv("WORK")
	out, err := os.Create(work + "/" + args[0] + ".out")
	ts.Check(err)
	cmd := exec.Command("env", args[1:]...) // env finds it on the script's PATH
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(cmd.Start())
	g := &group{cmd: cmd, out: out}
	groups.Store(work+"/"+args[0], g)
	ts.Defer(func() { g.end() })
}

// signalCommand is "signal NAME INT|TERM|KILL|HUP|STOP|CONT [-one]": signals all of the group, or
// just the program.
func signalCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 3, "signal NAME SIGNAL [-one]")
	pid := -groupOf(ts, args[0]).cmd.Process.Pid
	if len(args) == 3 {
		pid = -pid
	}
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP,
		"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT}
	sig, ok := signals[args[1]]
	if !ok {
		ts.Fatalf("there is no signal %s", args[1])
	}
	ts.Check(syscall.Kill(pid, sig))
}

// finishCommand is "finish NAME CODE": waits for the program; it must have
// exited CODE, or been ended by a signal when CODE is "signal".
func finishCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 2, "finish NAME CODE")
	g := groupOf(ts, args[0])
	state := g.end()
	got := strconv.Itoa(state.ExitCode())
	if state.Sys().(syscall.WaitStatus).Signaled() {
		got = "signal"
	}
	if got != args[1] {
		ts.Fatalf("%s ended with %s, not %s:\n%s", args[0], state, args[1], ts.ReadFile(g.out.Name()))
	}
}

func groupOf(ts *testscript.TestScript, name string) *group {
	g, ok := groups.Load(ts.Getenv("WORK") + "/" + name)
	if !ok {
		ts.Fatalf("%s was not started", name)
	}
	return g.(*group)
}

// end waits for the program. A script that failed before it could let it go on
// kills it.
func (g *group) end() *os.ProcessState {
	if g.cmd.ProcessState == nil {
		timer := time.AfterFunc(deadline, func() { syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) })
		g.cmd.Wait() // the status is looked at by whoever asks
		timer.Stop()
		g.out.Close()
	}
	return g.cmd.ProcessState
}

// scriptEnv is the environment that the script has by now.
func scriptEnv(ts *testscript.TestScript) []string {
	ts.Check(ts.Exec("env", "-0"))
	return strings.Split(strings.TrimSuffix(ts.ReadFile("stdout"), "\x00"), "\x00")
}
