package procs

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withMounts runs a shell in dir that makes mounts that only it sees, and stays.
func withMounts(t *testing.T, dir, script string) (pid int) {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("mount"); err != nil {
		t.Skip("mount is not installed")
	}
	cmd := exec.Command("sh", "-c", "set -e; mount --make-rprivate /; "+script+"; cd /; echo ready; read line")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	startCmd(t, cmd)
	readLine(t, out)
	return cmd.Process.Pid
}

// TestUsingMounts has mounts in the view of one process, which has nothing open there: on a directory
// below, of a file below it elsewhere, and on the directory itself by another path.
func TestUsingMounts(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	code := mkdir(t, dir, "code_1")
	inner := mkdir(t, code, `in ne\r`)
	mkdir(t, dir, "code_1.2")
	file, alias, other := fill(t, filepath.Join(dir, "a\nfile")), mkdir(t, dir, "alias"), mkdir(t, dir, "other")
	fill(t, filepath.Join(code, "file"))
	pid := withMounts(t, dir, `mount --bind code_1.2 'code_1/in ne\r'; mount --bind code_1/file a*file;
		mount --bind . alias; mount --bind other alias/code_1; mount -t tmpfs none other`)
	for asked, want := range map[string][]Mount{
		code: {{Path: inner, PID: pid, Inside: true}, {Path: file, PID: pid},
			{Path: filepath.Join(alias, "code_1"), PID: pid, Inside: true}},
		inner:                       {{Path: inner, PID: pid, Inside: true}},
		filepath.Join(dir, "other"): {{Path: filepath.Join(alias, "code_1"), PID: pid}, {Path: other, PID: pid, Inside: true}},
		mkdir(t, dir, "code"):       nil,
	} {
		found, err := Using(asked, nil)
		if err != nil || len(found.Uses) > 0 {
			t.Fatalf("%+v, error %v", found, err)
		}
		if diff := cmp.Diff(want, found.Mounts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", asked, diff)
		}
	}
	found, err := Using(code, []int{pid})
	if err != nil || found.Mounts != nil {
		t.Errorf("among some: %+v, %v", found, err)
	}
}

// What this process sees itself is told as its own.
func TestUsingOwnMounts(t *testing.T) {
	t.Parallel()
	found, err := Using("/proc", nil)
	own := Mount{Path: "/proc", PID: os.Getpid()}
	if err != nil || len(found.Mounts) == 0 || found.Mounts[0] != own {
		t.Errorf("%+v, %v", found.Mounts, err)
	}
}
