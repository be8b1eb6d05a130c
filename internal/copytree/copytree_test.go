package copytree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestCopyKeepsEverythingThatItPromises(t *testing.T) {
	t.Parallel()
	for name, workers := range map[string]int{"one worker": 1, "by CPUs": 0, "eight": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := sample(t, tempDir(t)), filepath.Join(tempDir(t), "copy")
			stats, err := Copy(t.Context(), src, dst, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(look(t, src), look(t, dst)); diff != "" {
				t.Errorf("source and copy (-source +copy):\n%s", diff)
			}
			// Whether it cloned depends on where temporary files are.
			if want := sampleStats(stats.Cloned); stats != want {
				t.Errorf("stats %+v, want %+v", stats, want)
			}
		})
	}
}

func TestCopyIsApartFromItsSource(t *testing.T) {
	t.Parallel()
	src, dst := sample(t, tempDir(t)), filepath.Join(tempDir(t), "copy")
	before := look(t, src)
	if _, err := Copy(t.Context(), src, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	must(t, filepath.WalkDir(dst, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if links := info.Sys().(*syscall.Stat_t).Nlink; links != 1 || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			t.Errorf("%s: mode %v, %d links", path, info.Mode(), links)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, []byte("written"), 0o600)
	}))
	if diff := cmp.Diff(before, look(t, src)); diff != "" {
		t.Errorf("the source changed (-before +after):\n%s", diff)
	}
}

func TestCopyToAnotherFileSystem(t *testing.T) {
	t.Parallel()
	there, err := os.MkdirTemp("/dev/shm", "copytree-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(there)) })
	makeWritable(t, there)
	src := sample(t, tempDir(t))
	dst := filepath.Join(there, "copy")
	stats, err := Copy(t.Context(), src, dst, Options{})
	if err != nil || stats != sampleStats(0) {
		t.Fatalf("stats %+v, %v", stats, err)
	}
	if diff := cmp.Diff(look(t, src), look(t, dst)); diff != "" {
		t.Errorf("source and copy (-source +copy):\n%s", diff)
	}
}

func TestCopyOwner(t *testing.T) {
	t.Parallel()
	owner := Owner{UID: os.Geteuid(), GID: os.Getegid()}
	if owner.UID == 0 {
		owner = Owner{UID: 12345, GID: 23456}
	}
	src, dst := sample(t, tempDir(t)), filepath.Join(tempDir(t), "copy")
	if _, err := Copy(t.Context(), src, dst, Options{Owner: &owner}); err != nil {
		t.Fatal(err)
	}
	must(t, filepath.WalkDir(dst, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		is := info.Sys().(*syscall.Stat_t)
		if int(is.Uid) != owner.UID || int(is.Gid) != owner.GID {
			t.Errorf("%s belongs to %d:%d", path, is.Uid, is.Gid)
		}
		return nil
	}))
	if diff := cmp.Diff(look(t, src), look(t, dst)); diff != "" {
		t.Errorf("source and copy (-source +copy):\n%s", diff)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.MkdirAll(at("src/sub"), 0o755))
	must(t, os.WriteFile(at("src/file"), []byte("text"), 0o644))
	must(t, os.Mkdir(at("there"), 0o755))
	must(t, os.Symlink("src", at("link")))
	must(t, os.Symlink("nowhere", at("dangling")))
	below := Options{SrcRoot: dir, DstRoot: dir}
	for name, tt := range map[string]struct {
		src, dst string
		options  Options
		want     string
	}{
		"no source":          {src: at("gone"), dst: at("a"), want: "opening DIR/gone: no such file or directory"},
		"empty source":       {src: "", dst: at("a"), want: `opening "": no such file or directory`},
		"a file":             {src: at("src/file"), dst: at("a"), want: "opening DIR/src/file: not a directory (links are not followed)"},
		"a link":             {src: at("link"), dst: at("a"), want: "opening DIR/link: not a directory (links are not followed)"},
		"a link with slash":  {src: at("link") + "/", dst: at("a"), want: "opening DIR/link/: not a directory (links are not followed)"},
		"dst exists":         {src: at("src"), dst: at("there"), want: "making DIR/there: it is there already: file exists"},
		"dst with a slash":   {src: at("src"), dst: at("there") + "/", want: "making DIR/there/: it is there already: file exists"},
		"dst is a link":      {src: at("src"), dst: at("dangling"), want: "making DIR/dangling: it is there already: file exists"},
		"no parent":          {src: at("src"), dst: at("b/c"), want: "opening DIR/b: no such file or directory"},
		"parent is a file":   {src: at("src"), dst: at("src/file/c"), want: "opening DIR/src/file: not a directory (links are not followed)"},
		"into itself":        {src: at("src"), dst: at("src/sub/copy"), want: "copying sub/copy: this is the copy: it would be copied into itself"},
		"link on the way":    {src: "link/sub", dst: "a", options: below, want: "opening link/sub: not a directory (links are not followed)"},
		"link to the parent": {src: "src", dst: "link/a", options: below, want: "opening link: not a directory (links are not followed)"},
		"source not below":   {src: "src/../src", dst: "a", options: below, want: "opening src/../src: " + errNotBelow.Error()},
		"absolute source":    {src: at("src"), dst: "a", options: below, want: "opening DIR/src: " + errNotBelow.Error()},
		"dst not below":      {src: "src", dst: "../a", options: below, want: "opening ..: " + errNotBelow.Error()},
		"no root":            {src: "src", dst: "a", options: Options{SrcRoot: at("gone")}, want: "opening src: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Copy(t.Context(), tt.src, tt.dst, tt.options)
			want := fmt.Sprintf("copying %s to %s: %s", shown(tt.src), tt.dst, strings.ReplaceAll(tt.want, "DIR", dir))
			if got := fmt.Sprint(err); got != want {
				t.Errorf("error\n%s\nwant\n%s", got, want)
			}
		})
	}
	if _, err := os.Lstat(at("a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused copy was begun: %v", err)
	}
	if _, err := Copy(t.Context(), at("src"), at("there"), Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v is not fs.ErrExist", err)
	}
}

