package gitsrc

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func commitID(raw string) Hash {
	return Hash(fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(raw), raw))))
}

func TestInitAndOpen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "repo.git")
	if _, err := Open(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	r, err := Init(t.Context(), dir, "trunk")
	must(t, err)
	if head := gitIn(t, dir, "", "symbolic-ref", "HEAD"); head != "refs/heads/trunk" || r.Dir() != dir {
		t.Error(head, r.Dir())
	}
	if _, ok, err := r.Branch("trunk"); ok || err != nil {
		t.Error(ok, err)
	}
	tip := commit(t, r, map[string]file{"a": text("a")})
	must(t, os.Remove(filepath.Join(dir, "HEAD"))) // as if it had been killed
	again, err := Init(t.Context(), dir, "main")
	must(t, err)
	checkRefs(t, again, map[string]Hash{"refs/heads/main": tip})
	_, err = Open(dir)
	must(t, err)
}

func TestWhatIsNoRepository(t *testing.T) {
	t.Parallel()
	work, full, plain := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "f")
	gitIn(t, work, "", "init", "-q")
	must(t, os.WriteFile(filepath.Join(full, "index.html"), nil, 0o600))
	must(t, os.WriteFile(plain, nil, 0o600))
	for dir, want := range map[string]string{work: "working copy", full: "not a", plain: "not a directory"} {
		_, err := Open(dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v, want %q", dir, err, want)
		}
		if _, err := Init(t.Context(), dir, "main"); err == nil {
			t.Errorf("Init(%s) was done", dir)
		}
	}
	for _, branch := range []string{"", "-x/..", "a b", "a..b", "x.lock", ".x", "a\x00b"} {
		if _, err := Init(t.Context(), filepath.Join(t.TempDir(), "r"), branch); err == nil {
			t.Errorf("branch %q was taken", branch)
		}
	}
}

func TestGitVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"2.29.0": true, "2.39.5": true, "3.0": true, "2.50.1 (Apple Git-155)": true, "2.45.GIT": true,
		"2.28.9": false, "1.99": false, "": false, "what": false, "2": false,
	} {
		if recent(version) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	must(t, r.Keep(t.Context(), Settings{MaxPush: 1 << 30}))
	get := func(key string) string { return gitIn(t, r.dir, "", "config", "--get-all", key) }
	for key, want := range map[string]string{
		"core.hookspath": "hooks", "receive.procreceiverefs": "refs", "receive.advertisepushoptions": "true",
		"receive.shallowupdate": "true", "receive.maxinputsize": "1073741824", "receive.fsckobjects": "true",
		"receive.fsck.zeropaddedfilemode": "warn", "receive.fsck.missingspacebeforedate": "warn", "receive.fsck.badtimezone": "warn",
		"uploadpack.hiderefs": "refs/repoint/keep\nrefs/repoint/remote\nrefs/repoint/modules\nrefs/repoint/seen",
	} {
		if got := get(key); got != want {
			t.Errorf("%s is %q", key, got)
		}
	}
	before := stamps(t, r)
	must(t, r.Keep(t.Context(), Settings{MaxPush: 1 << 30}))
	if diff := cmp.Diff(before, stamps(t, r)); diff != "" {
		t.Error("written again:", diff)
	}
	must(t, r.Keep(t.Context(), Settings{MaxPush: 5}))
	gitIn(t, r.dir, "", "config", "receive.fsckObjects", "false") // the operator's own word
	must(t, r.Keep(t.Context(), Settings{MaxPush: 5}))
	if got := get("receive.maxinputsize") + gitIn(t, r.dir, "", "config", "receive.fsckObjects"); got != "5false" {
		t.Error(got)
	}
}

// stamps says when the files at the top of a repository were replaced.
func stamps(t *testing.T, r *Repo) map[string]time.Time {
	t.Helper()
	times := make(map[string]time.Time)
	for _, name := range []string{"config", settingsFile} {
		info, err := os.Stat(filepath.Join(r.dir, name))
		must(t, err)
		times[name] = info.ModTime()
	}
	return times
}

// Real pushes are judged by the settings.
func TestKeptSettingsWork(t *testing.T) {
	t.Parallel()
	r, from := newRepo(t), newRepo(t)
	must(t, r.Keep(t.Context(), Settings{MaxPush: 1 << 20}))
	must(t, r.InstallHook("proc-receive", []byte("#!/bin/sh\necho the git hook ran >&2\nexit 1\n")))
	good := commit(t, from, map[string]file{"a": text("a")})
	bad := commitTree(t, from, rawTree(t, from, rawEntry{"40000", ".git", rawTree(t, from, rawEntry{"100644", "config", blob(t, from, "x")})}))
	for rev, want := range map[Hash]string{good: "the git hook ran", bad: "hasDotgit"} {
		_, err := tryGit(from.dir, "", "push", r.dir, string(rev)+":refs/heads/main")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", rev, err, want)
		}
	}
}

