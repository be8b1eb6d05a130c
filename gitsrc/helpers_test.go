package gitsrc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// file is one entry of a tree made for a test.
type file struct{ mode, content string }

func text(content string) file { return file{modeFile, content} }
func exe(content string) file  { return file{modeProgram, content} }
func to(target string) file    { return file{modeLink, target} }
func at(commit Hash) file      { return file{modeModule, string(commit)} }

// gitmodules is the file of submodules, given their folders and addresses by
// turns.
func gitmodules(pairs ...string) file {
	var out strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&out, "[submodule \"m%d\"]\n\tpath = %s\n\turl = %s\n", i/2, pairs[i], pairs[i+1])
	}
	return text(out.String())
}

// newRepo makes an empty repository.
func newRepo(t testing.TB) *Repo {
	t.Helper()
	r, err := Init(t.Context(), filepath.Join(t.TempDir(), "repo.git"), "main")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// gitIn runs git in dir with a fixed identity and nobody's configuration.
func gitIn(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, stdin, args...)
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSuffix(out, "\n")
}

func tryGit(dir, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = hermetic()
	cmd.Stdin = strings.NewReader(stdin)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, talk.String())
	}
	return string(out), nil
}

func hermetic() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_AUTHOR_DATE=1700000000 +0100",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org", "GIT_COMMITTER_DATE=1700000600 +0100",
	}
}

// commit adds a commit with exactly these files to main; parents are main's.
func commit(t testing.TB, r *Repo, files map[string]file) Hash {
	t.Helper()
	var script strings.Builder
	script.WriteString("commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000600 +0100\ndata 5\nwork\n")
	if at, ok, _ := r.Branch("main"); ok {
		fmt.Fprintf(&script, "from %s\n", at)
	}
	script.WriteString("deleteall\n")
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		f := files[name]
		if f.mode == modeModule {
			fmt.Fprintf(&script, "M %s %s %s\n", f.mode, f.content, quoteForGit(name))
			continue
		}
		fmt.Fprintf(&script, "M %s inline %s\ndata %d\n%s\n", f.mode, quoteForGit(name), len(f.content), f.content)
	}
	gitIn(t, r.dir, script.String(), "fast-import", "--quiet", "--force")
	at, ok, err := r.Branch("main")
	if err != nil || !ok {
		t.Fatal("no commit was made", err)
	}
	return at
}

// quoteForGit writes a path in fast-import's C style.
func quoteForGit(name string) string {
	var out strings.Builder
	for i := range len(name) {
		fmt.Fprintf(&out, "\\%03o", name[i])
	}
	return `"` + out.String() + `"`
}

// blob stores content.
func blob(t testing.TB, r *Repo, content string) Hash {
	t.Helper()
	return Hash(gitIn(t, r.dir, content, "hash-object", "-w", "--stdin"))
}

// rawEntry is one entry of a tree object, written as it is.
type rawEntry struct {
	mode, name string
	id         Hash
}

// rawTree stores a tree object that git itself would not make.
func rawTree(t testing.TB, r *Repo, entries ...rawEntry) Hash {
	t.Helper()
	var tree bytes.Buffer
	for _, e := range entries {
		id, _ := parseObjectID([]byte(e.id))
		fmt.Fprintf(&tree, "%s %s\x00%s", e.mode, e.name, id[:])
	}
	return Hash(gitIn(t, r.dir, tree.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin"))
}

// commitTree makes a commit of a tree, on no branch.
func commitTree(t testing.TB, r *Repo, tree Hash, parents ...Hash) Hash {
	t.Helper()
	args := []string{"commit-tree", "-m", "work", string(tree)}
	for _, p := range parents {
		args = append(args, "-p", string(p))
	}
	return Hash(gitIn(t, r.dir, "", args...))
}

// empty returns a new empty directory.
func empty(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "code")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// must fails the test for an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
