package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
	"repoint/internal/ramdisk"
)

// TestMain makes this test binary be `repoint` too, on the PATH of every
// script: the real main, but for the seam around the steps that change the
// disk, which a test may arm (see seam_test.go).
func TestMain(m *testing.M) {
	testscript.Main(wide{m}, map[string]func(){"repoint": repointMain, "worker": workerMain})
}

// wide runs more tests at once than there are processors: they mostly wait for
// other programs. They work in memory. -parallel still has the last word.
type wide struct{ *testing.M }

func (w wide) Run() int {
	leave, err := ramdisk.Use()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer leave()
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	return w.M.Run()
}

func repointMain() {
	code := run(context.Background(), process{
		args: os.Args[1:], getenv: os.Getenv,
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now,
		seam: seamFromEnv(os.Getenv),
	})
	if os.Getenv("GORACE") == "" { // started by repoint itself, with nothing of our environment: see hermetic
		syscall.Exit(code)
	}
	os.Exit(code)
}

// TestScript runs testdata/script/*.txtar, one behaviour each. The commands
// that they have besides testscript's own stand in commands_test.go.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                scriptCommands,
		Condition:           scriptCondition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			vars, err := hermetic(env.WorkDir)
			env.Vars = append(env.Vars, vars...)
			env.Defer(func() { endAfterwards(env.WorkDir) })
			return err
		},
	})
}

// hermetic makes a home and an apps directory in work, and returns the
// environment in which nothing of the machine's configuration is seen: a fixed
// identity, fixed dates, no system's or user's git settings.
func hermetic(work string) ([]string, error) {
	home := filepath.Join(work, "home")
	for _, dir := range []string{home, filepath.Join(work, "apps")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(home, "gitconfig")
	if err := os.WriteFile(config, []byte(gitConfig), 0o644); err != nil {
		return nil, err
	}
	return []string{
		"HOME=" + home,
		"XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + config,
		"GIT_AUTHOR_DATE=2024-05-04T12:00:00Z", "GIT_COMMITTER_DATE=2024-05-04T12:00:00Z",
		"GIT_TERMINAL_PROMPT=0",
		"LC_ALL=C", "TZ=UTC", "TERM=dumb", "NO_COLOR=1",
		"REPOINT_APPS=" + filepath.Join(work, "apps"),
		"APP=" + filepath.Join(work, "apps", "blog"),
		"GORACE=atexit_sleep_ms=0", // or every run of repoint takes a second
	}, nil
}

const gitConfig = `[user]
	name = Ada
	email = ada@example.com
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[advice]
	detachedHead = false
[gc]
	auto = 0
[push]
	default = nothing
`

// scriptCondition knows [root], [mount]: file systems can be mounted here,
// [immutable]: files can be made immutable here,
// [python]: build hooks can make Python environments, and [githttp]: git can
// speak HTTP. Where CI runs, all must be so: a script that is skipped proves nothing.
func scriptCondition(cond string) (bool, error) {
	yes := os.Geteuid() == 0
	switch cond {
	case "root":
	case "mount":
		yes = yes && canMount()
	case "immutable":
		yes = yes && canFix()
	case "python":
		yes = exec.Command("/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "python3", "-c", "import venv, ensurepip").Run() == nil
	case "githttp":
		dir, err := exec.Command("git", "--exec-path").Output()
		_, missing := os.Stat(filepath.Join(strings.TrimSpace(string(dir)), "git-remote-http"))
		yes = err == nil && missing == nil
	default:
		return false, fmt.Errorf("there is no condition %s", cond)
	}
	if !yes && os.Getenv("CI") != "" {
		return false, fmt.Errorf("the tests of CI need %s", cond)
	}
	return yes, nil
}

var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "repoint-mount")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k") != nil {
		return false
	}
	return unix.Unmount(dir, unix.MNT_DETACH) == nil
})
