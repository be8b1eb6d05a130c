package buildhook

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// runUntil runs h and cancels it when it prints the last of "ready" lines wanted.
func runUntil(t *testing.T, h Hook, ready int) ([]string, *Error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lines []string
	err := Run(ctx, h, func(s string) {
		lines = append(lines, s)
		if len(lines) == ready {
			cancel()
		}
	})
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("error %v, want an *Error; output %q", err, lines)
	}
	return lines, failed
}

func TestRunTimeout(t *testing.T) {
	t.Parallel()
	h := hook(t, "true", "sleep 1000", "echo not reached")
	h.Timeout = 200 * time.Millisecond
	lines, err := collect(t.Context(), h)
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if !failed.Timeout || failed.Canceled || failed.After < h.Timeout || len(lines) > 0 {
		t.Errorf("got %+v, output %q", failed, lines)
	}
	if got := err.Error(); !strings.Contains(got, " stopped after ") || !strings.HasSuffix(got, " (timeout)") {
		t.Errorf("message %q", got)
	}
}

func TestRunCanceledBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lines, err := collect(ctx, hook(t, "echo ran"))
	var failed *Error
	if !errors.As(err, &failed) || !failed.Canceled || failed.Timeout || len(lines) > 0 {
		t.Errorf("error %v, output %q", err, lines)
	}
}

func TestRunLetsProgramsTidyUp(t *testing.T) {
	t.Parallel()
	// The shell dies of SIGTERM at once; what it started takes its time.
	h := hook(t, `sh -c 'trap "sleep 0.1; echo tidied up; exit 0" TERM; echo ready; while :; do sleep 0.01; done'; echo x`)
	h.Grace = 500 * time.Second
	lines, failed := runUntil(t, h, 1)
	if !slices.Contains(lines, "tidied up") {
		t.Errorf("output %q", lines)
	}
	if !failed.Canceled || failed.Signal != "SIGTERM" {
		t.Errorf("got %+v", failed)
	}
}

func TestRunKillsAfterGrace(t *testing.T) {
	t.Parallel()
	h := hook(t, "trap '' TERM; echo ready; while :; do sleep 1000; done")
	h.Grace = 20 * time.Millisecond
	_, failed := runUntil(t, h, 1)
	if !failed.Canceled || failed.Signal != "SIGKILL" {
		t.Errorf("got %+v", failed)
	}
}

func TestRunLeavesNobody(t *testing.T) {
	t.Parallel()
	// Each prints its id and stays: in the group, in a session of its own, orphaned twice, deaf to SIGHUP and
	// SIGTERM, without output.
	h := hook(t, `stay='echo $$; exec sleep 1000'
		sh -c "$stay" &
		setsid sh -c "$stay" &
		(setsid sh -c "(sh -c '$stay' &) &" &)
		nohup sh -c "trap '' TERM; $stay" &
		setsid sh -c 'echo $$; exec >/dev/null 2>&1; trap "" TERM HUP; while :; do sleep 1000; done' &
		wait`)
	h.Grace = 50 * time.Millisecond
	var pids []string
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Run(ctx, h, func(pid string) {
		if !runs(h, pid) {
			t.Errorf("%q does not run while the build hook does", pid)
		}
		if pids = append(pids, pid); len(pids) == 5 {
			cancel()
		}
	})
	var failed *Error
	if !errors.As(err, &failed) || !failed.Canceled {
		t.Fatalf("error %v", err)
	}
	for _, pid := range pids {
		if runs(h, pid) {
			t.Errorf("%s survived", pid)
		}
	}
	if n, err := StopStrays(markOf(h.Env)); n != 0 || err != nil {
		t.Errorf("then %d strays were left, error %v", n, err)
	}
}

func TestRunFailureTakesItsSession(t *testing.T) {
	t.Parallel()
	h := hook(t, `sleep 1000 & echo $!
		setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 1000' &
		until test -e pid; do sleep 0.01; done
		cat pid
		exit 3`)
	lines, err := collect(t.Context(), h)
	var failed *Error
	if !errors.As(err, &failed) || failed.Status != 3 || len(lines) != 2 {
		t.Fatalf("error %v, output %q", err, lines)
	}
	if runs(h, lines[0]) {
		t.Error("what the failed line left in its session survived")
	}
	if !runs(h, lines[1]) {
		t.Error("what left the failed line's session was stopped")
	}
	if n, err := StopStrays(markOf(h.Env)); n != 1 || err != nil {
		t.Errorf("stopped %d strays, error %v; want 1", n, err)
	}
	if runs(h, lines[1]) {
		t.Error("the stray survived StopStrays")
	}
}

func TestRunFlood(t *testing.T) {
	t.Parallel()
	lines, failed := runUntil(t, hook(t, "yes | cat"), 100_000)
	if !failed.Canceled || len(lines) < 100_000 || len(failed.Tail) != tailLines {
		t.Errorf("%d lines, %+v", len(lines), failed)
	}
}

func TestReapOfWhatCannotBeStopped(t *testing.T) {
	t.Parallel()
	p, err := start(hook(t, ""), "sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.reap(); err == nil || !strings.Contains(err.Error(), "could not be stopped") {
		t.Errorf("error %v", err)
	}
	p.out.Close() // the rest is the cleanup of hook
}

func TestStopStraysNeedsMark(t *testing.T) {
	t.Parallel()
	if n, err := StopStrays(""); err == nil || n != 0 {
		t.Errorf("stopped %d, error %v", n, err)
	}
}

func TestStopStraysWantsTheWholeMark(t *testing.T) {
	t.Parallel()
	h := hook(t)
	mark := markOf(h.Env)
	cmd := exec.Command("sleep", "1000")
	cmd.Env = []string{"X_" + markPrefix + mark, markPrefix + mark + "x", "OTHER=" + markPrefix + mark}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if n, err := StopStrays(mark); n != 0 || err != nil {
		t.Errorf("stopped %d, error %v", n, err)
	}
	if !statusOf(cmd.Process.Pid).runs() {
		t.Error("a process with a similar mark was killed")
	}
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	if s := statusOf(os.Getpid()); !s.runs() || s.group <= 0 || s.session < 0 || s.flags&kernelThread != 0 {
		t.Errorf("own status %+v", s)
	}
	if s := statusOf(-1); s.runs() {
		t.Errorf("status of nobody %+v", s)
	}
}

func TestStopStraysFindsWhatIsStarting(t *testing.T) {
	t.Parallel()
	// Two shells replace themselves without end; an environment read at a bad moment is empty.
	h := hook(t, `echo 'echo ready; exec sh ./again' > first; echo 'exec sh ./again' > again
		setsid sh ./first & setsid sh ./first & wait`)
	h.Grace = time.Millisecond
	runUntil(t, h, 2)
	if n, err := StopStrays(markOf(h.Env)); n != 0 || err != nil {
		t.Errorf("then %d strays were left, error %v", n, err)
	}
}

func TestStopStraysBesideEmptyEnvironment(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	cmd.Env = []string{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if n, err := StopStrays("nobody has this"); n != 0 || err != nil {
		t.Errorf("stopped %d, error %v", n, err)
	}
}
