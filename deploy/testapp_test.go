package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
)

// testApp is an app in a directory of the test's own, with commits to deploy.
type testApp struct {
	t    *testing.T
	dir  string
	repo string

	commits map[gitsrc.Hash]map[string]string // what commit was given
}

func newTestApp(t *testing.T, config string) *testApp {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blog")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a := &testApp{t: t, dir: dir, repo: filepath.Join(dir, RepoDir)}
	a.write(filepath.Join(dir, ConfigFile), config)
	if err := Create(t.Context(), Env{}, dir, "main", []byte("#!/bin/sh\nexit 1\n")); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *testApp) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// commit makes a commit with these files, on top of parent unless it is "".
// Git is not started for it: the tests that try every step make hundreds.
func (a *testApp) commit(parent gitsrc.Hash, files map[string]string) gitsrc.Hash {
	a.t.Helper()
	repo, err := git.PlainOpen(a.repo)
	if err != nil {
		a.t.Fatal(err)
	}
	ada := object.Signature{Name: "Ada", Email: "ada@example.com", When: time.Unix(1700000000, 0).UTC()}
	commit := &object.Commit{Author: ada, Committer: ada, Message: "a commit\n", TreeHash: a.tree(repo, files)}
	if parent != "" {
		commit.ParentHashes = []plumbing.Hash{plumbing.NewHash(string(parent))}
	}
	hash, err := gitsrc.ParseHash(a.object(repo, commit).String())
	if err != nil {
		a.t.Fatal(err)
	}
	if a.commits == nil {
		a.commits = map[gitsrc.Hash]map[string]string{}
	}
	a.commits[hash] = files
	return hash
}

// tree stores files, and the folders that their names tell of.
func (a *testApp) tree(repo *git.Repository, files map[string]string) plumbing.Hash {
	a.t.Helper()
	tree, folders := &object.Tree{}, map[string]map[string]string{}
	for name, text := range files {
		folder, rest, inFolder := strings.Cut(name, "/")
		switch {
		case !inFolder:
			tree.Entries = append(tree.Entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: a.object(repo, blob(text))})
		case folders[folder] == nil:
			folders[folder] = map[string]string{rest: text}
		default:
			folders[folder][rest] = text
		}
	}
	for name, inside := range folders {
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: a.tree(repo, inside)})
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	return a.object(repo, tree)
}

// blob is the text of a file, as an object of git's.
type blob string

func (b blob) Encode(to plumbing.EncodedObject) error {
	to.SetType(plumbing.BlobObject)
	w, err := to.Writer()
	if err != nil {
		return err
	}
	_, err = w.Write([]byte(b))
	return errors.Join(err, w.Close())
}

func (a *testApp) object(repo *git.Repository, object interface {
	Encode(plumbing.EncodedObject) error
}) plumbing.Hash {
	a.t.Helper()
	encoded := repo.Storer.NewEncodedObject()
	err := object.Encode(encoded)
	if err != nil {
		a.t.Fatal(err)
	}
	hash, err := repo.Storer.SetEncodedObject(encoded)
	if err != nil {
		a.t.Fatal(err)
	}
	return hash
}

func (a *testApp) git(stdin string, args ...string) string {
	a.t.Helper()
	cmd := exec.Command("git", append([]string{"--git-dir", a.repo}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		a.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// deploy opens the app through seam and runs one request.
func (a *testApp) deploy(seam durable.Seam, req Request) Result {
	a.t.Helper()
	return a.deployIn(a.t.Context(), seam, req)
}

// deployIn is deploy under a context of the test's.
func (a *testApp) deployIn(ctx context.Context, seam durable.Seam, req Request) Result {
	a.t.Helper()
	app, err := Open(a.dir, Env{Disk: durable.New(unsynced(seam)), Now: time.Now})
	if err != nil {
		return Result{Outcome: Failed, Failure: &Failure{Reason: "opening: " + err.Error(), Cause: err}}
	}
	defer app.Close()
	return app.Deploy(ctx, req, func(Event) {})
}

// unsynced leaves out to sync directories and file systems beneath a seam: no
// power is cut in a test, and hundreds of deploys would mostly wait for it.
func unsynced(seam durable.Seam) durable.Seam {
	return func(label string, do func() error) error {
		quick := func() error {
			if strings.HasPrefix(label, "sync") {
				return nil
			}
			return do()
		}
		if seam == nil {
			return quick()
		}
		return seam(label, quick)
	}
}

func (a *testApp) mustDeploy(req Request) Result {
	a.t.Helper()
	result := a.deploy(nil, req)
	if result.Failure != nil {
		a.t.Fatalf("%s %s: %v %v", req.Action, req.Commit, result.Failure, result.Failure.More)
	}
	return result
}

func (a *testApp) live() gitsrc.Hash {
	a.t.Helper()
	target, err := os.Readlink(filepath.Join(a.dir, releases.Current))
	if err != nil {
		a.t.Fatal(err)
	}
	name, ok := releases.ParseName(target)
	if !ok {
		a.t.Fatalf("current points at %q", target)
	}
	return gitsrc.Hash(name.Commit())
}

func (a *testApp) branch() gitsrc.Hash {
	a.t.Helper()
	repo, err := gitsrc.Open(a.repo)
	if err != nil {
		a.t.Fatal(err)
	}
	hash, _, err := repo.Ref("refs/heads/main")
	if err != nil {
		a.t.Fatal(err)
	}
	return hash
}

// tidy opens the app as a command does that reads: repaired.
func (a *testApp) tidy() *App {
	a.t.Helper()
	app, err := Open(a.dir, Env{})
	if err == nil {
		_, err = app.Tidy(a.t.Context())
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return app
}

// litter lists what a deploy should never leave behind.
func (a *testApp) litter() (found []string) {
	a.t.Helper()
	app := a.tidy()
	defer app.Close()
	list, err := app.Releases()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, view := range list {
		if view.State == "unsealed" {
			found = append(found, string(view.Release))
		}
	}
	err = filepath.WalkDir(a.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		under := filepath.Base(filepath.Dir(path))
		if durable.IsTemp(entry.Name()) || under == "trash" || under == "waiting" || strings.HasSuffix(path, ".lock") {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return found
}

// checkStory fails the test unless link, branch and journal tell the same.
func (a *testApp) checkStory(when string) {
	a.t.Helper()
	if litter := a.litter(); litter != nil {
		a.t.Fatalf("%s: left behind: %v", when, litter)
	}
	if live, branch := a.live(), a.branch(); live != branch {
		a.t.Fatalf("%s: the link is on %s, the branch on %s", when, live, branch)
	}
	app := a.tidy()
	defer app.Close()
	said, _, err := app.store.LiveInJournal()
	if err != nil || gitsrc.Hash(said.Commit()) != a.live() {
		a.t.Fatalf("%s: the journal says %s is live (%v), the link is on %s", when, said, err, a.live())
	}
	records, damaged, err := app.History(1000)
	if err != nil || damaged != 0 {
		a.t.Fatalf("%s: history: %d damaged, %v", when, damaged, err)
	}
	for _, record := range records {
		if record.Outcome == "" {
			a.t.Fatalf("%s: deploy %d has no end", when, record.Deploy)
		}
	}
}

func files(version int) map[string]string {
	return map[string]string{"index.html": fmt.Sprintf("version %d\n", version), "lib/a.txt": "a\n"}
}
