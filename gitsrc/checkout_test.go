package gitsrc

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oddities is a tree with everything that is legal and strange.
func oddities() map[string]file {
	files := map[string]file{
		"README":                       text("hello\n"),
		"empty":                        text(""),
		"no newline":                   text("x"),
		"crlf.txt":                     text("a\r\nb\r\n"),
		"bin/run":                      exe("#!/bin/sh\n"),
		" leading and trailing ":       text("1"),
		"-rf":                          text("2"),
		`quotes "'` + "`" + `$(id);&|`: text("3"),
		`back\slash`:                   text("4"),
		"ümläut/☃/日本":                  text("5"),
		"invalid-\xff\xfe":             text("6"),
		"nfd-e\u0301":                  text("7"),
		"nfd-\u00e9":                   text("8"),
		".gitignore":                   text("*\n"),
		".gitmodules":                  text(""),
		".hidden/.gitkeep":             text(""),
		"...":                          text("9"),
		"a":                            text("a file that sorts beside a folder"),
		"a-":                           text("10"),
		"a.b":                          text("11"),
		"a0":                           text("12"),
		"ab/c":                         text("13"),
		"links/here":                   to("../README"),
		"links/folder":                 to("../bin"),
		"links/through":                to("folder/run"),
		"links/dangling":               to("not-there/yet"),
		"links/self":                   to("self"),
		"links/tree":                   to(".."),
		"links/odd":                    to("\xff ü"),
		"onlylinks/deep/er":            to("../../README"),
		strings.Repeat("n", 255):       text("14"),
		strings.Repeat("d/", 63) + "e": text("15"),
		"big":                          text(strings.Repeat("0123456789abcdef", 3<<16) + "tail"),
	}
	for i := range 900 { // enough for several writers
		files[fmt.Sprintf("many/%d/%d/file", i%3, i%17)+fmt.Sprint(i)] = text(fmt.Sprint(i))
	}
	return files
}

// treeID asks git for the id of a tree.
func treeID(t *testing.T, r *Repo, name string) string {
	t.Helper()
	return strings.TrimSpace(gitIn(t, r.dir, "", "rev-parse", "--verify", name))
}

func TestCheckoutIsExact(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	files := oddities()
	tip := commit(t, r, files)
	dir := empty(t)
	tree, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{})
	must(t, err)
	listed := gitIn(t, r.dir, "", "ls-tree", "-r", "-z", "--full-tree", string(tip))
	if diff := cmp.Diff(strings.Split(listed, "\x00"), strings.Split(onDisk(t, dir), "\x00")); diff != "" {
		t.Error("the disk differs from the listing:", diff)
	}
	bytes := int64(0)
	for _, f := range files {
		bytes += int64(len(f.content))
	}
	want := Tree{Digest: treeID(t, r, string(tip)+"^{tree}"), Files: len(files), Bytes: bytes, Plain: true}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Error(diff)
	}
	checkFolders(t, dir)
}

// The project itself: a tree that nobody made up for a test.
func TestCheckoutOfThisProject(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	root, err := filepath.Abs("..")
	must(t, err)
	gitIn(t, r.dir, "", "-c", "core.bare=false", "--git-dir", r.dir, "--work-tree", root, "add", "--all", root)
	tip := commitTree(t, r, Hash(gitIn(t, r.dir, "", "write-tree")))
	dir := empty(t)
	tree, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{})
	must(t, err)
	listed := gitIn(t, r.dir, "", "ls-tree", "-r", "-z", "--full-tree", string(tip))
	if got := onDisk(t, dir); got != listed {
		t.Error("the disk differs from the listing:", cmp.Diff(strings.Split(listed, "\x00"), strings.Split(got, "\x00")))
	}
	if tree.Files < 100 {
		t.Errorf("only %d files", tree.Files)
	}
}

// onDisk lists a directory as `git ls-tree -r -z` lists a tree.
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		content, mode := "", modeLink
		if d.Type() == fs.ModeSymlink {
			content, err = os.Readlink(path)
		} else {
			var data []byte
			data, err = os.ReadFile(path)
			info, _ := d.Info()
			content, mode = string(data), fmt.Sprintf("100%o", info.Mode())
		}
		id := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content))
		lines = append(lines, fmt.Sprintf("%s blob %x\t%s\x00", mode, id, name))
		return err
	})
	must(t, err)
	sort.Slice(lines, func(i, j int) bool { return lines[i][53:] < lines[j][53:] })
	return strings.Join(lines, "")
}

func checkFolders(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == dir {
			return err
		}
		if info, _ := d.Info(); info.Mode() != fs.ModeDir|0o755 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	}))
}

