package procs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUsingRoot(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := mkdir(t, tempDir(t), "code_1")
	jail := mkdir(t, dir, "jail")
	tid := thread(t, func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		return unix.Chroot(jail)
	})
	if got := one(t, dir, tid); got.How != Root || got.Path != jail {
		t.Errorf("got %+v", got)
	}
}

// A service that has the release mounted at a path of its own is known by device and inode.
func TestUsingBindMount(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := tempDir(t)
	code := mkdir(t, dir, "code_1")
	mkdir(t, code, "deep", "er")
	app := mkdir(t, dir, "app")
	tid := thread(t, func() error {
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		if err := unix.Mount(code, app, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		return unix.Chdir(filepath.Join(app, "deep", "er"))
	})
	if link, err := os.Readlink(procFile(tid, Cwd)); err != nil || link != filepath.Join(app, "deep", "er") {
		t.Fatalf("the test does not test: %s, %v", link, err)
	}
	for _, d := range []string{code, filepath.Join(code, "deep")} {
		if got := one(t, d, tid); got.How != Cwd || got.Path != filepath.Join(app, "deep", "er") {
			t.Errorf("%s: got %+v", d, got)
		}
	}
	if got := one(t, mkdir(t, code, "deep", "er", "est"), tid); got != (Use{}) {
		t.Errorf("below: %+v", got)
	}
}

// Whoever may not look says so, and does not take kernel threads for programs.
func TestUsingHidden(t *testing.T) {
	t.Parallel()
	needRoot(t)
	pid := start(t, "/", "sleep", "1000")
	kernel := kernelThreads(t)
	var report, threads Report
	var err error
	thread(t, func() error {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			return errno
		}
		if report, err = Using("/usr", []int{pid, 1}); err != nil {
			return err
		}
		threads, err = Using("/usr", kernel)
		return err
	})
	if len(report.Uses) != 0 || report.Hidden != 2 {
		t.Errorf("got %+v, want 2 hidden", report)
	}
	if len(threads.Uses) != 0 || threads.Hidden != 0 {
		t.Errorf("kernel threads: %+v", threads)
	}
}

func kernelThreads(t *testing.T) []int {
	t.Helper()
	pids, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	threads := []int{}
	for _, pid := range pids {
		if statusOf(pid).flags&kernelThread != 0 {
			threads = append(threads, pid)
		}
	}
	return threads
}
