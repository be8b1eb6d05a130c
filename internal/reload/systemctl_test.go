package reload

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		does string
		want []int
		err  string
	}{
		{"echo LoadState=loaded; echo ControlGroup=; echo MainPID=0", nil, ""},
		{"echo LoadState=loaded; echo ControlGroup=; echo MainPID=812", []int{812}, ""},
		{"echo ControlGroup=/no/such.slice/blog.service; echo MainPID=812", []int{812}, ""},
		{"echo LoadState=not-found; echo MainPID=0", nil,
			"looking for the processes of blog: systemd does not know this unit (systemctl list-unit-files shows all)"},
		{"echo ControlGroup=/../../etc; echo MainPID=812", nil,
			`looking for the processes of blog: control group "/../../etc" is not a clean absolute path`},
		{"echo Failed to connect to bus: No such file or directory >&2; exit 1", nil,
			"looking for the processes of blog: systemctl exited 1: Failed to connect to bus: No such file or directory (does systemd run here? " +
				"For user units: loginctl enable-linger USER keeps the user's systemd running)"},
	} {
		f := newFake(t, c.does, "")
		got, err := f.PIDs(t.Context(), "blog", true)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.does, diff)
		}
		if text := fmt.Sprint(err); text != c.err && (err != nil || c.err != "") {
			t.Errorf("%s\ngot  %s\nwant %s", c.does, text, c.err)
		}
		want := "--user --no-ask-password --no-pager show --property=LoadState --property=ControlGroup --property=MainPID -- blog\n"
		if diff := cmp.Diff(want, f.calls(t)); diff != "" {
			t.Error(diff)
		}
	}
}

// A real control group, with one below, as a service with workers may have it.
func TestPIDsOfControlGroup(t *testing.T) {
	t.Parallel()
	top := makeGroup(t)
	name := filepath.Base(top)
	below := filepath.Join(top, "workers")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeGroup(t, below) })
	main, worker := start(t, "sleep", "1000"), start(t, "sleep", "1000")
	write(t, filepath.Join(top, procsFile), strconv.Itoa(main.Process.Pid))
	write(t, filepath.Join(below, procsFile), strconv.Itoa(worker.Process.Pid))

	f := newFake(t, fmt.Sprintf("echo ControlGroup=/%s; echo MainPID=%d", name, main.Process.Pid), "")
	got, err := f.PIDs(t.Context(), "blog.service", false)
	if err != nil {
		t.Fatal(err)
	}
	want := []int{min(main.Process.Pid, worker.Process.Pid), max(main.Process.Pid, worker.Process.Pid)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// makeGroup makes a control group where systemd would.
func makeGroup(t *testing.T) string {
	t.Helper()
	for _, root := range groupRoots {
		if _, err := os.Stat(filepath.Join(root, procsFile)); err != nil {
			continue
		}
		dir, err := os.MkdirTemp(root, "repoint-test-")
		if err != nil {
			t.Skipf("only root can make control groups, where it may: %v", err)
		}
		t.Cleanup(func() { removeGroup(t, dir) })
		return dir
	}
	t.Skip("no control groups are mounted where systemd has them")
	return ""
}

// removeGroup removes a group, which must be empty: what a test started later is stopped earlier.
func removeGroup(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(dir); err != nil {
		t.Error(err)
	}
}

func TestPIDsInGroupsThatVanish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got, err := treePIDs(filepath.Join(dir, "gone")); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	write(t, filepath.Join(dir, procsFile), "0\n812\n7\n")
	if err := os.Mkdir(filepath.Join(dir, "no-procs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := treePIDs(dir); !cmp.Equal(got, []int{812, 7}) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", `printf 'first\nTraceback:\n  \033[31mValueError\033[0m\007: x\n'`)
	got, err := f.Journal(t.Context(), "blog.service", false, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Traceback:", "  ValueError: x"}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := f.Journal(t.Context(), "blog.service", true, 20); err != nil || len(got) != 3 {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := f.Journal(t.Context(), "blog.service", true, 0); err != nil || got != nil {
		t.Errorf("no lines: %q, %v", got, err)
	}
	want := "--unit=blog.service -n 2 -o cat --no-pager --quiet\n--user-unit=blog.service -n 20 -o cat --no-pager --quiet\n"
	if diff := cmp.Diff(want, f.calls(t)); diff != "" {
		t.Error(diff)
	}
}

func TestJournalFailures(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", "echo No journal files were opened due to insufficient permissions.; exit 1")
	for unit, want := range map[string]string{
		"blog": "reading the journal of blog: journalctl exited 1: No journal files were opened due to insufficient permissions. " +
			"(members of the group systemd-journal may read the journal)",
		"b*": `reading the journal of unit "b*": not a unit name: only letters, digits and : _ . @ \ - are allowed`,
	} {
		if got, err := f.Journal(t.Context(), unit, false, 5); err == nil || err.Error() != want || got != nil {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
