package gitsrc

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// family is a repository with a submodule that has one itself; they lie side by
// side.
type family struct {
	dir            string
	top, lib, deep *Repo
	tip            Hash
	libTip         Hash
	deepTip        Hash
}

func newFamily(t *testing.T) *family {
	t.Helper()
	f := &family{dir: t.TempDir()}
	for name, r := range map[string]**Repo{"top.git": &f.top, "lib.git": &f.lib, "deep.git": &f.deep} {
		made, err := Init(t.Context(), filepath.Join(f.dir, name), "main")
		must(t, err)
		*r = made
	}
	f.deepTip = commit(t, f.deep, map[string]file{"deep.txt": text("deep"), "run": exe("#!/bin/sh\n")})
	commit(t, f.deep, map[string]file{"deep.txt": text("newer than what is recorded")})
	f.libTip = commit(t, f.lib, map[string]file{
		".gitmodules": gitmodules("in/deep", "../deep.git"), "in/deep": at(f.deepTip), "lib.txt": text("lib"), "link": to("../README"),
	})
	commit(t, f.lib, map[string]file{"lib.txt": text("newer")})
	f.tip = commit(t, f.top, map[string]file{
		".gitmodules": gitmodules("web/lib", "../lib.git"), "web/lib": at(f.libTip), "README": text("top"),
		"web/lib-x": text("sorts between a name and its folder"), "web/lib.c": text("so does this"), "web/README": text("linked to"),
	})
	return f
}

// fetchAll fetches the commit and what is in it.
func fetchAll(t *testing.T, r *Repo, remote Remote, subdir string) ([]Submodule, error) {
	t.Helper()
	tip, err := r.Fetch(t.Context(), remote, "refs/heads/main")
	must(t, err)
	return r.FetchSubmodules(t.Context(), remote, tip, subdir, Limits{})
}

func TestSubmodules(t *testing.T) {
	t.Parallel()
	for name, reach := range everyReach(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, here := newFamily(t), newRepo(t)
			remote := reach(f.top)
			got, err := fetchAll(t, here, remote, "")
			must(t, err)
			base := strings.TrimSuffix(remote.URL, "top.git")
			want := []Submodule{{"web/lib", base + "lib.git", f.libTip}, {"web/lib/in/deep", base + "deep.git", f.deepTip}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			checkFamily(t, f, here)
			checkSound(t, here)
			for _, r := range []*Repo{f.lib, f.deep} { // what is here is not asked for again
				must(t, os.Rename(r.dir, r.dir+".away"))
			}
			_, err = here.FetchSubmodules(t.Context(), remote, f.tip, "", Limits{})
			must(t, err)
			// for another commit neither
			next := commit(t, f.top, map[string]file{".gitmodules": gitmodules("lib", "../lib.git"), "lib": at(f.libTip), "README": text("")})
			fetchIs(t, here, remote, "refs/heads/main", next)
			_, err = here.FetchSubmodules(t.Context(), remote, next, "", Limits{})
			must(t, err)
			for _, r := range []*Repo{f.lib, f.deep} {
				must(t, os.Rename(r.dir+".away", r.dir))
			}
			gitIn(t, here.dir, "", "gc", "--prune=now", "--quiet")
			checkFamily(t, f, here)
		})
	}
}

