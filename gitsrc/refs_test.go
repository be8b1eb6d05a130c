package gitsrc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// history makes three commits on main, oldest first.
func history(t *testing.T, r *Repo) []Hash {
	t.Helper()
	var all []Hash
	for _, content := range []string{"1", "2", "3"} {
		all = append(all, commit(t, r, map[string]file{"a": text(content), "sub/b": exe("b"), "sub/l": to("b")}))
	}
	return all
}

func TestMoveRefs(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	h := history(t, r)
	must(t, r.MoveRefs(t.Context(), []RefChange{
		{"refs/heads/main", h[0]}, {"refs/repoint/live", h[1]}, {"refs/repoint/keep/x/y", h[2]}, {"refs/heads/none", ""},
	}))
	checkRefs(t, r, map[string]Hash{"refs/heads/main": h[0], "refs/repoint/live": h[1], "refs/repoint/keep/x/y": h[2], "refs/heads/none": ""})
	gitIn(t, r.dir, "", "pack-refs", "--all")
	must(t, r.MoveRefs(t.Context(), []RefChange{
		{"refs/heads/main", h[1]}, {"refs/repoint/live", ""}, {"refs/repoint/keep/x/y", Hash(strings.Repeat("0", 40))},
	}))
	checkRefs(t, r, map[string]Hash{"refs/heads/main": h[1], "refs/repoint/live": "", "refs/repoint/keep/x/y": ""})
	gitIn(t, r.dir, "", "fsck", "--strict")
}

func checkRefs(t *testing.T, r *Repo, want map[string]Hash) {
	t.Helper()
	for name, at := range want {
		if got, ok, err := r.Ref(name); err != nil || got != at || ok != (at != "") {
			t.Errorf("%s is at %q, %v, %v; want %q", name, got, ok, err, at)
		}
		git, _ := tryGit(r.dir, "", "rev-parse", "--verify", "-q", name)
		if strings.TrimSpace(git) != string(at) {
			t.Errorf("git sees %s at %q; want %q", name, git, at)
		}
	}
}

func TestMoveRefsIsAllOrNothing(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	h := history(t, r)
	missing := Hash(strings.Repeat("1", 40))
	for _, changes := range [][]RefChange{
		{{"refs/heads/main", h[0]}, {"refs/heads/other", missing}},
		{{"refs/heads/main", h[0]}, {"refs/heads/../../config", h[0]}},
		{{"refs/heads/main", h[0]}, {"refs/heads/main/below", h[0]}},
		{{"refs/heads/main", h[0]}, {"refs/heads/x", "--help"}},
		{{"refs/heads/main", h[0]}, {"HEAD", h[0]}},
	} {
		if err := r.MoveRefs(t.Context(), changes); err == nil {
			t.Errorf("%v was done", changes)
		}
		checkRefs(t, r, map[string]Hash{"refs/heads/main": h[2]})
	}
}

// What a killed git leaves in the way is removed.
func TestMoveRefsClearsWhatTheDeadLeft(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	h := history(t, r)
	gitIn(t, r.dir, "", "pack-refs", "--all")
	at := func(name string) string { return filepath.Join(r.dir, name) }
	must(t, os.MkdirAll(at("refs/heads/x"), 0o755))
	for _, name := range []string{"refs/heads/main.lock", "HEAD.lock", "refs/heads/main", "refs/heads/x/y", "refs/heads/x/y.lock", "refs/heads/theirs.lock"} {
		must(t, os.WriteFile(at(name), nil, 0o644))
	}
	must(t, os.WriteFile(at("refs/heads/cut"), []byte(h[0][:17]), 0o644))
	checkBroken(t, r, "refs/heads/main", "refs/heads/x/y", "refs/heads/cut")
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/heads/main", h[1]}, {"refs/heads/x/y", h[0]}, {"refs/heads/cut", ""}}))
	checkRefs(t, r, map[string]Hash{"refs/heads/main": h[1], "refs/heads/x/y": h[0], "refs/heads/cut": ""})
	if !exists(at("refs/heads/theirs.lock")) {
		t.Error("somebody else's lock was removed")
	}
}

func checkBroken(t *testing.T, r *Repo, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok, err := r.Ref(name); ok || err != nil {
			t.Errorf("broken %s: %v, %v", name, ok, err)
		}
	}
}

// Nothing is started, and nothing written, for what is so already.
func TestMoveRefsSkipsWhatIsDone(t *testing.T) {
	r := newRepo(t)
	h := history(t, r)
	t.Setenv("PATH", t.TempDir())
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/heads/main", h[2]}, {"refs/heads/none", ""}}))
	err := r.MoveRefs(t.Context(), []RefChange{{"refs/heads/main", h[1]}})
	if err == nil || !strings.Contains(err.Error(), "git is not installed, or not in PATH; install git 2.29 or newer") {
		t.Error(err)
	}
}

// shallowCopy moves the objects of a shallow clone, but none of its refs, into
// a new repository: what a receive-pack that died leaves.
func shallowCopy(t *testing.T) (*Repo, []Hash) {
	t.Helper()
	full := newRepo(t)
	h := history(t, full)
	clone := filepath.Join(t.TempDir(), "clone.git")
	gitIn(t, t.TempDir(), "", "clone", "-q", "--bare", "--depth", "2", "file://"+full.dir, clone)
	r := newRepo(t)
	must(t, os.RemoveAll(filepath.Join(r.dir, "objects")))
	must(t, os.Rename(filepath.Join(clone, "objects"), filepath.Join(r.dir, "objects")))
	return r, h
}

