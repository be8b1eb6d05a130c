package gitsrc

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reaches gives each way to get to a repository.
func everyReach(t *testing.T) map[string]func(r *Repo) Remote {
	return map[string]func(*Repo) Remote{
		"path": func(r *Repo) Remote { return Remote{URL: r.dir} },
		"ssh":  func(r *Repo) Remote { return startSSH(t).remote(r.dir) },
		"https": func(r *Repo) Remote {
			return startWeb(t, filepath.Dir(r.dir)).remote(filepath.Base(r.dir))
		},
	}
}

// checkSound fails the test when git finds something missing.
func checkSound(t *testing.T, r *Repo) {
	t.Helper()
	gitIn(t, r.dir, "", "fsck", "--connectivity-only")
	left, err := os.ReadDir(filepath.Join(r.dir, incomingDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if len(left) > 0 {
		t.Errorf("%s was left in %s", left[0].Name(), incomingDir)
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	for name, reach := range everyReach(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there, here := newRepo(t), newRepo(t)
			remote := reach(there)
			first := commit(t, there, map[string]file{"a": text("1"), "big": text(strings.Repeat("line\n", 50_000))})
			gitIn(t, there.dir, "", "tag", "-a", "-m", "v1", "v1", string(first))
			gitIn(t, there.dir, "", "branch", "other", string(first))

			fetchIs(t, here, remote, "refs/heads/main", first)
			second := commit(t, there, map[string]file{"a": text("2")})
			fetchIs(t, here, remote, "refs/heads/main", second)
			fetchIs(t, here, remote, "refs/heads/main", second)
			fetchIs(t, here, remote, "refs/tags/v1", first)
			gitIn(t, there.dir, "", "update-ref", "refs/heads/main", string(first))
			fetchIs(t, here, remote, "refs/heads/main", first)

			refs := gitIn(t, here.dir, "", "for-each-ref", "--format=%(refname) %(objectname)")
			want := fmt.Sprintf("refs/repoint/remote/heads/main %s\nrefs/repoint/remote/tags/v1 %s", first, first)
			if refs != want {
				t.Errorf("refs are\n%s, want\n%s", refs, want)
			}
			_, err := here.Fetch(t.Context(), remote, "refs/heads/gone")
			var explained *RemoteError
			if !errors.Is(err, ErrNotFound) || !errors.As(err, &explained) || explained.Hint == "" || !strings.Contains(err.Error(), "fetching gone from") {
				t.Error(err)
			}
			checkSound(t, here)
		})
	}
}

func fetchIs(t *testing.T, r *Repo, remote Remote, ref string, want Hash) {
	t.Helper()
	got, err := r.Fetch(t.Context(), remote, ref)
	if err != nil || got != want {
		t.Fatalf("fetching %s: %q, %v, want %q", ref, got, err, want)
	}
	if at, _, err := r.Ref(remoteRefs + strings.TrimPrefix(ref, "refs/")); err != nil || at != want {
		t.Errorf("its ref is %q, %v, want %q", at, err, want)
	}
}

// What is here already is not sent again.
func TestFetchSendsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	there, here := newRepo(t), newRepo(t)
	files := map[string]file{}
	for i := range 200 {
		noise := sha512.Sum512([]byte{byte(i)})
		files[fmt.Sprint("f", i)] = text(strings.Repeat("x", i) + string(noise[:]))
	}
	fetchIs(t, here, Remote{URL: there.dir}, "refs/heads/main", commit(t, there, files))
	files["new"] = text("new")
	tip := commit(t, there, files)
	small := Remote{URL: there.dir, MaxBytes: 10 << 10} // all of it is more
	fetchIs(t, here, small, "refs/heads/main", tip)
	if _, err := newRepo(t).Fetch(t.Context(), small, "refs/heads/main"); err == nil {
		t.Error("a whole repository fits into the limit; the test says nothing")
	}
	checkSound(t, here)
}

// Branches come and go; one may stand where a folder of others stood.
func TestFetchOfNamesInEachOthersWay(t *testing.T) {
	t.Parallel()
	there, here := newRepo(t), newRepo(t)
	tip := commit(t, there, nil)
	for _, name := range []string{"a", "a/b", "a/b/c", "a"} {
		gitIn(t, there.dir, "", "update-ref", "refs/heads/"+name, string(tip))
		fetchIs(t, here, Remote{URL: there.dir}, "refs/heads/"+name, tip)
		gitIn(t, there.dir, "", "update-ref", "-d", "refs/heads/"+name)
	}
}

func TestFetchRefusesOtherRefs(t *testing.T) {
	t.Parallel()
	there, here := newRepo(t), newRepo(t)
	commit(t, there, nil)
	for _, ref := range []string{"main", "HEAD", "refs/repoint/live", "refs/heads/", "refs/heads/..", "refs/heads/a b", "refs/heads/*", ""} {
		if _, err := here.Fetch(t.Context(), Remote{URL: there.dir}, ref); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// A tag that names no commit is nothing to deploy.
func TestFetchOfATagOfAFile(t *testing.T) {
	t.Parallel()
	there, here := newRepo(t), newRepo(t)
	gitIn(t, there.dir, "", "tag", "-a", "-m", "x", "v1", string(blob(t, there, "x")))
	if _, err := here.Fetch(t.Context(), Remote{URL: there.dir}, "refs/tags/v1"); err == nil || !strings.Contains(err.Error(), "does not name a commit") {
		t.Error(err)
	}
}

func TestFetchFromASHA256Repository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gitIn(t, dir, "", "init", "-q", "--initial-branch=main", "--object-format=sha256")
	gitIn(t, dir, "", "commit", "-q", "--allow-empty", "-m", "work")
	if _, err := newRepo(t).Fetch(t.Context(), Remote{URL: dir}, "refs/heads/main"); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Error(err)
	}
}

