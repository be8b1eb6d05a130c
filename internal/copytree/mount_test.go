package copytree

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// insideVar tells a test that it runs where it may mount.
const insideVar = "COPYTREE_TEST_INSIDE"

// inside runs the test again as another process that has its own mounts, which
// end with it, and returns false; in that process it returns true.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVar) != "" {
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		return true
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideVar+"=1", "TMPDIR="+t.TempDir())
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
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Errorf("it did not run:\n%s", out)
	}
	return false
}

func TestDiskFull(t *testing.T) {
	if !inside(t) {
		return
	}
	disk := t.TempDir()
	must(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { must(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	src := sample(t, tempDir(t))
	before := handles(t)
	stats, err := Copy(t.Context(), src, filepath.Join(disk, "copy"), Options{})
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("error %v", err)
	}
	if stats.Bytes > 1<<20 {
		t.Errorf("stats %+v", stats)
	}
	if after := handles(t); after != before {
		t.Errorf("%d open handles before, %d after", before, after)
	}
}

// TestClone copies on a file system that can share blocks, made for the test.
func TestClone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount an image")
	}
	mkfs, err := exec.LookPath("mkfs.btrfs")
	if err != nil {
		mkfs, err = exec.LookPath("mkfs.xfs")
	}
	if err != nil {
		t.Skip("neither mkfs.btrfs nor mkfs.xfs is installed")
	}
	if !inside(t) {
		return
	}
	image, disk := filepath.Join(t.TempDir(), "image"), t.TempDir()
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 512<<20))
	command(t, mkfs, "-q", image)
	command(t, "mount", "-o", "loop", image, disk)
	t.Cleanup(func() { must(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	src, dst := sample(t, disk), filepath.Join(disk, "copy")
	stats, err := Copy(t.Context(), src, dst, Options{})
	if want := sampleStats(209); err != nil || stats != want { // the other 3 are empty
		t.Errorf("stats %+v, want %+v (%v)", stats, want, err)
	}
	if diff := cmp.Diff(look(t, src), look(t, dst)); diff != "" {
		t.Errorf("source and copy (-source +copy):\n%s", diff)
	}
	must(t, os.WriteFile(filepath.Join(dst, "bin/run"), []byte("written"), 0o755))
	if text := look(t, src)["bin/run"].Text; text != "#!/bin/" {
		t.Errorf("the source changed with its copy: %q", text)
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func handles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}
