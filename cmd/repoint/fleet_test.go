package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	servingFleetAt = regexp.MustCompile(`serving the fleets of \S+ on (tls://\S+:\d+)`)
	agentRuns      = regexp.MustCompile(`(?m)^agent \S+ of `)
)

// fleetCommand is "fleet N": starts `repoint serve --fleet` as server, on the address
// that $FLEET has or is set to, and N agents, web-1 and so on.
func fleetCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 1, "fleet N")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	addr := strings.TrimPrefix(ts.Getenv("FLEET"), "tls://")
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	startForScript(ts, "server", "serve", "--ssh", "127.0.0.1:0", "--fleet", addr)
	found, err := waitFor(ts.Getenv("WORK")+"/server.out", servingFleetAt)
	ts.Check(err)
	ts.Setenv("FLEET", found[1])
	for i := range n {
		agentCommand(ts, false, []string{"web-" + strconv.Itoa(i+1)})
	}
}

// agentCommand is "agent NAME ARG…": has an agent run, with its apps in $WORK/NAME. The
// first time it joins the fleet of blog, with these arguments.
func agentCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 100, "agent NAME ARG…")
	apps := filepath.Join(ts.Getenv("WORK"), args[0])
	command := []string{"agent", "--apps", apps}
	if os.Mkdir(apps, 0o755) == nil {
		token := apps + ".token"
		ts.Check(ts.Exec("sh", "-c", "umask 077; repoint fleet join-token blog > "+token))
		command = append(command, "--hub", ts.Getenv("FLEET"), "--name", args[0], "--join", token)
	}
	startForScript(ts, args[0], append(command, args[1:]...)...)
	_, err := waitFor(apps+".out", agentRuns)
	ts.Check(err)
}

// startForScript starts repoint for as long as the script runs.
func startForScript(ts *testscript.TestScript, name string, args ...string) {
	startCommand(ts, false, append([]string{name, "repoint"}, args...))
	g := groupOf(ts, name)
	ts.Defer(func() {
		if g.cmd.ProcessState == nil {
			_ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) // it is waited for next
		}
	})
}
