package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// scriptCommands are what the scripts have besides testscript's own commands:
//
//	app NAME                repoint init apps/NAME; $WORK/NAME becomes a repository with it as
//	                        its remote production, and the current directory; sets $APP
//	commit VAR MESSAGE      commits all that is there; sets $VAR to the hash, $VAR7 to its start
//	exits CODE PROG ARG…    like exec, but the exit status must be CODE
//	[!] linkis LINK COMMIT  the app's link points at a release of COMMIT, or is "none"
//	[!] refis REF COMMIT    the ref of the app's source stands on COMMIT, or is "none"
//	sound                   nothing half-done is left in the app, all parts tell the same story
//	waitfor FILE PATTERN    waits until the file matches
//	eviltree BRANCH NAME    makes the branch a commit whose tree has one file NAME, whatever it is
//	tmpfs DIR SIZE OPTION   mounts a file system of that size; "ro" makes it read-only
//	expand FILE…            replaces $VAR and ${VAR} in files
//	start, signal, finish   see process_test.go
//	reading, read           see reading_test.go
//	[!] json                see json_test.go
//	sshkey, serving         see ssh_test.go
//	servingweb              see web_test.go
//	killholder, runs,
//	nowhere                 see holder_test.go
//	service                 see service_test.go, also for the program worker
//	hearing                 see hearing_test.go
//	webhook, recorded       see webhook_test.go
//	[!] idle                see afterwards_test.go
//	fleet, agent            see fleet_test.go
//	bindmount,
//	immutable, mutable      see obstacle_test.go
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"app": appCommand, "commit": commitCommand, "exits": exitsCommand,
	"linkis": linkisCommand, "refis": refisCommand, "sound": soundCommand,
	"waitfor": waitforCommand, "expand": expandCommand, "tmpfs": tmpfsCommand, "eviltree": eviltreeCommand,
	"start": startCommand, "signal": signalCommand, "finish": finishCommand,
	"reading": readingCommand, "read": readCommand,
	"json": jsonCommand, "sshkey": sshkeyCommand, "serving": servingCommand, "servingweb": servingwebCommand,
	"service": serviceCommand, "hearing": hearingCommand, "webhook": webhookCommand, "recorded": recordedCommand, "idle": idleCommand,
	"bindmount": bindmountCommand, "immutable": immutableCommand, "mutable": mutableCommand,
	"fleet": fleetCommand, "agent": agentCommand,
	"killholder": killholderCommand, "runs": runsCommand, "nowhere": nowhereCommand,
}

func usage(ts *testscript.TestScript, neg bool, args []string, least, most int, text string) {
	if neg || len(args) < least || len(args) > most {
		ts.Fatalf("usage: %s", text)
	}
}

func appCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 1, "app NAME")
	dir, repo := filepath.Join(ts.Getenv("WORK"), "apps", args[0]), filepath.Join(ts.Getenv("WORK"), args[0])
	ts.Check(os.MkdirAll(repo, 0o755))
	ts.Check(ts.Exec("repoint", "init", dir))
	ts.Setenv("APP", dir)
	ts.Check(ts.Chdir(repo))
	ts.Check(ts.Exec("git", "init", "--quiet", "--template="))
	ts.Check(ts.Exec("git", "remote", "add", "production", filepath.Join(dir, "repo.git")))
}

func commitCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 2, "commit VAR MESSAGE")
	ts.Check(ts.Exec("git", "add", "--all"))
	ts.Check(ts.Exec("git", "commit", "--quiet", "--allow-empty", "--message", args[1]))
	ts.Check(ts.Exec("git", "rev-parse", "HEAD"))
	hash := strings.TrimSpace(ts.ReadFile("stdout"))
	ts.Setenv(args[0], hash)
	ts.Setenv(args[0]+"7", hash[:7])
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 1000, "exits CODE PROG ARG…")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("%s exited %d, not %d", args[1], got, want)
	}
}

// exitOf is the exit status in what running a program returned.
func exitOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func linkisCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] linkis LINK COMMIT")
	}
	got := "none"
	if target, err := os.Readlink(filepath.Join(ts.Getenv("APP"), args[0])); err == nil {
		got = strings.TrimPrefix(target, "code_")
	} else if !errors.Is(err, os.ErrNotExist) {
		ts.Fatalf("%v", err)
	}
	if (got == args[1]) == neg {
		ts.Fatalf("%s is on %s", args[0], got)
	}
}

func refisCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] refis REF COMMIT")
	}
	got := refOf(filepath.Join(ts.Getenv("APP"), "repo.git"), args[0])
	if (got == args[1]) == neg {
		ts.Fatalf("%s is on %s", args[0], got)
	}
}

// refOf asks git itself where a ref stands; "none" when it is not there.
func refOf(repo, ref string) string {
	out, err := exec.Command("git", "--git-dir="+repo, "rev-parse", "--quiet", "--verify", ref).Output()
	if err != nil {
		return "none"
	}
	return strings.TrimSpace(string(out))
}

func soundCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 0, 0, "sound")
	ts.Check(checkSound(ts.Getenv("APP")))
}

// deadline is far longer than anything that is waited for should take.
const deadline = time.Minute

func waitforCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 2, "waitfor FILE PATTERN")
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	_, err = waitFor(ts.MkAbs(args[0]), pattern)
	ts.Check(err)
}

// waitFor waits until the file is there and matches, and returns what did.
func waitFor(name string, pattern *regexp.Regexp) ([]string, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); time.Now().Before(end); <-tick.C {
		if data, err := os.ReadFile(name); err == nil {
			if found := pattern.FindStringSubmatch(string(data)); found != nil {
				return found, nil
			}
		}
	}
	data, err := os.ReadFile(name)
	return nil, fmt.Errorf("waited %s for %s to match %s (%v):\n%s", deadline, name, pattern, err, data)
}

func expandCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, 100, "expand FILE…")
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

func tmpfsCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 3, "tmpfs DIR SIZE|ro [OPTION,…]")
	dir := ts.MkAbs(args[0])
	if args[1] == "ro" {
		ts.Check(unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		return
	}
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(unix.Mount("tmpfs", dir, "tmpfs", 0, strings.Join(append([]string{"mode=755,size=" + args[1]}, args[2:]...), ",")))
	ts.Defer(func() { unix.Unmount(dir, unix.MNT_DETACH) }) // or the work directory could not be removed
}

func eviltreeCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, 2, "eviltree BRANCH NAME")
	git := func(stdin string, args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env, cmd.Stdin = ts.MkAbs("."), scriptEnv(ts), strings.NewReader(stdin)
		out, err := cmd.Output()
		ts.Check(err)
		return strings.TrimSpace(string(out))
	}
	blob, err := hex.DecodeString(git("evil\n", "hash-object", "-w", "--stdin"))
	ts.Check(err)
	tree := git("100644 "+args[1]+"\x00"+string(blob), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
	git("", "branch", "-f", args[0], git("", "commit-tree", "-p", "HEAD", "-m", "evil", tree))
}
