package durable_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

// killAt makes this process one that removes the tree "tree" in its argument
// and is killed after so many names.
const killAt = "DURABLE_TEST_KILL_AT"

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(killAt)); err == nil {
		removeAndDie(os.Args[1], n)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func removeAndDie(dir string, after int) {
	d, err := durable.Disk{}.Open(dir)
	if err != nil {
		panic(err)
	}
	ctx := &countdown{Context: context.Background(), end: func() { unix.Kill(unix.Getpid(), unix.SIGKILL) }}
	ctx.left.Store(int64(after))
	d.RemoveTreePaced(ctx, "tree", durable.Pace{Gentle: true})
}

// insideVar tells a test that it runs as the other process of [another].
const insideVar = "DURABLE_TEST_INSIDE"

// another runs the test again as a process of its own and returns false; in that
// process it returns true. Its temporary directories are in dir.
func another(t *testing.T, dir string, attr *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv(insideVar) != "" {
		return true
	}
	// Whoever it runs as may not be allowed to go to the file by its path.
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideVar+"=1", "TMPDIR="+dir, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = attr
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skip("this machine does not let a process have its own mounts")
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Errorf("it did not run:\n%s", out)
	}
	return false
}

const nobody = 65534

// asNobody runs the test without the rights of root, which may write into
// read-only directories.
func asNobody(t *testing.T) bool {
	t.Helper()
	return os.Geteuid() != 0 || asNobodyIn(t, nobodysDir(t))
}

func asNobodyIn(t *testing.T, dir string) bool {
	t.Helper()
	return another(t, dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
}

// nobodysDir makes a directory that nobody may enter: t.TempDir is in one that
// it may not.
func nobodysDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "durable-test-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check(t, os.Chown(dir, nobody, nobody))
	return dir
}

// withMounts runs the test where it may mount; what it mounts ends with it.
func withMounts(t *testing.T) bool {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	if !another(t, t.TempDir(), attr) {
		return false
	}
	check(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	return true
}

// countdown is a context that ends when it was asked so many times.
type countdown struct {
	context.Context
	left atomic.Int64
	end  func()
}

func (c *countdown) Err() error {
	if c.left.Add(-1) >= 0 {
		return nil
	}
	if c.end != nil {
		c.end()
	}
	return context.Canceled
}
