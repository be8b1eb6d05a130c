package reload

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// shell is a program that runs a script.
func shell(script string, grace time.Duration) program {
	return program{path: "/bin/sh", args: []string{"-c", script}, grace: grace}
}

// runAndCancel cancels a script once it has printed the ids of so many processes, waits for all of those to end, and
// tells how the script ended.
func runAndCancel(t *testing.T, p program, ids int) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var handles []unix.PollFd
	err := p.run(ctx, func(line string) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Error(err)
		}
		handle, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Error(err)
		}
		if handles = append(handles, unix.PollFd{Fd: int32(handle), Events: unix.POLLIN}); len(handles) == ids {
			cancel()
		}
	})
	for i := range handles {
		n, err := unix.Poll(handles[i:i+1], 5000)
		for err == unix.EINTR {
			n, err = unix.Poll(handles[i:i+1], 5000)
		}
		if n != 1 || err != nil {
			t.Errorf("process %d of %d did not end: %v", i+1, ids, err)
		}
		unix.Close(int(handles[i].Fd))
	}
	return err
}

func TestRunTakesTheGroupAlong(t *testing.T) {
	t.Parallel()
	err := runAndCancel(t, shell("sleep 1000 & echo $!; echo $$; wait", time.Minute), 2)
	if err == nil || !strings.HasPrefix(err.Error(), "sh stopped after ") {
		t.Errorf("error %v", err)
	}
}

func TestRunKillsWhatIgnoresTheEnd(t *testing.T) {
	t.Parallel()
	p := shell(`trap "" TERM; sh -c 'echo $$; while :; do sleep 1000; done' & echo $$; while :; do sleep 1000; done`, 20*time.Millisecond)
	err := runAndCancel(t, p, 2)
	if err == nil || !strings.Contains(err.Error(), ": context canceled") {
		t.Errorf("error %v", err)
	}
}

func TestRunDoesNotWaitForWhoHoldsTheOutput(t *testing.T) {
	t.Parallel()
	var pid string
	if err := shell("sleep 1000 & echo $!", time.Minute).run(t.Context(), func(line string) { pid = line }); err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(pid)
	if err != nil || unix.Kill(id, unix.SIGKILL) != nil {
		t.Errorf("the background program %q is gone: %v", pid, err)
	}
}

func TestRunLines(t *testing.T) {
	t.Parallel()
	var got []string
	script := `printf 'one\r\n\n\ttwo\n'; head -c 5000 /dev/zero | tr '\0' x; echo; printf 'no end'`
	if err := shell(script, time.Minute).run(t.Context(), func(line string) { got = append(got, line) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "", " two", strings.Repeat("x", maxLine), "no end"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFailureOfAProgramThatStays(t *testing.T) {
	t.Parallel()
	p := program{path: "/usr/bin/systemctl"}
	if got := p.failure(context.Canceled, errStays, "last").Error(); got != "systemctl context canceled, but could not be killed: last" {
		t.Error(got)
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"plain ä 漢 🙂":                        "plain ä 漢 🙂",
		"\x1b[1;31mred\x1b[0m\x1b[K":         "red",
		"\x1b]0;title\x07text":               "text",
		"\x1b]0;title\x1b\\text":             `\text`,
		"\x1b]0;title":                       "",
		"\x1b[12\nx":                         "x",
		"\x1b[12":                            "",
		"\x1b":                               "",
		"\x1bc":                              "c",
		"bell\x07 back\x08 nul\x00 c1\u009b": "bell back nul c1",
		"turn\u202e \u2028line":              "turn line",
		"tab\ttab":                           "tab tab",
		"bad \xff":                           "bad \ufffd",
	} {
		if got := printable(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
