package buildhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain gives this process variables that a build hook must never see.
func TestMain(m *testing.M) {
	for _, name := range []string{"GIT_DIR", "GIT_QUARANTINE_PATH", "SSH_AUTH_SOCK", "LD_BIND_NOW", "OTHER"} {
		os.Setenv(name, ".")
	}
	os.Exit(m.Run())
}

// hook makes a build hook with a mark of its own, and stops what it leaves when the test ends.
func hook(t *testing.T, lines ...string) Hook {
	t.Helper()
	mark := rand.Text()
	t.Cleanup(func() {
		if _, err := StopStrays(mark); err != nil {
			t.Error(err)
		}
	})
	return Hook{
		Phase: "build",
		Lines: lines,
		Dir:   t.TempDir(),
		Env:   Environ(Vars{App: "blog", Home: "/nonexistent", Mark: mark}),
	}
}

func collect(ctx context.Context, h Hook) ([]string, error) {
	var lines []string
	err := Run(ctx, h, func(s string) { lines = append(lines, s) })
	return lines, err
}

// runs tells whether the process with that id runs and belongs to h.
func runs(h Hook, pid string) bool {
	id, err := strconv.Atoi(pid)
	return err == nil && marked(id, []byte(markPrefix+markOf(h.Env)), anySession)
}

func TestRunOrderAndOutput(t *testing.T) {
	t.Parallel()
	h := hook(t, "echo one; echo two >&2", "pwd", "cat; echo end of input")
	got, err := collect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "two", h.Dir, "end of input"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunNothing(t *testing.T) {
	t.Parallel()
	if err := Run(t.Context(), Hook{Phase: "check"}, nil); err != nil {
		t.Error(err)
	}
}

func TestRunFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line, message, signal string
		status                      int
		tail                        []string
	}{
		{"status", "echo bad; exit 3", "echo bad; exit 3 exited 3", "", 3, []string{"bad"}},
		{"first failing command", "false\necho not reached", "false… exited 1", "", 1, nil},
		{"unknown program", "no-such-program 2>/dev/null", "no-such-program 2>/dev/null exited 127", "", 127, nil},
		{"syntax", "if 2>/dev/null", "if 2>/dev/null exited 2", "", 2, nil},
		{"signal", "kill -9 $$", "kill -9 $$ was ended by SIGKILL", "SIGKILL", 0, nil},
		{"like an option", "-x", "-x exited 127", "", 127, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines, err := collect(t.Context(), hook(t, c.line, "echo next line"))
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("error %v, want an *Error", err)
			}
			if slices.Contains(lines, "next line") {
				t.Error("went on after a failure")
			}
			if got := err.Error(); got != c.message {
				t.Errorf("message %q, want %q", got, c.message)
			}
			if failed.Status != c.status || failed.Signal != c.signal || failed.Line != c.line || failed.Phase != "build" {
				t.Errorf("got %+v", failed)
			}
			if failed.Timeout || failed.Canceled {
				t.Errorf("failed by itself, but got %+v", failed)
			}
			if c.tail != nil && !slices.Equal(failed.Tail, c.tail) {
				t.Errorf("tail %q, want %q", failed.Tail, c.tail)
			}
		})
	}
}

func TestRunTail(t *testing.T) {
	t.Parallel()
	h := hook(t, "echo earlier line", "seq 1 50; echo secret=hunter22; exit 1 # hunter22")
	h.Mask = NewMasker([]string{"PASSWORD=hunter22"})
	lines, err := collect(t.Context(), h)
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	var want []string
	for i := 32; i <= 50; i++ {
		want = append(want, strconv.Itoa(i))
	}
	want = append(want, "secret=****")
	if diff := cmp.Diff(want, failed.Tail); diff != "" {
		t.Error(diff)
	}
	if len(lines) != 52 {
		t.Errorf("%d lines, want 52", len(lines))
	}
	if text := fmt.Sprintf("%v %+v %v", lines, failed, err); strings.Contains(text, "hunter22") {
		t.Errorf("the secret shows in %s", text)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, where := range map[string]string{
		`running build hook "build": directory "code" is not an absolute path`:       "code",
		`running build hook "build": ` + dir + `/file is not a directory`:            dir + "/file",
		`running build hook "build": stat ` + dir + `/no: no such file or directory`: dir + "/no",
	} {
		h := hook(t, "echo ran")
		h.Dir = where
		lines, err := collect(t.Context(), h)
		if err == nil || err.Error() != name || len(lines) > 0 {
			t.Errorf("dir %q: error %v, output %q; want error %s", where, err, lines, name)
		}
	}
}

func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	h := hook(t, "env")
	h.Env = Environ(Vars{
		App: "blog", Commit: "9f2c", Ref: "refs/heads/main", Release: "/srv/blog/code_9f2c", Previous: "", Action: "deploy",
		Mark: markOf(h.Env), Home: "/home/blog", Extra: []string{"TOKEN=a b=c", "LANG=de_DE.UTF-8"},
	})
	got, err := collect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	got = slices.DeleteFunc(got, func(s string) bool { // shells set these themselves
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains([]string{"PWD", "OLDPWD", "SHLVL", "_"}, name)
	})
	slices.Sort(got)
	want := slices.Sorted(slices.Values(h.Env))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunWithoutEnvironment(t *testing.T) {
	t.Parallel()
	h := hook(t, "/usr/bin/env")
	h.Env = nil
	got, err := collect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range got {
		if !strings.HasPrefix(entry, markPrefix) && !strings.HasPrefix(entry, "PWD=") &&
			!strings.HasPrefix(entry, "OLDPWD=") && !strings.HasPrefix(entry, "SHLVL=") && !strings.HasPrefix(entry, "_=") {
			t.Errorf("%s was inherited", entry)
		}
	}
	if !slices.ContainsFunc(got, func(s string) bool { return len(s) > len(markPrefix)+20 && strings.HasPrefix(s, markPrefix) }) {
		t.Errorf("no mark in %q", got)
	}
}

func TestRunDescriptorsAndTerminal(t *testing.T) {
	t.Parallel()
	h := hook(t, `for f in /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; do readlink $f | sed 's/:.*//'; done
		echo $(( $(sed -n 's/^flags:[^0-9]*//p' /proc/self/fdinfo/2) & 04000 ))
		if (: < /dev/tty) 2>/dev/null; then echo has a terminal; fi`)
	got, err := collect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	// The last is O_NONBLOCK: programs expect a pipe that blocks.
	if diff := cmp.Diff([]string{"/dev/null", "pipe", "pipe", "0"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunHeldOutput(t *testing.T) {
	t.Parallel()
	h := hook(t, "sleep 1000 & echo $!", "echo next")
	began := time.Now()
	got, err := collect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 500*time.Second {
		t.Errorf("was held for %s", took)
	}
	if len(got) != 2 || got[1] != "next" {
		t.Fatalf("output %q", got)
	}
	if !runs(h, got[0]) {
		t.Error("a successful line's background program was stopped")
	}
}