// checkFamily checks the commit with its submodules out.
func checkFamily(t *testing.T, f *family, here *Repo) {
	t.Helper()
	dir := empty(t)
	tree, err := here.Checkout(t.Context(), f.tip, dir, CheckoutOptions{Submodules: true})
	must(t, err)
	var lines []string
	for prefix, from := range map[string]struct {
		r   *Repo
		tip Hash
	}{"": {f.top, f.tip}, "web/lib/": {f.lib, f.libTip}, "web/lib/in/deep/": {f.deep, f.deepTip}} {
		for line := range strings.SplitSeq(gitIn(t, from.r.dir, "", "ls-tree", "-r", "-z", "--full-tree", string(from.tip)), "\x00") {
			if head, name, ok := strings.Cut(line, "\t"); ok && !strings.HasPrefix(line, modeModule) {
				lines = append(lines, head+"\t"+prefix+name+"\x00")
			}
		}
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i][53:] < lines[j][53:] })
	listed := strings.Join(lines, "")
	if diff := cmp.Diff(strings.Split(listed, "\x00"), strings.Split(onDisk(t, dir), "\x00")); diff != "" {
		t.Error("the disk differs:", diff)
	}
	if want := treeID(t, f.top, string(f.tip)+"^{tree}"); tree.Digest != want || tree.Files != len(lines) || tree.Plain {
		t.Errorf("got %+v, want the digest %s of %d files", tree, want, len(lines))
	}
}

func TestSubmodulesOfAFolder(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	got, err := fetchAll(t, here, Remote{URL: f.top.dir}, "web")
	must(t, err)
	if len(got) != 2 || got[0].Path != "lib" || got[1].Path != "lib/in/deep" {
		t.Error(got)
	}
	dir := empty(t)
	_, err = here.Checkout(t.Context(), f.tip, dir, CheckoutOptions{Submodules: true, Subdir: "web"})
	must(t, err)
	if data, err := os.ReadFile(filepath.Join(dir, "lib/in/deep/deep.txt")); string(data) != "deep" {
		t.Error(string(data), err)
	}
	next := commit(t, f.top, map[string]file{"a/x": text("x"), "b/lib": at(f.libTip)}) // outside, and not in .gitmodules
	fetchIs(t, here, Remote{URL: f.top.dir}, "refs/heads/main", next)
	got, err = here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir}, next, "a", Limits{})
	if err != nil || len(got) > 0 {
		t.Error(got, err)
	}
}

// Another host sees no credentials, and one that is not known is not talked to.
func TestSubmodulesElsewhere(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	mine, other, ssh := startWeb(t, f.dir), startWeb(t, f.dir), startSSH(t)
	other.answer(nil, "")
	remote := mine.remote("top.git")
	remote.roots = trust(mine, other)
	try := func(url string) error {
		tip := commit(t, f.top, map[string]file{".gitmodules": gitmodules("lib", url), "lib": at(f.deepTip), "x": text(url)})
		fetchIs(t, here, remote, "refs/heads/main", tip)
		_, err := here.FetchSubmodules(t.Context(), remote, tip, "", Limits{})
		return err
	}
	must(t, try(other.URL+"/deep.git"))
	if len(other.paths) == 0 || len(other.credentials()) > 0 {
		t.Errorf("the other host was asked for %q and shown %q", other.paths, other.credentials())
	}
	gitIn(t, here.dir, "", "update-ref", "-d", moduleRef(f.tip, f.deepTip))
	other.answer(nil, "a token of its own")
	here = newRepo(t)
	if err := try(other.URL + "/deep.git"); err == nil || !strings.Contains(err.Error(), "wants to know who we are") || strings.Contains(err.Error(), testToken) {
		t.Error(err)
	}
	if len(other.credentials()) > 0 {
		t.Errorf("the other host was shown %q", other.credentials())
	}
	unknown := "ssh://git@" + ssh.addr + f.deep.dir
	if err := try(unknown); err == nil || !strings.Contains(err.Error(), "needs a key") {
		t.Error(err)
	}
	remote.Key, remote.KnownHosts = ssh.client, startSSH(t).known()
	if err := try(unknown); err == nil || !strings.Contains(err.Error(), "has no key of") || len(ssh.users) > 0 {
		t.Error(err, ssh.users)
	}
	remote.KnownHosts = ssh.known()
	must(t, try(unknown))
	var explained *RemoteError
	other.answer(http.RedirectHandler(mine.URL+"/deep.git/info/refs?service=git-upload-pack", http.StatusFound), "")
	here = newRepo(t)
	if err := try(other.URL + "/deep.git"); !errors.As(err, &explained) || !strings.Contains(err.Error(), "another host") {
		t.Error(err)
	}
}

