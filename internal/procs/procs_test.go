package procs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestUsingCwd(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	inside := mkdir(t, dir, "code_1", "public")
	beside := mkdir(t, dir, "code_1.2")
	pid := start(t, inside, "sleep", "1000")
	other := start(t, beside, "sleep", "1000")
	for _, d := range []string{inside, filepath.Dir(inside), filepath.Dir(inside) + "/"} {
		if got, want := one(t, d, pid), (Use{pid, "sleep", Cwd, inside}); got != want {
			t.Errorf("%s: got %+v, want %+v", d, got, want)
		}
	}
	if got := one(t, filepath.Dir(inside), other); got != (Use{}) {
		t.Errorf("a directory whose name only begins the same: %+v", got)
	}
	if got := one(t, mkdir(t, inside, "empty"), pid); got != (Use{}) {
		t.Errorf("a directory below the one in use: %+v", got)
	}
}

func TestUsingAmong(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	a, b := start(t, dir, "sleep", "1000"), start(t, dir, "sleep", "1000")
	for _, c := range []struct{ among, want []int }{
		{nil, []int{min(a, b), max(a, b)}},
		{[]int{}, nil},
		{[]int{b}, []int{b}},
		{[]int{b, a}, []int{b, a}},
		{[]int{1 << 22, -1, 0, a}, []int{a}},
	} {
		report, err := Using(dir, c.among)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, use := range report.Uses {
			got = append(got, use.PID)
		}
		if c.among == nil {
			slices.Sort(got)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("among %v: %s", c.among, diff)
		}
	}
}

func TestUsingExe(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	program := filepath.Join(dir, "server")
	// Another program makes the copy: one made here could still be open for writing in a child of another test.
	if out, err := exec.Command("cp", "-L", "/bin/sh", program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pid := startShell(t, program, program)
	if got := one(t, dir, pid); got.How != Exe || got.Path != program {
		t.Errorf("got %+v", got)
	}
}

func TestUsingMapThenOpenFile(t *testing.T) {
	t.Parallel()
	self := os.Getpid()
	dir := mkdir(t, tempDir(t), "with space", "and\nnewline")
	name := fill(t, filepath.Join(dir, "lib one.so"))
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := one(t, dir, self); got.How != FD || got.Path != name {
		t.Errorf("open: %+v", got)
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, 8192, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, dir, self); got.How != Map || got.Path != name {
		t.Errorf("mapped and open: %+v", got)
	}
	file.Close()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if got := one(t, dir, self); got.How != Map || got.Path != name+" (deleted)" {
		t.Errorf("mapped and deleted: %+v", got)
	}
	if err := unix.Munmap(memory); err != nil {
		t.Fatal(err)
	}
	if got := one(t, dir, self); got != (Use{}) {
		t.Errorf("let go: %+v", got)
	}
}

func TestUsingOpenDirectory(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if got := one(t, dir, os.Getpid()); got.How != FD || got.Path != dir {
		t.Errorf("got %+v", got)
	}
}

func TestUsingThroughLinksRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	code := mkdir(t, dir, "code_1")
	current := filepath.Join(dir, "current")
	if err := os.Symlink("code_1", current); err != nil {
		t.Fatal(err)
	}
	pid := start(t, current, "sleep", "1000")
	if got := one(t, current, pid); got.How != Cwd || got.Path != code {
		t.Errorf("through a link: %+v", got)
	}

	trash := filepath.Join(dir, "trash")
	if err := os.Rename(code, trash); err != nil {
		t.Fatal(err)
	}
	if got := one(t, trash, pid); got.How != Cwd || got.Path != trash {
		t.Errorf("renamed: %+v", got)
	}
	if got := one(t, code, pid); got != (Use{}) {
		t.Errorf("by its old name: %+v", got)
	}
	if _, err := Using(current, nil); err == nil || !strings.HasSuffix(err.Error(), "it is a link to code_1, which is not there") {
		t.Errorf("a link that leads nowhere: %v", err)
	}

	if err := os.Remove(trash); err != nil {
		t.Fatal(err)
	}
	if got := one(t, trash, pid); got.How != Cwd || got.Path != trash+" (deleted)" {
		t.Errorf("deleted: %+v", got)
	}
	mkdir(t, trash)
	if got := one(t, trash, pid); got.How != Cwd || got.Path != trash+" (deleted)" {
		t.Errorf("deleted and made again: %+v", got)
	}
}

func TestUsingErrors(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	file := fill(t, filepath.Join(dir, "file"))
	for name, want := range map[string]string{
		"code_1":           "looking for the processes that use code_1: it is not an absolute path",
		dir + "/no/code_1": fmt.Sprintf("looking for the processes that use %s/no/code_1: lstat %s/no: no such file or directory", dir, dir),
		file + "/x":        fmt.Sprintf("looking for the processes that use %s/x: not a directory", file),
	} {
		if _, err := Using(name, nil); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestUsingEnded(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	cmd := exec.Command("true")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitZombie(t, cmd.Process.Pid)
	if got := one(t, dir, cmd.Process.Pid); got != (Use{}) {
		t.Errorf("a zombie: %+v", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := one(t, dir, cmd.Process.Pid); got != (Use{}) {
		t.Errorf("gone: %+v", got)
	}
}

// awaitZombie waits for a child to end, and leaves it unreaped.
func awaitZombie(t *testing.T, pid int) {
	t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

func BenchmarkUsing(b *testing.B) {
	pids, err := processes()
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for b.Loop() {
		if _, err := Using(dir, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(pids)), "µs/process")
}