func TestMoveRefsRecordsShallowCommits(t *testing.T) {
	t.Parallel()
	r, h := shallowCopy(t)
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/heads/main", h[2]}}))
	checkRefs(t, r, map[string]Hash{"refs/heads/main": h[2]})
	checkShallow(t, r, h[1])
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/heads/main", h[1]}}))
	checkShallow(t, r, h[1])
}

func checkShallow(t *testing.T, r *Repo, want Hash) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(r.dir, "shallow"))
	if err != nil || string(got) != string(want)+"\n" {
		t.Errorf("shallow holds %q, %v; want %s", got, err, want)
	}
	gitIn(t, r.dir, "", "fsck", "--full", "--strict")
	gitIn(t, t.TempDir(), "", "clone", "-q", "--bare", "file://"+r.dir, "copy.git")
}

// While git answers a shallow push it writes the file itself, and fails the push
// when another did; the next call makes up for a git that did not get there.
func TestMoveRefsDuringShallowPush(t *testing.T) {
	r, h := shallowCopy(t)
	temporary := filepath.Join(r.dir, "shallow_abc")
	must(t, os.WriteFile(temporary, []byte(h[1]+"\n"), 0o644))
	t.Setenv("GIT_SHALLOW_FILE", temporary)
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/repoint/live", h[2]}}))
	if exists(filepath.Join(r.dir, "shallow")) {
		t.Error("shallow was written under git's hands")
	}
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/repoint/live", h[2]}}))
	t.Setenv("GIT_SHALLOW_FILE", "")
	must(t, r.MoveRefs(t.Context(), []RefChange{{"refs/repoint/live", h[2]}}))
	checkShallow(t, r, h[1])
	if exists(filepath.Join(r.dir, notedFile)) {
		t.Error("the note was left")
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	h := history(t, r)
	gitIn(t, r.dir, "", "tag", "light", string(h[0]))
	gitIn(t, r.dir, "", "tag", "-a", "-m", "v1", "v1.0", string(h[1]))
	gitIn(t, r.dir, "", "tag", "-a", "-m", "tag of a tag", "v1.1", "v1.0")
	gitIn(t, r.dir, "", "tag", "both", string(h[0]))
	gitIn(t, r.dir, "", "tag", "same", string(h[2]))
	gitIn(t, r.dir, "", "tag", "blob", string(blob(t, r, "x")))
	gitIn(t, r.dir, "", "tag", "deadbeef", string(h[0]))
	for name, at := range map[string]Hash{"both": h[1], "same": h[2], "feature/x": h[0]} {
		gitIn(t, r.dir, "", "branch", name, string(at))
	}
	for rev, want := range map[string]Hash{
		"main": h[2], "refs/heads/main": h[2], "light": h[0], "v1.0": h[1], "v1.1": h[1], "refs/tags/both": h[0],
		"same": h[2], "feature/x": h[0], string(h[1]): h[1], string(h[1][:9]): h[1], strings.ToUpper(string(h[1][:12])): h[1],
		"main~1": h[1], "main^^": h[0], "v1.0~": h[0], string(h[2][:10]) + "~2": h[0], "deadbeef": h[0],
	} {
		if got, err := r.Resolve(t.Context(), rev); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", rev, got, err, want)
		}
	}
	for _, rev := range []string{
		"", "none", "main~9", "blob", "0000", strings.Repeat("1", 40), "--all", "main:a", "main^{tree}", "@{-1}", ":/work",
		"HEAD", "../main", "refs/heads/../heads/main", "main\nmain", "abc", "v1.0^{}", "*", "refs/", "config",
	} {
		if got, err := r.Resolve(t.Context(), rev); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %s, %v", rev, got, err)
		}
	}
	if _, err := r.Resolve(t.Context(), "both"); err == nil || !strings.Contains(err.Error(), "write refs/heads/both or refs/tags/both") {
		t.Error(err)
	}
}

func TestResolveAmbiguousID(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	// Two commits that begin with the same four digits: found by trying messages.
	twins := [2]string{
		"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\n",
	}
	seen := make(map[string]string)
	var prefix string
	for i := 0; prefix == ""; i++ {
		raw := twins[0] + strings.Repeat("x", i) + "\n"
		short := string(commitID(raw)[:4])
		if other, ok := seen[short]; ok {
			prefix, twins = short, [2]string{raw, other}
		}
		seen[short] = raw
	}
	gitIn(t, r.dir, "", "hash-object", "-t", "tree", "-w", "/dev/null")
	first := gitIn(t, r.dir, twins[0], "hash-object", "-t", "commit", "-w", "--stdin")
	gitIn(t, r.dir, twins[1], "hash-object", "-t", "commit", "-w", "--stdin")
	if _, err := r.Resolve(t.Context(), prefix); err == nil || !strings.Contains(err.Error(), "2 commits begin with it") || errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if got, err := r.Resolve(t.Context(), first[:20]); err != nil || string(got) != first {
		t.Error(got, err)
	}
}

func TestIsAncestor(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	h := history(t, r)
	for _, c := range []struct {
		older, newer Hash
		want         bool
	}{{h[0], h[2], true}, {h[2], h[0], false}, {h[1], h[1], true}} {
		if got, err := r.IsAncestor(t.Context(), c.older, c.newer); err != nil || got != c.want {
			t.Error(c, got, err)
		}
	}
	for _, bad := range []Hash{"main", "--help", "", Hash(strings.Repeat("1", 40))} {
		if _, err := r.IsAncestor(t.Context(), bad, h[0]); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
