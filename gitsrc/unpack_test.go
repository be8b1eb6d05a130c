package gitsrc

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// tarIn runs GNU tar in dir and returns what it packs.
func tarIn(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	if version, err := exec.Command("tar", "--version").Output(); err != nil || !bytes.Contains(version, []byte("GNU")) {
		t.Skip("no GNU tar here")
	}
	cmd := exec.Command("tar", append([]string{"-C", dir, "-cf", "-"}, args...)...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	must(t, err)
	return out
}

// checkedOut is a directory with a commit's files, and how git lists them.
func checkedOut(t *testing.T, files map[string]file) (dir, listed string) {
	t.Helper()
	r := newRepo(t)
	tip := commit(t, r, files)
	dir = empty(t)
	_, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{})
	must(t, err)
	return dir, gitIn(t, r.dir, "", "ls-tree", "-r", "-z", "--full-tree", string(tip))
}

// unpacked unpacks an archive and checks how it is summed up.
func unpacked(t *testing.T, archive []byte, o CheckoutOptions) (dir string) {
	t.Helper()
	dir = empty(t)
	tree, err := Unpack(t.Context(), bytes.NewReader(archive), dir, o)
	must(t, err)
	want := Tree{Digest: fmt.Sprintf("%x", sha256.Sum256(archive))}
	must(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, _ := d.Info()
			want.Files++
			want.Bytes += info.Size()
		}
		return err
	}))
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Error(diff)
	}
	checkFolders(t, dir)
	return dir
}

func TestUnpackIsExact(t *testing.T) {
	t.Parallel()
	for format, longest := range map[string]int{"gnu": 4096, "posix": 4096, "ustar": 100, "v7": 90} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			files := oddities()
			for name := range files {
				if len(name) > longest || format != "gnu" && strings.HasPrefix(name, "many/") {
					delete(files, name)
				}
			}
			from, listed := checkedOut(t, files)
			for _, args := range [][]string{{"."}, {"--", "./README", "-rf", "a", "ab", "big", "bin"}} {
				dir := unpacked(t, tarIn(t, from, append([]string{"--format=" + format}, args...)...), CheckoutOptions{})
				got := onDisk(t, dir)
				if args[0] == "." && got != listed {
					t.Error("the disk differs from the listing:", cmp.Diff(strings.Split(listed, "\x00"), strings.Split(got, "\x00")))
				}
				for line := range strings.SplitSeq(got, "\x00") {
					if !strings.Contains(listed, line) {
						t.Errorf("%v: unpacked %q", args, line)
					}
				}
				if strings.Count(got, "\x00") < 6 {
					t.Errorf("%v: unpacked %q", args, got)
				}
			}
		})
	}
}

func TestUnpackWhatGitArchives(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, oddities())
	archive := gitIn(t, r.dir, "", "archive", "--format=tar", string(tip))
	dir := unpacked(t, []byte(archive), CheckoutOptions{})
	if got, want := onDisk(t, dir), gitIn(t, r.dir, "", "ls-tree", "-r", "-z", "--full-tree", string(tip)); got != want {
		t.Error("the disk differs from the listing:", cmp.Diff(strings.Split(want, "\x00"), strings.Split(got, "\x00")))
	}
}

func TestUnpackKeepsEmptyFoldersAndModes(t *testing.T) {
	t.Parallel()
	from := empty(t)
	must(t, os.MkdirAll(filepath.Join(from, "empty/inside"), 0o700))
	must(t, os.WriteFile(filepath.Join(from, "run"), []byte("1"), 0o700))
	must(t, os.WriteFile(filepath.Join(from, "suid"), []byte("2"), 0o700))
	must(t, os.Chmod(filepath.Join(from, "suid"), 0o755|fs.ModeSetuid|fs.ModeSetgid))
	must(t, os.WriteFile(filepath.Join(from, "secret"), []byte("3"), 0o400))
	must(t, os.Chmod(filepath.Join(from, "empty"), 0o777|fs.ModeSticky))
	dir := unpacked(t, tarIn(t, from, "."), CheckoutOptions{})
	for name, want := range map[string]fs.FileMode{
		"empty": fs.ModeDir | 0o755, "empty/inside": fs.ModeDir | 0o755, "run": 0o755, "suid": 0o755, "secret": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Error(name, info.Mode(), err)
		}
	}
}

