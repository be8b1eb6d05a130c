package reload

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fake is a systemd that does what a test says.
type fake struct {
	Systemctl
	dir string
}

// newFake makes one; the scripts are what its systemctl and its journalctl do.
func newFake(t *testing.T, systemctl, journalctl string) fake {
	t.Helper()
	programs, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	f := fake{dir: t.TempDir()}
	f.Path, f.Journalctl = filepath.Join(programs, "systemctl"), filepath.Join(programs, "journalctl")
	f.Env = []string{"FAKE=" + f.dir}
	write(t, filepath.Join(f.dir, "systemctl"), systemctl)
	write(t, filepath.Join(f.dir, "journalctl"), journalctl)
	return f
}

// calls returns the arguments of each call so far.
func (f fake) calls(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, "calls"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(data)
}

// do is Do, with what it said.
func (f fake) do(ctx context.Context, plan Plan) (string, error) {
	var said strings.Builder
	err := Do(ctx, plan, f.Systemctl, func(line string) { said.WriteString(line + "\n") })
	return said.String(), err
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// start runs a program that stays until the test ends.
func start(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// asNobody calls do in a thread that has become another user, and that ends with it. dir and the
// directory above are opened to that user.
func asNobody(t *testing.T, dir string, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan unix.Errno)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
		if errno == 0 {
			do()
		}
		done <- errno
	}()
	if errno := <-done; errno != 0 {
		t.Fatal(errno)
	}
}

const nobody = 65534
