package buildhook

import (
	"fmt"
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLookupAccountOfThisUser(t *testing.T) {
	t.Parallel()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	got, err := LookupAccount(me.Username)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != me.Username || got.Home != me.HomeDir || fmt.Sprint(got.UID) != me.Uid || fmt.Sprint(got.GID) != me.Gid {
		t.Errorf("got %+v, want %+v", got, me)
	}
}

func TestLookupAccountUnknown(t *testing.T) {
	t.Parallel()
	got, err := LookupAccount("no-such-user")
	if err == nil || got != nil || !strings.HasPrefix(err.Error(), `looking up user "no-such-user" for build hooks: `) {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func TestAccountAllowed(t *testing.T) {
	t.Parallel()
	ada := &Account{Name: "ada", UID: 1000}
	for euid, want := range map[int]string{
		0:    "",
		1000: "",
		1001: `running build hooks as user "ada": only root can, and this process runs as user number 1001; ` +
			`run repoint as root or as ada, or leave user empty`,
	} {
		got := ""
		if err := ada.allowed(euid); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("as %d: %q, want %q", euid, got, want)
		}
	}
}

func TestRunAsOtherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can run programs as another user")
	}
	nobody, err := LookupAccount("nobody")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Groups = []uint32{nobody.GID, 12345}
	h := hook(t, "id -u; id -g; id -G", "sleep 1000 & echo background", "kill -0 $PPID 2>/dev/null || echo cannot signal repoint; exit 1")
	h.As, h.Dir = nobody, "/"
	got, err := collect(t.Context(), h)
	if err == nil {
		t.Fatal("want a failure at the end")
	}
	want := []string{
		fmt.Sprint(nobody.UID), fmt.Sprint(nobody.GID), fmt.Sprintf("%d 12345", nobody.GID), "background", "cannot signal repoint",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n, err := StopStrays(markOf(h.Env)); n != 1 || err != nil {
		t.Errorf("stopped %d strays of another user, error %v; want 1", n, err)
	}
}

func TestRunAsOtherUserInClosedDirectory(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can run programs as another user")
	}
	nobody, err := LookupAccount("nobody")
	if err != nil {
		t.Fatal(err)
	}
	h := hook(t, "echo ran")
	if err := os.Chmod(h.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h.As = nobody
	lines, err := collect(t.Context(), h)
	if err == nil || !strings.HasSuffix(err.Error(), `permission denied (can user "nobody" enter that directory?)`) || len(lines) > 0 {
		t.Errorf("error %v, output %q", err, lines)
	}
}
