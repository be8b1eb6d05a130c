package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"repoint/gitsrc"
	"repoint/internal/archive"
)

// Pack, Open, Unpack give the tree again, whatever is in it.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		dir := randomTree(t, rand.New(rand.NewPCG(seed, 1)))
		data, summary := packed(t, dir)
		got, sum := unpacked(t, data)
		if diff := cmp.Diff(listed(t, dir), listed(t, got)); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		if sum.Files != summary.Files || sum.Bytes != summary.Bytes || len(summary.Skipped) > 0 {
			t.Errorf("seed %d: packed %+v, unpacked %+v", seed, summary, sum)
		}
		if again, _ := packed(t, got); !bytes.Equal(data, again) {
			t.Errorf("seed %d: the same tree gives other bytes", seed)
		}
	}
}

func randomTree(t *testing.T, random *rand.Rand) string {
	t.Helper()
	dir := t.TempDir()
	folders := []string{""}
	names := []string{"a", "a-", "a.b", "B", "ü", "\xff", " ", "-x", strings.Repeat("n", 120), `q"\`, "z"}
	for i := range random.IntN(60) {
		in := folders[random.IntN(len(folders))]
		name := in + "/" + names[random.IntN(len(names))] + fmt.Sprint(i)
		path := dir + name
		switch random.IntN(5) {
		case 0:
			must(t, os.Mkdir(path, fs.FileMode(0o700|random.IntN(0o100))))
			folders = append(folders, name)
		case 1:
			up := strings.Repeat("../", random.IntN(1+strings.Count(in, "/")))
			must(t, os.Symlink(up+names[random.IntN(len(names))], path))
		default:
			content := bytes.Repeat([]byte{byte(i), 'x'}, random.IntN(1+random.IntN(200_000)))
			must(t, os.WriteFile(path, content, fs.FileMode(0o600|random.IntN(0o200))))
		}
	}
	return dir
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"abs": "-> /etc", "up": "-> ..", "d/through": "-> ../up/x/..", "d/e/far": "-> ../../../x", "loop": "-> loop", "none": "-> not/there",
		"d/deep": "-> e/f", "sly": "-> d/deep/../../../..", "fine": "-> d/deep/../../x", "a\nb": "1", "slash": "-> abs/x",
	})
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	var out bytes.Buffer
	_, err := archive.Pack(t.Context(), dir, &out)
	want := []string{
		`link "abs" -> "/etc": it is absolute`, `link "up" -> "..": it leads out of the tree`, `link "d/through" -> "../up/x/..": it leads out`,
		`link "d/e/far" ->`, `link "sly" ->`, `link "slash" -> "abs/x": it is absolute`, `"a\nb": control character in the name`, `"fifo": it is a fifo`,
	}
	for _, problem := range want {
		if !strings.Contains(fmt.Sprint(err), problem) {
			t.Errorf("%s is missing in %v", problem, err)
		}
	}
	if n := strings.Count(fmt.Sprint(err), "; "); n != len(want)-1 || out.Len() > 0 {
		t.Errorf("%d bytes written, %v", out.Len(), err)
	}
	for i := range 5 {
		must(t, syscall.Mkfifo(filepath.Join(dir, fmt.Sprint("fifo", i)), 0o600))
	}
	if _, err := archive.Pack(t.Context(), dir, &out); !strings.HasSuffix(fmt.Sprint(err), "; and 3 more") {
		t.Error(err)
	}
}

// Pack and Unpack agree about links.
func TestPackJudgesLinksAsUnpackDoes(t *testing.T) {
	t.Parallel()
	parts := []string{"..", ".", "a", "b", "c", "a/b", "d/e", "..", "/"}
	names := []string{"a", "b", "d/c", "d/e/f"}
	taken, refused := 0, 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 2))
		files := map[string]string{}
		for _, name := range names {
			target := parts[random.IntN(len(parts))]
			for range random.IntN(4) {
				target += "/" + parts[random.IntN(len(parts))]
			}
			files[name] = "-> " + strings.TrimLeft(target, "/") + strings.Repeat("/..", random.IntN(2))
			if files[name] == "-> " {
				files[name] = "-> /"
			}
		}
		dir := tree(t, files)
		_, packErr := archive.Pack(t.Context(), dir, io.Discard)
		_, unpackErr := gitsrc.Unpack(t.Context(), linksAsTar(t, dir, slices.Clone(names)...), t.TempDir(), gitsrc.CheckoutOptions{})
		if (packErr == nil) != (unpackErr == nil) {
			t.Errorf("%q: packed %v, unpacked %v", files, packErr, unpackErr)
		}
		if packErr == nil {
			taken++
		} else {
			refused++
		}
	}
	if taken < 20 || refused < 20 {
		t.Errorf("%d taken, %d refused", taken, refused)
	}
}

func TestPackSkipsGit(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{".git/config": "x", "a": "1", "sub/.git": "gitdir: x", ".gitignore": "2", "b/": ""})
	data, summary := packed(t, dir)
	got, _ := unpacked(t, data)
	want := listed(t, tree(t, map[string]string{"a": "1", "sub/": "", ".gitignore": "2", "b/": ""}))
	if diff := cmp.Diff(want, listed(t, got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(archive.Summary{Files: 2, Bytes: 2, Skipped: []string{".git", "sub/.git"}}, summary); diff != "" {
		t.Error(diff)
	}
}

// What is not picked is not there, and need not be fit to be packed.
func TestPackSome(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": "1", "b/c": "2", "b/d": "3", "e/f/": "", "up": "-> ../x", "link": "-> b/c"})
	var out bytes.Buffer
	summary, err := archive.PackSome(t.Context(), dir, &out, func(name string) bool { return !slices.Contains([]string{"a", "b", "b/d", "up"}, name) })
	must(t, err)
	got, _ := unpacked(t, out.Bytes())
	want := listed(t, tree(t, map[string]string{"b/c": "2", "e/f/": "", "link": "-> b/c"}))
	if diff := cmp.Diff(want, listed(t, got)); diff != "" {
		t.Error(diff)
	}
	if summary.Files != 2 {
		t.Errorf("%+v", summary)
	}
}

func TestPackErrors(t *testing.T) {
	t.Parallel()
	if _, err := archive.Pack(t.Context(), filepath.Join(t.TempDir(), "none"), io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	dir := tree(t, map[string]string{"a": strings.Repeat("x", 1<<20)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := archive.Pack(ctx, dir, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := archive.Pack(t.Context(), dir, failing{syscall.ENOSPC}); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
}

func TestPackNoticesAFileThatChanges(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{})
	content := make([]byte, 4<<20) // so that some of it is written before the next file is read
	_, err := random.Read(content)
	must(t, err)
	for _, size := range []int64{10, 100_000_000} {
		dir := tree(t, map[string]string{"a": string(content), "b": strings.Repeat("y", 1000)})
		out := changing{func() { must(t, os.Truncate(filepath.Join(dir, "b"), size)) }}
		if _, err := archive.Pack(t.Context(), dir, out); err == nil || !strings.Contains(err.Error(), `"b": it changed`) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// changing does something whenever a part of the archive is written.
type changing struct{ do func() }

func (c changing) Write(p []byte) (int, error) {
	c.do()
	return len(p), nil
}
