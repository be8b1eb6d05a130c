package releases_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/internal/durable"
	"repoint/releases"
)

// TestListOrder: by the number of the deploy that built it, whatever the names
// and times say.
func TestListOrder(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	built := []int{2, 0, 0, 3, 1, 0} // commits, in the order of their deploys 8, 9, ... 13
	var want []releases.Name
	for i, commit := range built {
		want = append([]releases.Name{a.release(lock, commits[commit], 8+i)}, want...)
	}
	for i, name := range want { // the newest build has the oldest times
		old := now.Add(time.Duration(i) * time.Hour)
		check(t, os.Chtimes(a.path(string(name)), old, old))
		check(t, os.Chtimes(a.path(".repoint/seals", string(name)+".json"), old, old))
	}
	unsealed, err := lock.Begin(commits[3])
	check(t, err)
	want = append(want, unsealed)
	_, err = lock.Switch(want[3])
	check(t, err)
	_, err = lock.Switch(want[5])
	check(t, err)
	check(t, lock.Stage(want[0]))

	list, err := store.List()
	check(t, err)
	for i, release := range list {
		if i >= len(want) || release.Name != want[i] || (release.Seal == nil) != (release.Name == unsealed) ||
			release.Live != (i == 5) || release.Previous != (i == 3) || release.Next != (i == 0) {
			t.Errorf("%d: %+v", i, release)
		}
	}
	if len(list) != len(want) {
		t.Errorf("%d releases, want %d", len(list), len(want))
	}
}

func TestListSkipsWhatIsNoRelease(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.put(string(name(0)), "a file")
	check(t, os.Symlink("/", a.path(string(name(1)))))
	for _, dir := range []string{"shared", "code_1234567", "repo.git", string(name(2)) + ".old"} {
		check(t, os.Mkdir(a.path(dir), 0o755))
	}
	if list, err := a.open(nil).List(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestSealedPicksTheNewestRebuild(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	if _, ok, err := store.Sealed(commits[0]); ok || err != nil {
		t.Errorf("of none: %v, %v", ok, err)
	}
	for build := 1; build <= 11; build++ {
		want := a.release(lock, commits[0], build)
		if got, ok, err := store.Sealed(commits[0]); got != want || !ok || err != nil {
			t.Errorf("after build %d: %q, %v, %v", build, got, ok, err)
		}
		a.release(lock, commits[1], 100+build)
	}
	if _, err := lock.Begin(commits[0]); err != nil {
		t.Error(err)
	}
	if got, ok, err := store.Sealed(commits[0]); got != name(0)+".11" || !ok || err != nil {
		t.Errorf("while one is built: %q, %v, %v", got, ok, err)
	}
}

func TestSealKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	tree, err := lock.Begin(commits[0])
	check(t, err)
	seal := releases.Seal{Release: tree, Commit: commits[0], Subject: "a \"subject\"\n", Author: "Ada", Ref: "refs/heads/main",
		Tree: "digest", Files: 3, Bytes: 1 << 40, Deploy: 7, Time: now}
	check(t, lock.Seal(seal))
	if got, err := store.SealOf(tree); err != nil || got == nil || *got != seal {
		t.Errorf("%+v, %v", got, err)
	}
	if err := lock.Discard(tree); err == nil || !strings.Contains(err.Error(), "it is sealed") {
		t.Errorf("discarding what is sealed: %v", err)
	}
	if info, err := os.Stat(store.Path(tree)); err != nil || !info.IsDir() {
		t.Errorf("its tree: %v", err)
	}
}

func TestBeginTakesTheNextFreeName(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	lock := a.lock(a.open(nil))
	a.put(string(name(0)), "a file is in the way")
	check(t, os.Symlink("nowhere", a.path(string(name(0))+".2")))
	for _, want := range []releases.Name{name(0) + ".3", name(0) + ".4"} {
		tree, err := lock.Begin(commits[0])
		if err != nil || tree != want {
			t.Errorf("%q, %v, want %q", tree, err, want)
		}
		if info, err := os.Stat(a.path(string(tree))); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%q: %v, %v", tree, info.Mode(), err)
		}
	}
	check(t, lock.Discard(name(0)+".3"))
	if tree, err := lock.Begin(commits[0]); err != nil || tree != name(0)+".3" {
		t.Errorf("after discarding: %q, %v", tree, err)
	}
	if tree, err := lock.Begin("main"); err == nil {
		t.Errorf("of no hash: %q", tree)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := releases.Open(durable.Disk{}, dir); !errors.Is(err, releases.ErrNotAnApp) {
		t.Errorf("a directory that is no app: %v", err)
	}
	if _, err := releases.Open(durable.Disk{}, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	check(t, os.Mkdir(filepath.Join(dir, ".repoint"), 0o700))
	check(t, os.WriteFile(filepath.Join(dir, ".repoint/seals"), nil, 0o600))
	if _, err := releases.Open(durable.Disk{}, dir); err == nil || errors.Is(err, releases.ErrNotAnApp) {
		t.Errorf("a file in place of the seals: %v", err)
	}
	if err := releases.Init(durable.Disk{}, dir); err == nil {
		t.Error("Init replaced the file")
	}
}

func TestInitKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	check(t, a.deploy(nil, deploys(0)[0]))
	check(t, releases.Init(durable.Disk{}, a.dir))
	if err := a.checkPromises([]releases.Links{links(0, -1, -1)}); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(a.path(".repoint"))
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("its mode is %v", info.Mode())
	}
}

func TestPathsAndLogs(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	if store.Dir() != a.dir || store.Path(name(0)) != a.path(string(name(0))) || store.LogPath(12) != a.path(".repoint/logs/12.log") {
		t.Errorf("%q, %q, %q", store.Dir(), store.Path(name(0)), store.LogPath(12))
	}
	for range 2 {
		log, err := store.CreateLog(12)
		check(t, err)
		_, err = log.WriteString("line\n")
		check(t, errors.Join(err, log.Close()))
	}
	if data, err := os.ReadFile(store.LogPath(12)); err != nil || string(data) != "line\nline\n" {
		t.Errorf("%q, %v", data, err)
	}
}
