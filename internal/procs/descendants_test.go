package procs

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDescendants(t *testing.T) {
	t.Parallel()
	// Two children, and the second one's child; all of them wait for the end of this test.
	cmd := exec.Command("sh", "-c", `sleep 1000 & a=$!
		sh -c 'sleep 1000 & echo $$ $!; wait' > pids &
		true & wait $!
		until test "$(wc -l < pids)" = 1; do sleep 0.01; done
		echo $$ $a $(cat pids)
		wait`)
	cmd.Dir = t.TempDir()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	startCmd(t, cmd)
	var want []int
	for field := range strings.FieldsSeq(readLine(t, out)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, pid)
	}
	got, err := Descendants(cmd.Process.Pid)
	for _, pid := range got[1:] {
		t.Cleanup(func() { end(t, pid) })
	}
	if err != nil || got[0] != cmd.Process.Pid || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("got %v, want %v; error %v", got, want, err)
	}
	if grandchild := want[3]; got[len(got)-1] != grandchild {
		t.Errorf("order %v, want %d last", got, grandchild)
	}
}

func end(t *testing.T, pid int) {
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}

func TestDescendantsOfNobody(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitZombie(t, cmd.Process.Pid)
	for _, pid := range []int{cmd.Process.Pid, 1 << 22, 0, -1} {
		if got, err := Descendants(pid); !errors.Is(err, os.ErrProcessDone) || got != nil {
			t.Errorf("%d: %v, error %v", pid, got, err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkDescendants(b *testing.B) {
	for b.Loop() {
		if _, err := Descendants(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}
