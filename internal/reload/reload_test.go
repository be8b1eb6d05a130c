package reload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDoInOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t, `echo "Warning: \"$2\" changed on disk"; test ! -t 0; read line && exit 1; exit 0`, "")
	service := start(t, "sleep", "1000")
	pidfile := write(t, filepath.Join(f.dir, "pid"), strconv.Itoa(service.Process.Pid)+"\n")
	touched := write(t, filepath.Join(f.dir, "touch.ini"), "")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(touched, long, long); err != nil {
		t.Fatal(err)
	}
	said, err := f.do(t.Context(), Plan{
		Units:     []string{"blog.service", `dev-disk\x2d1.mount`},
		UserUnits: []string{"worker@2"},
		Touch:     []string{touched},
		Signals:   []Signal{{pidfile, "usr1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `systemctl reload-or-restart blog.service dev-disk\x2d1.mount
Warning: "reload-or-restart" changed on disk
systemctl --user reload-or-restart worker@2
Warning: "--no-ask-password" changed on disk
touch ` + touched + `
signal USR1 to process ` + strconv.Itoa(service.Process.Pid) + " of " + pidfile + "\n"
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	want = `--no-ask-password reload-or-restart -- blog.service dev-disk\x2d1.mount
--user --no-ask-password reload-or-restart -- worker@2
`
	if diff := cmp.Diff(want, f.calls(t)); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(touched)
	if err != nil || !info.ModTime().After(long) {
		t.Errorf("touched: %v, %v", info.ModTime(), err)
	}
	_ = service.Wait()
	if status := service.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGUSR1 {
		t.Errorf("the service ended by %v", status.Signal())
	}
}

func TestDoNothing(t *testing.T) {
	t.Parallel()
	if err := Do(t.Context(), Plan{}, Systemctl{}, nil); err != nil {
		t.Error(err)
	}
}

func TestDoStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ does, want string }{
		{`printf 'Job for blog.service \033[1mfailed\033[0m.\nSee "systemctl status blog.service" for details.\n' >&2; exit 1`,
			"reloading blog.service, shop: systemctl exited 1: Job for blog.service failed."},
		{"exit 4", "reloading blog.service, shop: systemctl exited 4"},
		{"echo begun; kill -SEGV $$", "reloading blog.service, shop: systemctl was ended by SIGSEGV: begun"},
		{"echo Failed to reload blog.service: Access denied; exit 1",
			"reloading blog.service, shop: systemctl exited 1: Failed to reload blog.service: Access denied " +
				"(run repoint as root, or let a polkit rule allow its user org.freedesktop.systemd1.manage-units)"},
	} {
		f := newFake(t, c.does, "")
		plan := Plan{Units: []string{"blog.service", "shop"}, UserUnits: []string{"worker"}, Touch: []string{f.dir + "/missing"}}
		said, err := f.do(t.Context(), plan)
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		if strings.Contains(said, "worker") || strings.Contains(said, "touch") {
			t.Errorf("went on: %s", said)
		}
	}
}

func TestDoWithoutSystemctl(t *testing.T) {
	t.Parallel()
	s := Systemctl{Path: "/nonexistent/systemctl"}
	err := Do(t.Context(), Plan{Units: []string{"blog"}}, s, func(string) {})
	want := "reloading blog: starting systemctl: fork/exec /nonexistent/systemctl: no such file or directory"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDoRefusesAPlanWithProblems(t *testing.T) {
	t.Parallel()
	f := newFake(t, "exit 0", "")
	said, err := f.do(t.Context(), Plan{Units: []string{"blog"}, Touch: []string{"app.ini"}, Signals: []Signal{{"/run/blog.pid", "HUB"}}})
	want := `reloading services: touch "app.ini": not an absolute path; signal "HUB": not a signal; a reload is often HUP, USR1 or USR2`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if said != "" || f.calls(t) != "" {
		t.Errorf("said %q, called %q", said, f.calls(t))
	}
}

func TestDoEndsAReloadThatHangs(t *testing.T) {
	t.Parallel()
	f := newFake(t, "echo Waiting; sleep 1000", "")
	errSlow := errors.New("timeout")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Do(ctx, Plan{Units: []string{"blog"}}, f.Systemctl, func(line string) {
		if line == "Waiting" {
			cancel(errSlow)
		}
	})
	if !errors.Is(err, errSlow) || !strings.HasPrefix(err.Error(), "reloading blog: systemctl stopped after ") ||
		!strings.HasSuffix(err.Error(), ": timeout: Waiting") {
		t.Errorf("error %v", err)
	}
}

func TestDoAfterTheEnd(t *testing.T) {
	t.Parallel()
	f := newFake(t, "exit 0", "")
	file := write(t, filepath.Join(f.dir, "file"), strconv.Itoa(start(t, "sleep", "1000").Process.Pid))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		plan Plan
		want string
	}{
		{Plan{Units: []string{"blog"}}, "reloading blog: systemctl was not started: context canceled"},
		{Plan{Touch: []string{file}}, fmt.Sprintf("touching %s: context canceled", file)},
		{Plan{Signals: []Signal{{file, "SIGHUP"}}}, fmt.Sprintf("sending HUP to the process of %s: context canceled", file)},
	} {
		if _, err := f.do(ctx, c.plan); !errors.Is(err, context.Canceled) || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	if f.calls(t) != "" {
		t.Error("systemctl was called")
	}
}
