package reload

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// times returns a file's times of access and modification.
func times(t *testing.T, name string) (access, modification time.Time) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(info.Sys().(*syscall.Stat_t).Atim.Unix()), info.ModTime()
}

func setTime(t *testing.T, name string, to time.Time) {
	t.Helper()
	if err := os.Chtimes(name, to, to); err != nil {
		t.Fatal(err)
	}
}

func TestTouch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "app.ini"), "content")
	link := filepath.Join(dir, "link")
	if err := os.Symlink("app.ini", link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, link} {
		setTime(t, file, time.Now().Add(-time.Hour))
		began := time.Now()
		if err := touch(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		access, modification := times(t, file)
		if modification.Before(began) || modification.After(time.Now()) || !access.Equal(modification) {
			t.Errorf("%s: %v, %v", name, access, modification)
		}
	}
	if data, err := os.ReadFile(file); string(data) != "content" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

func TestTouchAgainIsALaterSecond(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "app.ini"), "")
	last := time.Now().Add(time.Hour)
	setTime(t, file, last)
	for range 3 {
		if err := touch(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		_, now := times(t, file)
		if now.Unix() != last.Unix()+1 {
			t.Errorf("%v after %v", now, last)
		}
		last = now
	}
}

func TestNextTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 5)
	for has, want := range map[time.Time]time.Time{
		time.Unix(999, 999_999_999): now,
		time.Unix(1000, 0):          time.Unix(1001, 0),
		time.Unix(1000, 9):          time.Unix(1001, 0),
		time.Unix(2000, 9):          time.Unix(2001, 0),
	} {
		if got := nextTime(has, now); !got.Equal(want) {
			t.Errorf("%v: got %v, want %v", has, got, want)
		}
	}
}

func TestTouchRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(".", filepath.Join(dir, "to-dir")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	const missing = "no such file or directory (it must exist, as the service watches it; make it once with: touch "
	for name, want := range map[string]string{
		"missing":  missing + dir + "/missing)",
		"dangling": missing + dir + "/dangling)",
		"to-dir":   "to-dir is not a regular file",
		"fifo":     "fifo is not a regular file",
	} {
		if err := touch(t.Context(), filepath.Join(dir, name)); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the missing file was made")
	}
}

func TestTouchByOneWhoMayOnlyWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writable, readable, ahead := filepath.Join(dir, "writable"), filepath.Join(dir, "readable"), filepath.Join(dir, "ahead")
	for _, name := range []string{writable, readable, ahead} {
		write(t, name, "")
	}
	for _, name := range []string{writable, ahead} {
		if err := os.Chmod(name, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	setTime(t, readable, time.Now().Add(-time.Hour))
	setTime(t, ahead, time.Now().Add(time.Hour))
	_, before := times(t, writable) // just now
	var errs [3]error
	asNobody(t, dir, func() {
		for i, name := range []string{writable, readable, ahead} {
			errs[i] = touch(t.Context(), name)
		}
	})
	if _, after := times(t, writable); errs[0] != nil || after.Unix() <= before.Unix() {
		t.Errorf("writable: %v then %v, error %v", before, after, errs[0])
	}
	if err := errs[1]; err == nil || err.Error() != "permission denied (its owner and whoever may write it can touch it)" {
		t.Errorf("readable: %v", err)
	}
	if err := errs[2]; err == nil || !strings.HasPrefix(err.Error(), "its time lies 1h0m") {
		t.Errorf("ahead: %v", err)
	}
}
