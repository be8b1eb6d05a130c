package gitsrc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// check checks the commit out and looks at the files.
func (w *lfsWorld) check(t *testing.T, here *Repo) {
	t.Helper()
	dir := empty(t)
	tree, err := here.Checkout(t.Context(), w.tip, dir, CheckoutOptions{LFS: true})
	must(t, err)
	size := int64(len(lfsAttributes))
	for name, content := range w.files {
		size += int64(len(content))
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != content {
			t.Errorf("%s holds %.50q, %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "tool.bin")); err != nil || info.Mode() != 0o755 {
		t.Error(info.Mode(), err)
	}
	if tree.Bytes != size || tree.Plain || tree.Digest != treeID(t, w.there, string(w.tip)+"^{tree}") {
		t.Errorf("got %+v, want %d bytes", tree, size)
	}
	checkSound(t, here)
}

func TestLFS(t *testing.T) {
	t.Parallel()
	reaches := map[string]func(t *testing.T, w *lfsWorld) Remote{
		"https": func(t *testing.T, w *lfsWorld) Remote { r, _ := w.overWeb(t); return r },
		"ssh": func(t *testing.T, w *lfsWorld) Remote {
			_, web := w.overWeb(t)
			w.host.auth = "RemoteAuth 2"
			s := startSSH(t)
			s.run = func(command string, channel ssh.Channel) uint32 {
				if command != "git-lfs-authenticate "+w.there.dir+" download" {
					return runGit(command, channel)
				}
				fmt.Fprintf(channel, `{"href": "%s/repo.git/info/lfs", "header": {"Authorization": "RemoteAuth 2"}, "expires_in": 60}`, web.URL)
				return 0
			}
			remote := s.remote(w.there.dir)
			remote.roots = trust(web)
			return remote
		},
		"path": func(t *testing.T, w *lfsWorld) Remote {
			for oid, content := range w.host.contents {
				name := filepath.Join(w.there.dir, pointer{oid: oid}.storedName())
				must(t, os.MkdirAll(filepath.Dir(name), 0o755))
				must(t, os.WriteFile(name, []byte(content), 0o644))
			}
			return Remote{URL: w.there.dir}
		},
	}
	for name, reach := range reaches {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, here := newLFSWorld(t), newRepo(t)
			remote := reach(t, w)
			fetchIs(t, here, remote, "refs/heads/main", w.tip)
			if _, err := here.Checkout(t.Context(), w.tip, empty(t), CheckoutOptions{LFS: true}); err == nil || !strings.Contains(err.Error(), "was not fetched") {
				t.Error(err)
			}
			must(t, fetchLFS(t, here, remote, w.tip, CheckoutOptions{}))
			w.check(t, here)
			for oid := range w.host.contents { // all is here: nobody is asked
				delete(w.host.contents, oid)
				_ = os.Remove(filepath.Join(w.there.dir, pointer{oid: oid}.storedName()))
			}
			must(t, fetchLFS(t, here, remote, w.tip, CheckoutOptions{}))
		})
	}
}

// A fetch that broke off goes on where it was.
func TestLFSGoesOn(t *testing.T) {
	t.Parallel()
	w, here := newLFSWorld(t), newRepo(t)
	remote, s := w.overWeb(t)
	fetchIs(t, here, remote, "refs/heads/main", w.tip)
	late := oidOf("content 8")
	w.host.object = func(rw http.ResponseWriter, q *http.Request) {
		oid := filepath.Base(q.URL.Path)
		if oid == late {
			rw.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(rw, "conten")
			return
		}
		_, _ = io.WriteString(rw, w.host.contents[oid])
	}
	var explained *RemoteError
	if err := fetchLFS(t, here, remote, w.tip, CheckoutOptions{}); !errors.As(err, &explained) {
		t.Error(err)
	}
	again := &lfsHost{contents: w.host.contents, api: w.host.api, auth: w.host.auth, href: w.host.href, header: w.host.header}
	s.answer(again, testToken)
	var there []string
	for oid, content := range w.host.contents {
		if here.stored(pointer{oid, int64(len(content))}) {
			there = append(there, oid)
		}
	}
	must(t, fetchLFS(t, here, remote, w.tip, CheckoutOptions{}))
	for _, oid := range again.served {
		if slices.Contains(there, oid) {
			t.Errorf("%s was there, yet it was fetched again", oid)
		}
	}
	w.check(t, here)
}

// What lies there wrongly is not deployed.
func TestLFSDamaged(t *testing.T) {
	t.Parallel()
	w, here := newLFSWorld(t), newRepo(t)
	remote, _ := w.overWeb(t)
	fetchIs(t, here, remote, "refs/heads/main", w.tip)
	must(t, fetchLFS(t, here, remote, w.tip, CheckoutOptions{}))
	name := filepath.Join(here.dir, pointer{oid: oidOf("content 4")}.storedName())
	must(t, os.Chmod(name, 0o600))
	must(t, os.WriteFile(name, []byte("Content 4"), 0o600))
	if _, err := here.Checkout(t.Context(), w.tip, empty(t), CheckoutOptions{LFS: true}); err == nil || !strings.Contains(err.Error(), "not the content that the commit names; remove it") {
		t.Error(err)
	}
	must(t, os.WriteFile(name, []byte("short"), 0o600))
	must(t, fetchLFS(t, here, remote, w.tip, CheckoutOptions{}))
	w.check(t, here)
}

// Contents of submodules come from where the submodules come from.
func TestLFSOfSubmodules(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	lib := commit(t, f.lib, map[string]file{".gitattributes": text(lfsAttributes), "x.bin": text(pointerTo("of the lib"))})
	tip := commit(t, f.top, map[string]file{".gitmodules": gitmodules("lib", "../lib.git"), "lib": at(lib), "y.bin": text(pointerTo("of the top"))})
	for content, r := range map[string]*Repo{"of the lib": f.lib, "of the top": f.top} {
		name := filepath.Join(r.dir, pointer{oid: oidOf(content)}.storedName())
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(content), 0o600))
	}
	remote := Remote{URL: f.top.dir}
	_, err := fetchAll(t, here, remote, "")
	must(t, err)
	both := CheckoutOptions{Submodules: true, LFS: true}
	must(t, fetchLFS(t, here, remote, tip, both))
	dir := empty(t)
	_, err = here.Checkout(t.Context(), tip, dir, both)
	must(t, err)
	for name, want := range map[string]string{"lib/x.bin": "of the lib", "y.bin": "of the top"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
}

func fetchLFS(t *testing.T, r *Repo, remote Remote, commit Hash, o CheckoutOptions) error {
	t.Helper()
	_, err := r.FetchLFS(t.Context(), remote, commit, o)
	return err
}
