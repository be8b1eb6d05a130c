package copytree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// past is a time with nanoseconds, long before any test.
var past = time.Date(2011, 2, 3, 4, 5, 6, 123456789, time.UTC)

// sampleStats is what a copy of sample counts.
func sampleStats(cloned int) Stats {
	return Stats{Files: 212, Dirs: 7, Links: 3, Bytes: 18<<20 + 449, Cloned: cloned, Skipped: 2}
}

// sample makes a tree with one of everything.
func sample(t *testing.T, dir string) string {
	t.Helper()
	src := filepath.Join(dir, "src")
	folders := []string{"", "bin", "empty", "many", "read only", "deep", "deep/\xff\n"}
	for _, name := range folders {
		must(t, os.Mkdir(filepath.Join(src, name), 0o755))
	}
	files := []struct {
		name, text string
		mode       fs.FileMode
	}{
		{"empty file", "", 0o644},
		{"big", strings.Repeat("0123456789abcdef", 18<<16), 0o640},
		{"bin/run", "#!/bin/", 0o755},
		{"bin/setuid", "sixsix", 0o755 | fs.ModeSetuid | fs.ModeSetgid},
		{"all may write", "sixsix", 0o777},
		{"secret", "sixsix", 0o600},
		{"read only/file", "sixsix", 0o444},
		{"deep/\xff\n/ü", "sixsix", 0o644},
		{"hard", "sixsix", 0o644},
		{".hidden", "", 0o644},
		{strings.Repeat("n", 255), "", 0o644},
	}
	for i := range 200 {
		name := fmt.Sprintf("many/%d", i)
		files = append(files, struct {
			name, text string
			mode       fs.FileMode
		}{name, "ab", 0o644})
	}
	for _, f := range files {
		name := filepath.Join(src, f.name)
		must(t, os.WriteFile(name, []byte(f.text), 0o600))
		must(t, os.Chmod(name, f.mode))
		must(t, os.Chtimes(name, time.Time{}, past.Add(time.Duration(len(f.name)))))
	}
	must(t, os.Link(filepath.Join(src, "hard"), filepath.Join(src, "same")))
	must(t, os.Symlink("bin/run", filepath.Join(src, "link")))
	must(t, os.Symlink("/etc", filepath.Join(src, "outside")))
	must(t, os.Symlink("not/there", filepath.Join(src, "deep/dangling")))
	must(t, unix.Mkfifo(filepath.Join(src, "fifo"), 0o600))
	must(t, unix.Mknod(filepath.Join(src, "socket"), unix.S_IFSOCK|0o600, 0))
	for i, name := range folders {
		mode := fs.FileMode(0o755)
		if name == "read only" {
			mode = 0o555
		}
		must(t, os.Chmod(filepath.Join(src, name), mode))
		must(t, os.Chtimes(filepath.Join(src, name), time.Time{}, past.Add(time.Duration(i)*time.Hour)))
	}
	return src
}

// tempDir is for trees with directories that only root could empty.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	makeWritable(t, dir)
	return dir
}

func makeWritable(t *testing.T, root string) {
	t.Helper()
	t.Cleanup(func() {
		must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return os.Chmod(path, 0o700)
		}))
	})
}

// seen is what must be the same in a copy.
type seen struct {
	Mode fs.FileMode
	Time time.Time
	Text string
}

// look reads a tree, without what is not copied: fifos, sockets, the
// bits above the permissions, the times of links.
func look(t *testing.T, root string) map[string]seen {
	t.Helper()
	all := map[string]seen{}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&(fs.ModeNamedPipe|fs.ModeSocket) != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s := seen{Mode: info.Mode().Type() | info.Mode().Perm(), Time: info.ModTime().UTC()}
		switch {
		case d.Type() == fs.ModeSymlink:
			s.Time = time.Time{}
			s.Text, err = os.Readlink(path)
		case d.Type().IsRegular():
			var data []byte
			data, err = os.ReadFile(path)
			s.Text = string(data)
		}
		name, _ := filepath.Rel(root, path)
		all[name] = s
		return err
	}))
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
