package gitsrc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A submodule is written only if it was fetched for this commit.
func TestSubmodulesAreRefused(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	fetchIs(t, here, Remote{URL: f.top.dir}, "refs/heads/main", f.tip)
	for want, o := range map[string]CheckoutOptions{
		"it is a submodule": {},
		"was not fetched":   {Submodules: true},
	} {
		dir := empty(t)
		_, err := here.Checkout(t.Context(), f.tip, dir, o)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || refused.Hint == "" {
			t.Errorf("got %v, want %s", err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Error("something was written:", left)
		}
	}
	gitIn(t, here.dir, "", "fetch", "-q", f.lib.dir, "main") // the object alone does not do
	if _, err := here.Checkout(t.Context(), f.tip, empty(t), CheckoutOptions{Submodules: true}); err == nil || !strings.Contains(err.Error(), "was not fetched") {
		t.Error(err)
	}
}

// The whole is judged as one tree.
func TestSubmodulesAreJudged(t *testing.T) {
	t.Parallel()
	evil := newRepo(t)
	out := commit(t, evil, map[string]file{"a": to("../../outside"), "b": text("12345")})
	deep := commit(t, evil, map[string]file{"1/2/3/4": text("x")})
	many := commit(t, evil, map[string]file{"1": text("1"), "2": text("2"), "3": text("3")})
	for want, c := range map[string]struct {
		module Hash
		files  map[string]file
		limits Limits
	}{
		`link "lib/a" -> "../../outside": it leads out`: {out, nil, Limits{}},
		"more than 5 levels":                            {deep, map[string]file{"d/lib": {}}, Limits{Depth: 5}},
		"more than 4 files":                             {many, map[string]file{"x": text("x")}, Limits{Files: 4}},
		"more than 9 bytes":                             {out, map[string]file{"x": text("x"), "lib2": {}}, Limits{Bytes: 9}},
		`link "up" -> "lib/a": it leads out`:            {out, map[string]file{"up": to("lib/a")}, Limits{}},
	} {
		top, here := newRepo(t), newRepo(t)
		files, pairs := map[string]file{"lib": at(c.module)}, []string{"lib", evil.dir}
		for name, f := range c.files {
			if f.mode == "" {
				f = at(c.module)
				pairs = append(pairs, name, evil.dir)
			}
			files[name] = f
		}
		files[".gitmodules"] = gitmodules(pairs...)
		if c.limits.Bytes > 0 {
			c.limits.Bytes += int64(len(files[".gitmodules"].content))
		}
		tip := commit(t, top, files)
		if _, err := fetchAll(t, here, Remote{URL: top.dir}, ""); err != nil {
			t.Fatal(err)
		}
		want = strings.Replace(want, "9 bytes", fmt.Sprint(c.limits.Bytes, " bytes"), 1)
		dir := empty(t)
		_, err := here.Checkout(t.Context(), tip, dir, CheckoutOptions{Submodules: true, Limits: c.limits})
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Error("something was written:", left)
		}
	}
}

