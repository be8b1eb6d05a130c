package reload

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	s := Systemctl{Path: "/usr/bin/systemctl"}
	good := Plan{
		Units:     []string{"blog", "php8.2-fpm.service", "blog@1.service", `dev-disk\x2d1.mount`, "a:b_c", "-.mount"},
		UserUnits: []string{"worker.service"},
		Touch:     []string{"/etc/uwsgi/my blog.ini"},
		Signals:   []Signal{{"/run/blog.pid", "HUP"}, {"/run/blog.pid", "SIGUSR2"}, {"/run/blog.pid", "usr1"}},
	}
	if got := Check(good, s); got != nil {
		t.Errorf("good: %q", got)
	}
	bad := Plan{
		Units:     []string{"", "my blog", "blog*", "../blog", "blög", "blog@", "php8.2@.service", strings.Repeat("x", 256)},
		UserUnits: []string{"a;b"},
		Touch:     []string{"", "app.ini", "/etc/../app.ini", "/etc/", "/a\x00b"},
		Signals:   []Signal{{"blog.pid", "HUP"}, {"/run/blog.pid", ""}, {"/run/blog.pid", "1"}, {"/run/blog.pid", "SIGKILL"}, {"/run/blog.pid", "stop"}},
	}
	const charset = `not a unit name: only letters, digits and : _ . @ \ - are allowed`
	want := []string{
		`unit "": a unit needs a name`,
		`unit "my blog": ` + charset,
		`unit "blog*": ` + charset,
		`unit "../blog": ` + charset,
		`unit "blög": ` + charset,
		`unit "blog@": a template cannot be reloaded; name an instance of it, such as blog@1`,
		`unit "php8.2@.service": a template cannot be reloaded; name an instance of it, such as php8.2@1.service`,
		`unit "` + strings.Repeat("x", 256) + `": longer than 255 bytes, which systemd does not take`,
		`unit "a;b": ` + charset,
		`touch "": not an absolute path`,
		`touch "app.ini": not an absolute path`,
		`touch "/etc/../app.ini": not a clean path; write /app.ini`,
		`touch "/etc/": not a clean path; write /etc`,
		`touch "/a\x00b": a path cannot hold a NUL byte`,
		`pidfile "blog.pid": not an absolute path`,
		`signal "": not a signal; a reload is often HUP, USR1 or USR2`,
		`signal "1": not a signal; a reload is often HUP, USR1 or USR2`,
		`signal "SIGKILL": no program can act on it; a reload is often HUP, USR1 or USR2`,
		`signal "stop": no program can act on it; a reload is often HUP, USR1 or USR2`,
	}
	if diff := cmp.Diff(want, Check(bad, s)); diff != "" {
		t.Error(diff)
	}
}

// Not parallel: it takes PATH away.
func TestCheckWithoutSystemd(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	want := []string{`systemctl is not found: does systemd run this machine? (exec: "systemctl": executable file not found in $PATH)`}
	if diff := cmp.Diff(want, Check(Plan{UserUnits: []string{"blog"}}, Systemctl{})); diff != "" {
		t.Error(diff)
	}
	if got := Check(Plan{Touch: []string{"/etc/app.ini"}}, Systemctl{}); got != nil {
		t.Errorf("without units: %q", got)
	}
	_, err := Systemctl{}.Journal(t.Context(), "blog", false, 5)
	if err == nil || !strings.HasPrefix(err.Error(), "reading the journal of blog: journalctl is not found") {
		t.Errorf("error %v", err)
	}
}