func TestFetchFromNothing(t *testing.T) {
	t.Parallel()
	here := newRepo(t)
	if _, err := here.Fetch(t.Context(), Remote{URL: newRepo(t).dir}, "refs/heads/main"); !errors.Is(err, ErrNotFound) {
		t.Error("empty repository:", err)
	}
	var explained *RemoteError
	for _, dir := range []string{"/nonexistent/repo.git", t.TempDir()} {
		if _, err := here.Fetch(t.Context(), Remote{URL: dir}, "refs/heads/main"); !errors.As(err, &explained) || explained.Hint == "" {
			t.Error(dir, err)
		}
	}
}

// Both sides may lack the beginning of a history.
func TestFetchIntoAShallowRepository(t *testing.T) {
	t.Parallel()
	for name, reach := range everyReach(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := newRepo(t)
			old := commit(t, there, map[string]file{"a": text("0")})
			for i := range 5 {
				commit(t, there, map[string]file{"a": text(fmt.Sprint(i))})
			}
			here := newRepo(t)
			shallow := filepath.Join(t.TempDir(), "shallow.git") // what a CI pushes from
			gitIn(t, "/", "", "clone", "-q", "--bare", "--depth=2", "file://"+there.dir, shallow)
			gitIn(t, here.dir, "", "config", "receive.shallowUpdate", "true")
			gitIn(t, shallow, "", "push", "-q", here.dir, "main")
			if !exists(filepath.Join(here.dir, shallowFile)) {
				t.Fatal("the push made nothing shallow; the test says nothing")
			}
			remote := reach(there)
			fetchIs(t, here, remote, "refs/heads/main", commit(t, there, map[string]file{"a": text("new")}))
			gitIn(t, there.dir, "", "update-ref", "refs/heads/main", string(old)) // from before the boundary
			fetchIs(t, here, remote, "refs/heads/main", old)
			checkSound(t, here)
		})
	}
}

func TestFetchFromAShallowRepository(t *testing.T) {
	t.Parallel()
	origin, here := newRepo(t), newRepo(t)
	for i := range 5 {
		commit(t, origin, map[string]file{"a": text(fmt.Sprint(i))})
	}
	there := filepath.Join(t.TempDir(), "shallow.git")
	gitIn(t, "/", "", "clone", "-q", "--bare", "--depth=2", "file://"+origin.dir, there)
	tip, _, err := origin.Branch("main")
	must(t, err)
	fetchIs(t, here, Remote{URL: there}, "refs/heads/main", tip)
	checkSound(t, here)
	next := commit(t, origin, map[string]file{"a": text("next")})
	fetchIs(t, here, Remote{URL: origin.dir}, "refs/heads/main", next)
	checkSound(t, here)
}

// What a killed fetch left goes with the next; what a living one has stays.
func TestFetchSweepsTheDead(t *testing.T) {
	t.Parallel()
	there, here := newRepo(t), newRepo(t)
	commit(t, there, nil)
	dead, err := here.newIncoming()
	must(t, err)
	must(t, os.WriteFile(dead.path("pack-x"), []byte("x"), 0o400))
	must(t, errors.Join(dead.lock.Close(), dead.disk.Close())) // as the kernel does for the killed
	living, err := here.newIncoming()
	must(t, err)
	for exists(dead.path("")) && t.Context().Err() == nil { // a process that was just forked may still hold it
		again, err := here.newIncoming()
		must(t, err)
		must(t, again.close())
	}
	_, err = here.Fetch(t.Context(), Remote{URL: there.dir}, "refs/heads/main")
	must(t, err)
	if !exists(living.path("")) {
		t.Error("a living fetch lost its folder")
	}
	must(t, living.close())
	checkSound(t, here)
}

func TestFetchCanceled(t *testing.T) {
	t.Parallel()
	for name, reach := range everyReach(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := newRepo(t)
			commit(t, there, nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := newRepo(t).Fetch(ctx, reach(there), "refs/heads/main"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
			defer cancel()
			if _, err := newRepo(t).Fetch(late, reach(there), "refs/heads/main"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
}

// Who fetches from us sees what is live, not what we fetched.
func TestWhatIsFetchedIsHidden(t *testing.T) {
	t.Parallel()
	there, here := newRepo(t), newRepo(t)
	tip := commit(t, there, nil)
	must(t, here.Keep(t.Context(), Settings{}))
	fetchIs(t, here, Remote{URL: there.dir}, "refs/heads/main", tip)
	for _, name := range []string{"live", "keep/" + string(tip), "modules/" + string(tip) + "/" + string(tip), "seen/main"} {
		must(t, here.MoveRefs(t.Context(), []RefChange{{"refs/repoint/" + name, tip}}))
	}
	if got, want := gitIn(t, "/", "", "ls-remote", here.dir), string(tip)+"\trefs/repoint/live"; got != want {
		t.Errorf("it shows %q", got)
	}
}