// Servers give single commits, or only branches and tags.
func TestSubmoduleCommits(t *testing.T) {
	t.Parallel()
	for _, serves := range []string{"false", "true"} {
		f, here := newFamily(t), newRepo(t)
		gitIn(t, f.lib.dir, "", "config", "uploadpack.allowAnySHA1InWant", serves)
		_, err := fetchAll(t, here, Remote{URL: f.top.dir}, "")
		must(t, err)
		checkFamily(t, f, here)
		gone := commitTree(t, f.deep, rawTree(t, f.deep)) // on no branch, as if never pushed
		tip := commit(t, f.top, map[string]file{".gitmodules": gitmodules("deep", "../deep.git"), "deep": at(gone)})
		gitIn(t, f.deep.dir, "", "config", "uploadpack.allowReachableSHA1InWant", serves)
		fetchIs(t, here, Remote{URL: f.top.dir}, "refs/heads/main", tip)
		_, err = here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir}, tip, "", Limits{})
		var explained *RemoteError
		if !errors.As(err, &explained) || !errors.Is(err, ErrNotFound) || explained.Hint == "" || !strings.Contains(err.Error(), "does not have commit "+gone.Short()) {
			t.Error(err)
		}
		checkSound(t, here)
	}
}

// All submodules together stay within the limit.
func TestSubmodulesTogether(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	fetchIs(t, here, Remote{URL: f.top.dir}, "refs/heads/main", f.tip)
	_, err := here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir, MaxBytes: 1000}, f.tip, "", Limits{})
	if err == nil || !strings.Contains(err.Error(), "it sends more than 1000 bytes") {
		t.Error(err)
	}
	checkSound(t, here)
}

func TestRelativeURL(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"https://h/a/b.git", "../lib.git", "https://h/a/lib.git"},
		{"https://h/a/b.git/", "../../c/lib.git/", "https://h/c/lib.git"},
		{"https://h/a/b.git", "./lib", "https://h/a/b.git/lib"},
		{"git@h:a/b.git", "../lib.git", "git@h:a/lib.git"},
		{"git@h:a/b.git", "../../c/lib.git", "git@h:c/lib.git"},
		{"git@h:b.git", "../lib.git", "git@h:lib.git"},
		{"ssh://git@h:22/a/b.git", "../lib.git", "ssh://git@h:22/a/lib.git"},
		{"/srv/a.git", "../b.git", "/srv/b.git"},
		{"/srv/a.git", "../../b.git", "/b.git"},
		{"/srv/a.git", "https://h/x", "https://h/x"},
		{"https://h/a/b.git", "../../../evil.example/x", "https://evil.example/x"}, // as in git; without credentials
		{"/srv/a.git", "../../../b.git", ""},
	} {
		got, err := relativeURL(c[0], c[1])
		if got != c[2] || (err != nil) != (c[2] == "") {
			t.Errorf("%s at %s is %q, %v, want %q", c[1], c[0], got, err, c[2])
		}
	}
}

// Of a submodule that is here in another version only the news come.
func TestSubmodulesSendOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	files := map[string]file{}
	for i := range 200 {
		files[fmt.Sprint("f", i)] = text(fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i)})))
	}
	for round, want := range []bool{false, true} {
		files["new"] = text(fmt.Sprint(round))
		lib := commit(t, f.lib, files)
		tip := commit(t, f.top, map[string]file{".gitmodules": gitmodules("lib", "../lib.git"), "lib": at(lib)})
		fetchIs(t, here, Remote{URL: f.top.dir}, "refs/heads/main", tip)
		_, err := here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir, MaxBytes: 8 << 10}, tip, "", Limits{})
		if (err == nil) != want {
			t.Errorf("round %d: %v", round, err)
		}
		_, err = here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir}, tip, "", Limits{})
		must(t, err)
	}
}
