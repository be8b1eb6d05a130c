package handle

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openers are the ways to open a directory on the same mount: by one call, and
// by what is done where the kernel or a sandbox does not have that.
var openers = map[string]func(parent int, name string) (int, error){
	"OpenInside": OpenInside,
	"compared":   func(parent int, name string) (int, error) { return compared(parent, name, folder) },
	"Find":       Find,
}

// TestOpenStaysInside runs as a process that has its own mounts.
func TestOpenStaysInside(t *testing.T) {
	const insideVar = "HANDLE_TEST_INSIDE"
	if os.Getenv(insideVar) == "" {
		withMounts(t, insideVar)
		return
	}
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir := t.TempDir()
	for _, name := range []string{"plain", "mount", "other", "closed"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	must(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	must(t, os.Symlink("plain", filepath.Join(dir, "link")))
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	mount := filepath.Join(dir, "mount")
	must(t, unix.Mount(filepath.Join(dir, "other"), mount, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(mount, unix.MNT_DETACH)) })
	parent, err := Open(unix.AT_FDCWD, dir)
	must(t, err)
	defer unix.Close(parent)
	want := map[string]error{"plain": nil, "mount": ErrMount, "link": unix.ENOTDIR, "file": unix.ENOTDIR, "gone": unix.ENOENT}
	for how, open := range openers {
		for name, want := range want {
			got, err := open(parent, name)
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s of %s: %v", how, name, err)
			}
			if err == nil {
				must(t, unix.Close(got))
			}
		}
	}
	inner, err := Open(parent, "mount")
	must(t, err)
	must(t, unix.Close(inner))
	for _, name := range []string{"link", "file"} {
		if _, err := Open(parent, name); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("Open of %s: %v", name, err)
		}
	}
	closed, err := Find(parent, "closed")
	must(t, err)
	must(t, Chmod(closed, 0o700))
	must(t, unix.Close(closed))
	if info, err := os.Stat(filepath.Join(dir, "closed")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("closed: %v, %v", info, err)
	}
}

func withMounts(t *testing.T, variable string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"=1", "TMPDIR="+t.TempDir())
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
}

func TestListHasEveryName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := map[string]uint8{"new\nline": unix.DT_DIR, "caf\xe9": unix.DT_REG, "...": unix.DT_REG, "link": unix.DT_LNK}
	must(t, os.Mkdir(filepath.Join(dir, "new\nline"), 0o755))
	must(t, os.Symlink("x", filepath.Join(dir, "link")))
	for i := range 3000 {
		want[fmt.Sprintf("file with a long name %d", i)] = unix.DT_REG
	}
	for name, kind := range want {
		if kind == unix.DT_REG {
			must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
	}
	at, err := Open(unix.AT_FDCWD, dir)
	must(t, err)
	defer unix.Close(at)
	list := List{Handle: at, Buffer: make([]byte, Size)}
	for range 2 {
		var got []string
		for {
			entries, err := list.Next()
			must(t, err)
			if entries == nil {
				break
			}
			for e := range entries {
				if kind, ok := want[e.Name]; !ok || kind != e.Kind && e.Kind != unix.DT_UNKNOWN {
					t.Errorf("%q is %d", e.Name, e.Kind)
				}
				got = append(got, e.Name)
			}
		}
		slices.Sort(got)
		if n := len(slices.Compact(got)); n != len(want) {
			t.Errorf("%d names of %d", n, len(want))
		}
		must(t, list.Rewind())
	}
}