func TestCopyBelowRoots(t *testing.T) {
	t.Parallel()
	src, dst := sample(t, tempDir(t)), tempDir(t)
	must(t, os.Mkdir(filepath.Join(dst, "a"), 0o755))
	root := filepath.Join(t.TempDir(), "root")
	must(t, os.Symlink(dst, root)) // a root may be a link, as current is
	o := Options{SrcRoot: filepath.Dir(src), DstRoot: root}
	for _, to := range []string{"b", "a/b"} {
		if _, err := Copy(t.Context(), "src", to, o); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(look(t, src), look(t, filepath.Join(dst, to))); diff != "" {
			t.Errorf("source and %s (-source +copy):\n%s", to, diff)
		}
	}
}

// TestCopyDeep copies a tree whose paths are longer than the kernel takes.
func TestCopyDeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, depth := strings.Repeat("d", 200), 60
	in, err := makeTop("", filepath.Join(dir, "src"))
	must(t, err)
	for range depth {
		inner, err := makeFolder(in, name)
		must(t, err)
		must(t, unix.Close(in))
		in = inner
	}
	must(t, unix.Symlinkat("end", in, "end"))
	must(t, unix.Close(in))
	stats, err := Copy(t.Context(), filepath.Join(dir, "src"), filepath.Join(dir, "copy"), Options{})
	if want := (Stats{Dirs: depth + 1, Links: 1}); err != nil || stats != want {
		t.Fatalf("%+v, %v", stats, err)
	}
	out, err := openBelow(dir, "copy")
	for range depth {
		must(t, err)
		inner, failed := openFolder(out, name)
		must(t, unix.Close(out))
		out, err = inner, failed
	}
	must(t, err)
	defer unix.Close(out)
	var buffer [8]byte
	if n, err := unix.Readlinkat(out, "end", buffer[:]); err != nil || string(buffer[:n]) != "end" {
		t.Errorf("at the end: %q, %v", buffer[:max(n, 0)], err)
	}
}

func TestCopyCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dst := filepath.Join(t.TempDir(), "copy")
	if _, err := Copy(ctx, sample(t, tempDir(t)), dst, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was begun: %v", err)
	}
}
