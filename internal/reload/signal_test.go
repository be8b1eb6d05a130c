package reload

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// send sends HUP to the process of a pidfile and returns the error's text, or "".
func send(t *testing.T, pidfile string) string {
	t.Helper()
	if err := (Signal{pidfile, "HUP"}).send(t.Context(), func(string) {}); err != nil {
		return err.Error()
	}
	return ""
}

func TestSendRefusesPidfiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const id = ", which is not the id of a process"
	for text, want := range map[string]string{
		"":                         "the pidfile is empty (is the service still starting?)",
		" \n":                      "the pidfile is empty (is the service still starting?)",
		"0":                        `the pidfile holds "0"` + id,
		"-812":                     `the pidfile holds "-812"` + id,
		"812 813":                  `the pidfile holds "812 813"` + id,
		"99999999999":              `the pidfile holds "99999999999"` + id,
		"nginx":                    `the pidfile holds "nginx"` + id,
		strings.Repeat("x", 1<<20): `the pidfile holds "` + strings.Repeat("x", maxPidfile) + `"` + id,
		"1\n":                      "the pidfile names process 1, the machine's own",
		strconv.Itoa(os.Getpid()):  "the pidfile names this very process, so it is stale",
		strconv.Itoa(1<<22) + "\n": "stale pidfile: process 4194304 does not run (is the service up, and is this its pidfile?)",
	} {
		if got := send(t, write(t, filepath.Join(dir, "pid"), text)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got, want := send(t, dir+"/no"), "no such file or directory (is the service up, and is this its pidfile?)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, fifo} {
		if got, want := send(t, name), "the pidfile is not a regular file"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestSendToZombie(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	<-watch(cmd.Process.Pid)
	got := send(t, write(t, filepath.Join(t.TempDir(), "pid"), strconv.Itoa(cmd.Process.Pid)))
	if !strings.HasPrefix(got, "stale pidfile: ") {
		t.Error(got)
	}
}

func TestSendToAnotherUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	service := start(t, "sleep", "1000")
	pidfile := write(t, filepath.Join(dir, "pid"), strconv.Itoa(service.Process.Pid))
	var err error
	asNobody(t, dir, func() { err = Signal{pidfile, "HUP"}.send(t.Context(), func(string) {}) })
	want := fmt.Sprintf("process %d: operation not permitted (run repoint as root or as the user of that process)", service.Process.Pid)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}

	if err := os.Chown(pidfile, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	want = fmt.Sprintf("the pidfile belongs to user number 65534, but process %d to user number 0; "+
		"let the pidfile belong to root or to the user of the process", service.Process.Pid)
	if got := send(t, pidfile); got != want {
		t.Errorf("a pidfile of a user who may not signal it:\ngot  %s\nwant %s", got, want)
	}
	if !alive(service.Process.Pid) {
		t.Error("the signal was sent")
	}
}