func TestCheckoutIgnoresAttributes(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	files := map[string]file{
		".gitattributes": text("* export-ignore\n*.txt text eol=crlf ident filter=lfs working-tree-encoding=UTF-16\n* export-subst\n"),
		"a.txt":          text("one\ntwo $Id$ $Format:%H$\n"),
		"sub/b.txt":      text("three\n"),
	}
	tip := commit(t, r, files)
	gitIn(t, r.dir, "", "config", "filter.lfs.smudge", "touch "+filepath.Join(r.dir, "ran"))
	gitIn(t, r.dir, "", "config", "core.autocrlf", "true")
	dir := empty(t)
	_, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{})
	must(t, err)
	for name, f := range files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != f.content {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if exists(filepath.Join(r.dir, "ran")) {
		t.Error("a filter ran")
	}
}

func TestCheckoutOfReplacedObject(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	good := commit(t, r, map[string]file{"a": text("good")})
	evil := commit(t, r, map[string]file{"a": text("evil")})
	gitIn(t, r.dir, "", "replace", string(good), string(evil))
	dir := empty(t)
	_, err := r.Checkout(t.Context(), good, dir, CheckoutOptions{})
	must(t, err)
	if got, _ := os.ReadFile(filepath.Join(dir, "a")); string(got) != "good" {
		t.Errorf("got %q", got)
	}
}

func TestCheckoutOfSubdir(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{
		"web/site/index.html": text("<p>"), "web/up": to("../other"), "other/x": text("x"), "web/site/in": to("index.html"),
	})
	dir := empty(t)
	tree, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{Subdir: "web/site"})
	must(t, err)
	listed := gitIn(t, r.dir, "", "ls-tree", "-r", "-z", string(tip)+":web/site")
	if onDisk(t, dir) != listed || tree.Digest != treeID(t, r, string(tip)+":web/site") {
		t.Errorf("got %q, want %q", onDisk(t, dir), listed)
	}
	for subdir, want := range map[string]string{
		"none": "not in the commit", "other/x": "a file, not a folder", "web/up": "a symbolic link, not a folder",
		"../web": `".." is not a name`, "/web": "empty", "web/": "empty",
	} {
		_, err := r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{Subdir: subdir})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("subdir %q: %v, want %q", subdir, err, want)
		}
		if errors.Is(err, ErrNotFound) != (subdir == "none") {
			t.Errorf("subdir %q: wrong kind of error: %v", subdir, err)
		}
	}
	var refused *RefusedError
	if _, err := r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{Subdir: "web"}); !errors.As(err, &refused) {
		t.Error("a link out of the folder was allowed:", err)
	}
}

func TestCheckoutNeedsAnEmptyDirectory(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"a": text("a")})
	dir := empty(t)
	must(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	if _, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Error(err)
	}
	if _, err := r.Checkout(t.Context(), tip, dir+"/none", CheckoutOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := r.Checkout(t.Context(), Hash(strings.Repeat("1", 40)), empty(t), CheckoutOptions{}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestCheckoutOfNothing(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tree, err := r.Checkout(t.Context(), commit(t, r, nil), empty(t), CheckoutOptions{})
	must(t, err)
	if tree.Files != 0 || tree.Digest != "4b825dc642cb6eb9a060e54bf8d69288fbee4904" { // git's id of the empty tree
		t.Error(tree)
	}
}

func TestCheckoutCanceled(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"a": text("a")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Checkout(ctx, tip, empty(t), CheckoutOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A content that is not what its id says is noticed, as is one that is gone.
func TestCheckoutOfDamagedObjects(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"a": text("good"), "b": text("evil")})
	gitIn(t, r.dir, "", "repack", "-adq")
	pack, err := filepath.Glob(filepath.Join(r.dir, "objects/pack/*.pack"))
	must(t, err)
	data, err := os.ReadFile(pack[0])
	must(t, err)
	must(t, os.RemoveAll(filepath.Join(r.dir, "objects/pack")))
	gitIn(t, r.dir, string(data), "unpack-objects", "-q")
	loose := func(content string) string {
		id := string(blob(t, r, content))
		return filepath.Join(r.dir, "objects", id[:2], id[2:])
	}
	must(t, os.Rename(loose("evil"), loose("good")))
	_, err = r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{})
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Error(err)
	}
	blob(t, r, "evil")
	_, err = r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{})
	if err == nil || !strings.Contains(err.Error(), "damaged") && !strings.Contains(err.Error(), "hash mismatch") {
		t.Error(err)
	}
}
