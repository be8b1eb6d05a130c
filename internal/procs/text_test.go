package procs

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// awaitArguments waits until the kernel shows a new program's arguments: they
// come a moment after the exec that starting it has waited for.
func awaitArguments(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
			return
		}
	}
	t.Fatalf("process %d never got its arguments", pid)
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"gunicorn: worker [blog]", "gunicorn: worker [blog]"},
		{"\x1b[31mred\x07 \u202etxt\n", "[31mred txt"},
		{"", "sh"},
		{"\n", "sh"},
		{strings.Repeat("ä", 31), strings.Repeat("ä", 28) + "…"},
		{strings.Repeat("x", 60), strings.Repeat("x", 60)},
		{"bad \xff utf-8", "bad \ufffd utf-8"},
	} {
		pid := startShell(t, "sh", c.name)
		awaitArguments(t, pid)
		if got := command(pid); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := command(1 << 22); got != "" {
		t.Errorf("of nobody: %q", got)
	}
}