func TestSubmoduleAddresses(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	mark := filepath.Join(t.TempDir(), "ran")
	cases := map[string]string{
		"":                               "no remote to fetch from",
		"ext::touch " + mark:             "contains a space",
		"ext::sh":                        "its address",
		"file://" + f.lib.dir:            "its address names no host",
		"-u./payload":                    "its address",
		"--upload-pack=touch":            "its address",
		"git://127.0.0.1/lib.git":        "reached by neither https nor ssh",
		"http://127.0.0.1/lib.git":       "reached by neither https nor ssh",
		"lib.git":                        "its address is not complete",
		"https://ada:pw@127.0.0.1/lib":   "contains a password",
		"../../../../../../../../../x":   "leads above",
		"ssh://-oProxyCommand=touch/lib": "names no host",
	}
	tips := map[string]Hash{}
	for url := range cases {
		tips[url] = commit(t, f.top, map[string]file{".gitmodules": gitmodules("web/lib", url), "web/lib": at(f.libTip)})
	}
	gitIn(t, here.dir, "", "fetch", "-q", f.top.dir, "main") // our fetch refuses some of them already
	for url, want := range cases {
		_, err := here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir}, tips[url], "", Limits{})
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"web/lib"`) {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Error("the password is in:", err)
		}
	}
	if exists(mark) {
		t.Error("something ran")
	}
	f = newFamily(t)
	s := startWeb(t, f.dir)
	tip := commit(t, f.top, map[string]file{".gitmodules": gitmodules("web/lib", f.lib.dir), "web/lib": at(f.libTip)})
	fetchIs(t, here, s.remote("top.git"), "refs/heads/main", tip)
	if _, err := here.FetchSubmodules(t.Context(), s.remote("top.git"), tip, "", Limits{}); err == nil || !strings.Contains(err.Error(), "a path of this machine") {
		t.Error(err)
	}
}

func TestGitmodules(t *testing.T) {
	t.Parallel()
	f, here := newFamily(t), newRepo(t)
	huge := strings.Repeat("[submodule \"x\"]\npath=x\n", 1_000_000)
	cases := map[string]map[string]file{
		`"web/lib": it is a submodule, but not in .gitmodules`: {"web/lib": at(f.libTip), ".gitmodules": gitmodules("lib", "../lib.git")},
		`"other": it is a submodule, but not in .gitmodules`:   {"other": at(f.libTip)},
		"more than 262144": {"web/lib": at(f.libTip), ".gitmodules": text(huge)},
		"cannot be read":   {"web/lib": at(f.libTip), ".gitmodules": text("[submodule")},
		"not a file":       {"web/lib": at(f.libTip), ".gitmodules": to("README")},
	}
	tips := map[string]Hash{}
	for want, files := range cases {
		tips[want] = commit(t, f.top, files)
	}
	gitIn(t, here.dir, "", "fetch", "-q", f.top.dir, "main") // as pushed: our fetch would refuse a link
	for want, tip := range tips {
		_, err := here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir}, tip, "", Limits{})
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %.300v, want %q", err, want)
		}
	}
}

// Bombs and rings of submodules end.
func TestManySubmodules(t *testing.T) {
	t.Parallel()
	here, ring := newRepo(t), newRepo(t)
	tip := commit(t, ring, map[string]file{"f": text("x")})
	for range 20 {
		tip = commit(t, ring, map[string]file{".gitmodules": gitmodules("me", ring.dir), "me": at(tip)})
	}
	fetchIs(t, here, Remote{URL: ring.dir}, "refs/heads/main", tip)
	_, err := here.FetchSubmodules(t.Context(), Remote{URL: ring.dir}, tip, "", Limits{})
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "more than 8 submodules inside one another") {
		t.Error(err)
	}
	wide := newRepo(t)
	leaf := commit(t, wide, map[string]file{"f": text("x")})
	for range 3 { // 10 × 10 × 10
		files, pairs := map[string]file{}, []string{}
		for i := range 10 {
			name := fmt.Sprint("m", i)
			files[name] = at(leaf)
			pairs = append(pairs, name, wide.dir)
		}
		files[".gitmodules"] = gitmodules(pairs...)
		leaf = commit(t, wide, files)
	}
	fetchIs(t, here, Remote{URL: wide.dir}, "refs/heads/main", leaf)
	_, err = here.FetchSubmodules(t.Context(), Remote{URL: wide.dir}, leaf, "", Limits{})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "more than 200 submodules") {
		t.Error(err)
	}
}

// A folder and a submodule of the same name, one inside the other: never mixed.
func TestSubmodulesThatClash(t *testing.T) {
	t.Parallel()
	f := newFamily(t)
	here := f.top // as if pushed
	gitIn(t, here.dir, "", "fetch", "-q", f.lib.dir, "main")
	b := blob(t, f.top, "x")
	folder := rawTree(t, f.top, rawEntry{"100644", "lib.txt", b})
	nested := rawTree(t, f.top, rawEntry{modeModule, "x", f.libTip})
	meta := blob(t, f.top, gitmodules("lib", "../lib.git", "lib/x", "../lib.git").content)
	for name, tree := range map[string][]rawEntry{
		"folder": {{"100644", ".gitmodules", meta}, {modeModule, "lib", f.libTip}, {"40000", "lib", folder}},
		"file":   {{"100644", ".gitmodules", meta}, {"100644", "lib", b}, {modeModule, "lib", f.libTip}},
		"module": {{"100644", ".gitmodules", meta}, {modeModule, "lib", f.libTip}, {"40000", "lib", nested}},
		"twice":  {{"100644", ".gitmodules", meta}, {modeModule, "lib", f.libTip}, {modeModule, "lib", f.libTip}},
	} {
		tip := commitTree(t, f.top, rawTree(t, f.top, tree...))
		_, err := here.FetchSubmodules(t.Context(), Remote{URL: f.top.dir}, tip, "", Limits{})
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "it is a submodule and a file or folder") {
			t.Errorf("%s: %v", name, err)
		}
		gitIn(t, here.dir, "", "update-ref", moduleRef(tip, f.libTip), string(f.libTip))
		dir := empty(t)
		_, err = here.Checkout(t.Context(), tip, dir, CheckoutOptions{Submodules: true})
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "it is a submodule and a file or folder") {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: something was written: %v", name, left)
		}
	}
}
