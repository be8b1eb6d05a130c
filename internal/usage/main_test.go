package usage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is a directory to be counted.
type tree struct {
	t   testing.TB
	dir string
}

func newTree(t testing.TB, elements ...string) tree {
	t.Helper()
	dir := filepath.Join(elements...)
	must(t, os.MkdirAll(dir, 0o755))
	return tree{t, dir}
}

func (tr tree) path(name string) string { return filepath.Join(tr.dir, name) }

// file writes a file of that many KiB.
func (tr tree) file(name string, kib int) {
	tr.t.Helper()
	must(tr.t, os.MkdirAll(filepath.Dir(tr.path(name)), 0o755))
	must(tr.t, os.WriteFile(tr.path(name), bytes.Repeat([]byte(name), kib<<10/len(name)+1)[:kib<<10], 0o644))
}

func (tr tree) link(name, target string) {
	tr.t.Helper()
	must(tr.t, os.Link(target, tr.path(name)))
}

// blocks is what single files take, by stat(2).
func blocks(t testing.TB, paths ...string) (sum int64) {
	t.Helper()
	for _, path := range paths {
		var is unix.Stat_t
		must(t, unix.Lstat(path, &is))
		sum += is.Blocks * 512
	}
	return sum
}

// insideVar tells a test that it runs where it may mount.
const insideVar = "USAGE_TEST_INSIDE"

// inside runs the test again as another process that has its own mounts, which
// end with it, and returns false; in that process it returns true.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVar) != "" {
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideVar+"=1", "TMPDIR="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skip("this machine does not let a process have its own mounts")
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP: "+t.Name()):
		t.Skipf("%s", out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("it did not run:\n%s", out)
	}
	return false
}

// sharingDisk mounts a new file system on which files can share blocks.
func sharingDisk(t *testing.T, kind string) string {
	t.Helper()
	image, disk := filepath.Join(t.TempDir(), "image"), t.TempDir()
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 512<<20))
	command(t, "mkfs."+kind, "-q", image)
	command(t, "mount", "-t", kind, "-o", "loop", image, disk)
	t.Cleanup(func() { must(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	return disk
}

func command(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// du is what du(1) says that a tree takes.
func du(t testing.TB, args ...string) (bytes int64) {
	t.Helper()
	_, err := fmt.Sscan(command(t, "du", append([]string{"-s", "--block-size=1"}, args...)...), &bytes)
	must(t, err)
	return bytes
}