func TestInstallHook(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	if _, err := r.Hook("proc-receive"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	must(t, r.InstallHook("proc-receive", []byte("#!/bin/sh\n")))
	path := filepath.Join(r.dir, "hooks/proc-receive")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o755 {
		t.Error(info, err)
	}
	must(t, os.Chmod(path, 0o644))
	must(t, r.InstallHook("proc-receive", []byte("#!/bin/sh\n")))
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o755 {
		t.Error("not executable again", err)
	}
	if script, err := r.Hook("proc-receive"); err != nil || string(script) != "#!/bin/sh\n" {
		t.Error(script, err)
	}
	for _, name := range []string{"", "../config", "a/b", "A"} {
		if r.InstallHook(name, nil) == nil {
			t.Errorf("%q was installed", name)
		}
		if _, err := r.Hook(name); err == nil {
			t.Errorf("%q was read", name)
		}
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	h := history(t, r)
	tree := gitIn(t, r.dir, "", "rev-parse", string(h[0])+"^{tree}")
	got, err := r.Commit(t.Context(), h[0])
	must(t, err)
	want := Commit{Hash: h[0], Tree: Hash(tree), Subject: "work", Author: "Ada", When: time.Unix(1700000600, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	raw := "tree " + tree + "\nauthor E\x1b[31mve <e@x> 1 +0000\ncommitter E <e@x> 2 +0000\n\n\nline one\nline\ttwo\x1b]0;\x07\xff\n\nbody\n"
	odd := Hash(gitIn(t, r.dir, raw, "hash-object", "-t", "commit", "--literally", "-w", "--stdin"))
	got, err = r.Commit(t.Context(), odd)
	must(t, err)
	if got.Subject != "line one line two ]0; \uFFFD" || got.Author != "E [31mve" {
		t.Errorf("%q by %q", got.Subject, got.Author)
	}
	none := Hash(strings.Repeat("1", 40))
	for _, h := range []Hash{none, Hash(tree)} {
		if _, err := r.Commit(t.Context(), h); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
	missing, err := r.Missing(t.Context(), []Hash{h[0], none, odd, Hash(tree)})
	must(t, err)
	if diff := cmp.Diff([]Hash{none, Hash(tree)}, missing); diff != "" {
		t.Error(diff)
	}
	if missing, err := r.Missing(t.Context(), []Hash{"main"}); err == nil {
		t.Error("a name was taken for an id", missing)
	}
	if _, err := r.Commit(t.Context(), "main"); err == nil {
		t.Error("a name was taken for an id")
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := history(t, r)[2]
	if got, ok, err := r.ReadFile(t.Context(), tip, "a", 1); err != nil || !ok || string(got) != "3" {
		t.Error(string(got), ok, err)
	}
	if got, ok, err := r.ReadFile(t.Context(), tip, "sub/b", 1); err != nil || !ok || string(got) != "b" {
		t.Error(string(got), ok, err)
	}
	for _, name := range []string{"none", "sub/none", "a/b", "none/b", "sub/l/x"} {
		if _, ok, err := r.ReadFile(t.Context(), tip, name, 9); err != nil || ok {
			t.Error(name, ok, err)
		}
	}
	for name, want := range map[string]string{
		"sub/l": "symbolic link, not a file", "sub": "folder, not a file", "../a": "not a name", "/a": "empty", "": "empty", "a\nb": "control",
	} {
		if _, _, err := r.ReadFile(t.Context(), tip, name, 9); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if _, _, err := r.ReadFile(t.Context(), tip, "a", 0); err == nil || !strings.Contains(err.Error(), "1 bytes, more than 0") {
		t.Error(err)
	}
	if _, _, err := r.ReadFile(t.Context(), Hash(strings.Repeat("1", 40)), "a", 9); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("0123456789abcdef", 3)[:40]
	if h, err := ParseHash(full); err != nil || h.Short() != "0123456" || h.IsZero() {
		t.Error(h, err)
	}
	for _, bad := range []string{"", full[1:], full + "0", strings.ToUpper(full), full[:39] + "g", full[:39] + "\n"} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if !Hash("").IsZero() || !Hash(strings.Repeat("0", 40)).IsZero() || Hash("").Short() != "" {
		t.Error("zero")
	}
}

// What a git hook or a user has in the environment does not reach git.
func TestEnvironmentIsOurs(t *testing.T) {
	r := newRepo(t)
	tip := history(t, r)[2]
	for key, value := range map[string]string{
		"GIT_DIR": ".", "GIT_OBJECT_DIRECTORY": "/nonexistent", "GIT_INDEX_FILE": "/dev/full", "GIT_TRACE": "1",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "never",
	} {
		t.Setenv(key, value)
	}
	got, err := r.Commit(t.Context(), tip)
	if err != nil || got.Hash != tip {
		t.Error(err)
	}
}

func TestErrorsOfGitSayWhere(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	_, err := r.run(t.Context(), "cat-file", "-p", strings.Repeat("1", 40))
	want := "git cat-file in " + r.dir + ": exit status 128: fatal: Not a valid object name " + strings.Repeat("1", 40)
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.run(ctx, "version"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
