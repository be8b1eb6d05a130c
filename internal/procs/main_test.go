package procs

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tempDir is a test's directory by its real path.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs a program in dir that stays until the test ends, and returns its id. The program
// runs, there, when start returns.
func start(t *testing.T, dir string, argv ...string) int {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	startCmd(t, cmd)
	return cmd.Process.Pid
}

func startCmd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// thread runs do in a thread that nothing else runs in, so that do may give it a root, a working directory or a
// user of its own, and keeps it, with its id, until the test ends. /proc shows a thread like a process.
func thread(t *testing.T, do func() error) int {
	t.Helper()
	ready, end := make(chan error), make(chan struct{})
	var id int
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		id = unix.Gettid()
		ready <- do()
		<-end
	}()
	t.Cleanup(func() { close(end) })
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	return id
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can change its root directory, its mounts and its user")
	}
}

// one returns the only use that pid makes of dir, or a zero Use.
func one(t *testing.T, dir string, pid int) Use {
	t.Helper()
	report, err := Using(dir, []int{pid})
	if err != nil || report.Hidden != 0 || len(report.Uses) > 1 {
		t.Fatalf("%+v, error %v", report, err)
	}
	if len(report.Uses) == 0 {
		return Use{}
	}
	return report.Uses[0]
}

func mkdir(t *testing.T, elements ...string) string {
	t.Helper()
	dir := filepath.Join(elements...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fill writes a file of several pages.
func fill(t *testing.T, name string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(strings.Repeat("x", 9000)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// readLine reads what a program prints first.
func readLine(t *testing.T, from io.Reader) string {
	t.Helper()
	var line []byte
	for char := make([]byte, 1); ; line = append(line, char[0]) {
		if _, err := from.Read(char); err != nil {
			t.Fatal(err)
		}
		if char[0] == '\n' {
			return string(line)
		}
	}
}

// startShell runs a shell, under a name of its own, that waits until the test ends.
func startShell(t *testing.T, program, name string) int {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Args = []string{name, "-c", "read line"}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	startCmd(t, cmd)
	return cmd.Process.Pid
}
