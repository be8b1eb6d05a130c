package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// world is what a script has, for tests that need loops: a work directory with
// an app and its pusher's repository, and an environment of its own.
type world struct {
	t       *testing.T
	dir     string
	app     string
	repo    string
	env     []string
	commits []string // the hashes of those that newWorld made
}

// newWorld makes an app and a repository with the commits of pages, none of
// them pushed. The app has a shared path, an extra link and a build hook.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := worldIn(t, t.TempDir())
	for _, args := range [][]string{
		{"repoint", "init", w.app},
		{"git", "init", "--quiet", "--template=", w.repo},
	} {
		w.must(args...)
	}
	w.writeConfig()
	for i, page := range pages {
		w.write("index.html", page)
		w.write("storage/readme", "seed")
		w.must("git", "-C", w.repo, "add", "--all")
		w.must("git", "-C", w.repo, "commit", "--quiet", "--message", page)
		w.must("git", "-C", w.repo, "branch", branchOf(i))
		w.commits = append(w.commits, strings.TrimSpace(w.must("git", "-C", w.repo, "rev-parse", "HEAD")))
	}
	return w
}

// pages are what index.html says in the commits that newWorld makes.
var pages = []string{"one", "two", "three", "four", "five", "six"}

func branchOf(commit int) string { return "commit" + pages[commit] }

func worldIn(t *testing.T, dir string) *world {
	t.Helper()
	vars, err := hermetic(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endAfterwards(dir) })
	return &world{t: t, dir: dir, app: filepath.Join(dir, "apps", "blog"), repo: filepath.Join(dir, "blog"),
		env: append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}, vars...)}
}

// copy copies the world, so that what happens in one cannot be seen in another.
func (w *world) copy(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	if err := waitAfterwards(w.dir); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", w.dir+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	c := worldIn(t, dir)
	c.commits = w.commits
	c.writeConfig()
	if link := filepath.Join(dir, "www"); os.Remove(link) == nil {
		if err := os.Symlink(filepath.Join(c.app, "current"), link); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (w *world) writeConfig() {
	w.t.Helper()
	text := "shared = [\"storage/\"]\nlinks = [\"" + filepath.Join(w.dir, "www") + "\"]\n" +
		"[hooks]\nbuild = \"cp index.html built.html\"\n"
	if err := os.WriteFile(filepath.Join(w.app, "repoint.toml"), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.repo, name)
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.WriteFile(name, []byte(text), 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// run runs a program, with more in its environment, and returns its exit
// status (-1 when a signal ended it) and all that it said.
func (w *world) run(more []string, args ...string) (int, string) {
	w.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = w.dir, append(w.env[:len(w.env):len(w.env)], more...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s: %v", args[0], err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (w *world) must(args ...string) string {
	w.t.Helper()
	status, out := w.run(nil, args...)
	if status != 0 {
		w.t.Fatalf("%s exited %d: %s", strings.Join(args, " "), status, out)
	}
	return out
}

func (w *world) push(more []string, commit int, ref string) (int, string) {
	w.t.Helper()
	return w.run(more, "git", "-C", w.repo, "push", filepath.Join(w.app, "repo.git"), branchOf(commit)+":"+ref)
}

// at is which commit a link of the app points at; -1 when there is no link. A
// release that is not complete is an error, read as a visitor reads it.
func (w *world) at(link string) int {
	w.t.Helper()
	link = filepath.Join(w.app, link)
	if _, err := os.Lstat(link); err != nil {
		return -1
	}
	texts := map[string]string{"index.html": "", "built.html": "", "storage/readme": ""}
	for name := range texts {
		data, err := os.ReadFile(filepath.Join(link, name))
		if err != nil {
			w.t.Errorf("a release is not complete: %v", err)
		}
		texts[name] = string(data)
	}
	for commit, page := range pages {
		if texts["index.html"] == page && texts["built.html"] == page && texts["storage/readme"] == "seed" {
			return commit
		}
	}
	w.t.Errorf("%s is no release: %q", link, texts)
	return -1
}

// branch is which commit the app's branch stands on; -1 when it is not there.
func (w *world) branch() int {
	w.t.Helper()
	at := refOf(filepath.Join(w.app, "repo.git"), "refs/heads/main")
	commit := slices.Index(w.commits, at)
	if commit < 0 && at != "none" {
		w.t.Errorf("main stands on %s", at)
	}
	return commit
}