func TestUnpackMakesCopiesOfHardLinks(t *testing.T) {
	t.Parallel()
	from := empty(t)
	content := strings.Repeat("0123456789", 100_000)
	must(t, os.WriteFile(filepath.Join(from, "a"), []byte(content), 0o755))
	must(t, os.Chmod(filepath.Join(from, "a"), 0o755))
	must(t, os.Mkdir(filepath.Join(from, "d"), 0o755))
	must(t, os.Link(filepath.Join(from, "a"), filepath.Join(from, "d/b")))
	archive := tarIn(t, from, "--sort=name", ".")
	if bytes.Count(archive, []byte(content)) != 1 {
		t.Fatal("tar made no hard link")
	}
	dir := unpacked(t, archive, CheckoutOptions{Limits: Limits{Bytes: 2_000_000}})
	must(t, os.WriteFile(filepath.Join(dir, "a"), nil, 0o755))
	if got, err := os.ReadFile(filepath.Join(dir, "d/b")); err != nil || string(got) != content {
		t.Errorf("the other one has %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "d/b")); err != nil || info.Mode() != 0o755 {
		t.Error(info.Mode(), err)
	}
	var refused *RefusedError
	_, err := Unpack(t.Context(), bytes.NewReader(archive), empty(t), CheckoutOptions{Limits: Limits{Bytes: 1_999_999}})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "more than 1999999 bytes") {
		t.Error(err)
	}
}

func TestUnpackPlainNames(t *testing.T) {
	t.Parallel()
	dir := unpacked(t, packed(
		folderNamed("./"), folderNamed("."), fileNamed("./a", "1"), fileNamed("././b", "2"), folderNamed("./c/"), folderNamed("c"),
		fileNamed("c/d", "3"), fileNamed("e/f", "4"), folderNamed("e/"), linkNamed("./l", "./c/../a"), copyNamed("./h", "./a"),
		copyNamed("e/g", "h"), member{tar.TypeXGlobalHeader, "pax_global_header", "19 comment=abcdefg\n"}, fileNamed("C/d", "5"),
		fileNamed("c./.d", "6"),
	), CheckoutOptions{})
	want := map[string]string{
		"a": "1", "b": "2", "c/d": "3", "e/f": "4", "l": "-> ./c/../a", "h": "1", "e/g": "1", "C/d": "5", "c./.d": "6",
	}
	if diff := cmp.Diff(want, contentsOf(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func contentsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		if d.Type() == fs.ModeSymlink {
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		}
		data, err := os.ReadFile(path)
		found[name] = string(data)
		return err
	}))
	return found
}

func TestUnpackOfNothing(t *testing.T) {
	t.Parallel()
	dir := unpacked(t, packed(), CheckoutOptions{})
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestUnpackOutsideLinksWhenAllowed(t *testing.T) {
	t.Parallel()
	dir := unpacked(t, packed(linkNamed("etc", "/etc"), linkNamed("up/up", "../../..")), CheckoutOptions{OutsideLinks: true})
	if diff := cmp.Diff(map[string]string{"etc": "-> /etc", "up/up": "-> ../../.."}, contentsOf(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestUnpackGivesFilesAway(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	archive := packed(fileNamed("b/c/d", "1"), folderNamed("a/empty"), folderNamed("a"), fileNamed("a-/f", "2"), fileNamed("a/g", "3"),
		linkNamed("b/l", "c"), copyNamed("b-", "a/g"))
	dir := unpacked(t, archive, CheckoutOptions{Owner: &Owner{UID: 12345, GID: 54321}})
	seen := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		seen++
		info, err := d.Info()
		if is := info.Sys().(*syscall.Stat_t); is.Uid != 12345 || is.Gid != 54321 {
			t.Errorf("%s belongs to %d:%d", path, is.Uid, is.Gid)
		}
		return err
	}))
	if seen != 11 {
		t.Errorf("%d files and folders", seen)
	}
}

func TestUnpackOnAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	dir := empty(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("no mounts here:", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	archive := packed(fileNamed("a", strings.Repeat("x", 1<<20)))
	_, err := Unpack(t.Context(), bytes.NewReader(archive), dir, CheckoutOptions{})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), `"a"`) {
		t.Error(err)
	}
}

// An archive whose sender says nothing more does not keep a deploy that is to
// stop.
func TestUnpackCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	defer out.Close()
	go func() {
		out.Write(packed(fileNamed("a", "1"))[:1600])
		cancel()
	}()
	if _, err := Unpack(ctx, in, empty(t), CheckoutOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestUnpackNeedsAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	dir := empty(t)
	must(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	if _, err := Unpack(t.Context(), bytes.NewReader(packed()), dir, CheckoutOptions{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Error(err)
	}
	if _, err := Unpack(t.Context(), bytes.NewReader(packed()), empty(t), CheckoutOptions{Subdir: "a"}); err == nil {
		t.Error("a folder was chosen")
	}
}
