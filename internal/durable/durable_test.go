package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repoint/internal/durable"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a new directory through seam.
func open(t testing.TB, seam durable.Seam) *durable.Dir {
	t.Helper()
	dir, err := durable.New(seam).Open(t.TempDir())
	check(t, err)
	t.Cleanup(func() { dir.Close() })
	return dir
}

func put(t testing.TB, dir *durable.Dir, name, text string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(dir.Path(), name), []byte(text), 0o600))
}

func read(t testing.TB, dir *durable.Dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir.Path(), name))
	check(t, err)
	return string(data)
}

// names lists what is in the directory.
func names(t testing.TB, dir *durable.Dir) []string {
	t.Helper()
	entries, err := os.ReadDir(dir.Path())
	check(t, err)
	list := []string{}
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

func TestWriteFileReplaces(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, dir.WriteFile("f", []byte("one"), 0o600))
	check(t, dir.WriteFile("f", []byte("two"), 0o644))
	if got := read(t, dir, "f"); got != "two" {
		t.Errorf("the file holds %q", got)
	}
	info, err := os.Stat(filepath.Join(dir.Path(), "f"))
	check(t, err)
	if info.Mode() != 0o644 {
		t.Errorf("its mode is %v", info.Mode())
	}
	if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("left beside it: %q", got)
	}
}

func TestWriteFileKeepsReadersOnTheOldFile(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, dir.WriteFile("f", []byte("old"), 0o600))
	f, err := os.Open(filepath.Join(dir.Path(), "f"))
	check(t, err)
	defer f.Close()
	check(t, dir.WriteFile("f", []byte("newer"), 0o600))
	buf := make([]byte, 16)
	if n, _ := f.Read(buf); string(buf[:n]) != "old" {
		t.Errorf("a reader that had it open read %q", buf[:n])
	}
}

func TestMkdir(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, dir.Mkdir("d", 0o700))
	check(t, dir.Mkdir("d", 0o700))
	if err := dir.MkdirNew("d", 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("MkdirNew of what is there: %v", err)
	}
	check(t, dir.MkdirNew("d/e", 0o700))
	put(t, dir, "f", "")
	if err := dir.Mkdir("f", 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Mkdir where a file is: %v", err)
	}
	check(t, os.Symlink("d", filepath.Join(dir.Path(), "l")))
	if err := dir.Mkdir("l", 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Mkdir where a link is: %v", err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, dir.Symlink("l", "one"))
	if err := dir.Symlink("l", "two"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Symlink over a link: %v", err)
	}
	check(t, dir.ReplaceLink("l", "three"))
	check(t, dir.ReplaceLink("new", "four"))
	for name, want := range map[string]string{"l": "three", "new": "four"} {
		if got, err := os.Readlink(filepath.Join(dir.Path(), name)); err != nil || got != want {
			t.Errorf("%s points at %q, %v", name, got, err)
		}
	}
	check(t, dir.MkdirNew("d", 0o700))
	if err := dir.ReplaceLink("d", "five"); err == nil {
		t.Error("ReplaceLink replaced a directory")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"d", "l", "new"}) {
		t.Errorf("left beside them: %q", got)
	}
}

func TestRenameAndRemove(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	put(t, dir, "a", "a")
	check(t, dir.MkdirNew("d", 0o700))
	check(t, dir.Rename("a", "d/b"))
	if read(t, dir, "d/b") != "a" {
		t.Error("the file was not renamed")
	}
	if err := dir.Remove("d"); err == nil {
		t.Error("Remove took a directory that is not empty")
	}
	check(t, dir.Remove("d/b"))
	check(t, dir.Remove("d"))
	if err := dir.Remove("d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
}

func TestAppendAndTruncate(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	f, err := dir.Root().OpenFile("f", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	check(t, err)
	defer f.Close()
	check(t, dir.Append(f, []byte("one\n")))
	check(t, dir.Append(f, []byte("two\n")))
	check(t, dir.Truncate(f, 5))
	check(t, dir.Append(f, []byte("!")))
	if got := read(t, dir, "f"); got != "one\nt!" {
		t.Errorf("the file holds %q", got)
	}
}

func TestSync(t *testing.T) {
	t.Parallel()
	dir := open(t, nil)
	check(t, dir.MkdirNew("d", 0o700))
	check(t, errors.Join(dir.Sync("."), dir.Sync("d"), dir.SyncFS()))
	if err := dir.Sync("nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Sync of nothing: %v", err)
	}
}

func TestDiskByPath(t *testing.T) {
	t.Parallel()
	var disk durable.Disk
	top := t.TempDir()
	file, link := filepath.Join(top, "f"), filepath.Join(top, "l")
	check(t, disk.WriteFile(file, []byte("text"), 0o640))
	check(t, disk.Link(link, "f"))
	if err := disk.Link(link, "g"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Link over a link: %v", err)
	}
	if err := disk.Link(file, "g"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Link over a file: %v", err)
	}
	data, err := os.ReadFile(link)
	check(t, err)
	if string(data) != "text" {
		t.Errorf("through the link: %q", data)
	}
	check(t, disk.SyncDir(top))
	check(t, disk.Remove(link))
	check(t, disk.Remove(file))
	for name, err := range map[string]error{
		"Remove":    disk.Remove(file),
		"SyncDir":   disk.SyncDir(file),
		"WriteFile": disk.WriteFile(filepath.Join(file, "f"), nil, 0o600),
		"Link":      disk.Link(filepath.Join(file, "f"), "g"),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s where nothing is: %v", name, err)
		}
	}
}

func TestOpenRefusesAFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "f")
	check(t, os.WriteFile(name, nil, 0o600))
	if dir, err := (durable.Disk{}).Open(name); err == nil {
		dir.Close()
		t.Error("a file was opened as a directory")
	}
}

func TestTempNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		name := durable.TempName()
		if seen[name] || !durable.IsTemp(name) || strings.ContainsAny(name, "/\x00") {
			t.Fatalf("%q: seen %v, recognised %v", name, seen[name], durable.IsTemp(name))
		}
		seen[name] = true
	}
	for _, name := range []string{".repoint", "current", "code_", "repoint.toml", "x.repoint-1", ""} {
		if durable.IsTemp(name) {
			t.Errorf("%q counts as temporary", name)
		}
	}
}
