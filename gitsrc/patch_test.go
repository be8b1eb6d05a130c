package gitsrc

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// patched checks from out, patches that to the other commit, and fails the test
// unless it is then what a checkout of it is.
func patched(t *testing.T, r *Repo, from, to Hash, o CheckoutOptions) (changed int) {
	t.Helper()
	dir := empty(t)
	was, err := r.Checkout(t.Context(), from, dir, o)
	must(t, err)
	got, changed, err := r.Patch(t.Context(), from, to, dir, was, o)
	must(t, err)
	fresh := empty(t)
	want, err := r.Checkout(t.Context(), to, fresh, o)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(strings.Split(onDisk(t, fresh), "\x00"), strings.Split(onDisk(t, dir), "\x00")); diff != "" {
		t.Error("the disk differs:", diff)
	}
	if diff := cmp.Diff(foldersOf(t, fresh), foldersOf(t, dir)); diff != "" {
		t.Error("folders differ:", diff)
	}
	checkFolders(t, dir)
	return changed
}

func foldersOf(t *testing.T, dir string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			list = append(list, strings.TrimPrefix(path, dir))
		}
		return err
	}))
	return list
}

func TestPatchIsACheckout(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	few := commit(t, r, map[string]file{"README": text("one\n"), "keep": text("k")})
	all := commit(t, r, oddities())
	none := commit(t, r, nil)
	for _, pair := range [][2]Hash{{few, all}, {all, few}, {none, all}, {all, none}, {few, none}, {none, few}, {all, all}} {
		patched(t, r, pair[0], pair[1], CheckoutOptions{})
	}
}

// TestPatchOfAnyTrees walks through random trees in which files, links and
// folders take each other's places.
func TestPatchOfAnyTrees(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			r := newRepo(t)
			files := map[string]file{}
			commits := []Hash{commit(t, r, files)}
			for range 12 {
				change(rng, files)
				commits = append(commits, commit(t, r, files))
			}
			dir := empty(t)
			tree, err := r.Checkout(t.Context(), commits[0], dir, CheckoutOptions{})
			must(t, err)
			for i, to := range commits[1:] {
				tree, _, err = r.Patch(t.Context(), commits[i], to, dir, tree, CheckoutOptions{})
				must(t, err)
				listed := gitIn(t, r.dir, "", "ls-tree", "-r", "-z", "--full-tree", string(to))
				if onDisk(t, dir) != listed {
					t.Fatalf("step %d: got %q\nwant %q", i, onDisk(t, dir), listed)
				}
			}
			patched(t, r, commits[1], commits[len(commits)-1], CheckoutOptions{})
		})
	}
}

// change makes some random changes of a tree.
func change(rng *rand.Rand, files map[string]file) {
	names := []string{"a", "b", "a.b", "a-", "ab"}
	for range 1 + rng.IntN(6) {
		path := names[rng.IntN(len(names))]
		for range rng.IntN(4) {
			path += "/" + names[rng.IntN(len(names))]
		}
		maps.DeleteFunc(files, func(other string, _ file) bool { // what it takes the place of
			return strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/")
		})
		switch rng.IntN(6) {
		case 0:
			delete(files, path)
		case 1:
			files[path] = to(names[rng.IntN(len(names))])
		case 2:
			files[path] = exe(fmt.Sprint(rng.IntN(3)))
		default:
			files[path] = text(strings.Repeat("x", rng.IntN(9)) + fmt.Sprint(rng.IntN(3)))
		}
	}
}

// TestPatchLeavesTheRest: neither what lies beside the tree nor files that are
// the same in both commits are touched.
func TestPatchLeavesTheRest(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	files := map[string]file{"same": text("s"), "in/same": text("s"), "old": text("o"), "web/only": text("w")}
	from := commit(t, r, files)
	delete(files, "old")
	delete(files, "web/only")
	files["new"] = text("n")
	tip := commit(t, r, files)
	dir := empty(t)
	was, err := r.Checkout(t.Context(), from, dir, CheckoutOptions{})
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(dir, "web/node_modules/x"), 0o755))
	before, err := os.Stat(filepath.Join(dir, "in/same"))
	must(t, err)
	_, changed, err := r.Patch(t.Context(), from, tip, dir, was, CheckoutOptions{})
	must(t, err)
	after, err := os.Stat(filepath.Join(dir, "in/same"))
	must(t, err)
	if changed != 3 || !os.SameFile(before, after) {
		t.Errorf("%d changed; same file: %v", changed, os.SameFile(before, after))
	}
	if _, err := os.Stat(filepath.Join(dir, "web/node_modules/x")); err != nil {
		t.Error(err)
	}
}

func TestPatchOfAFolder(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	from := commit(t, r, map[string]file{"web/a": text("a"), "web/in/b": text("b"), "other": text("x")})
	tip := commit(t, r, map[string]file{"web/a": text("A"), "web/in/c": text("c"), "other": text("y")})
	if changed := patched(t, r, from, tip, CheckoutOptions{Subdir: "web"}); changed != 3 {
		t.Errorf("%d changed", changed)
	}
	apart := commit(t, r, map[string]file{"web/a": text("A"), "web/in/c": text("c"), "other": text("z")})
	if changed := patched(t, r, tip, apart, CheckoutOptions{Subdir: "web"}); changed != 0 {
		t.Errorf("%d changed", changed)
	}
}

// TestPatchRefuses what a checkout refuses.
func TestPatchRefuses(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	fine := map[string]file{"a": text("a"), "d/in": to("../a"), "d/way": to("in"), "f": text("f")}
	from := commit(t, r, fine)
	with := func(name string, f file) Hash {
		files := maps.Clone(fine)
		files[name] = f
		return commit(t, r, files)
	}
	raw := func(name string) Hash {
		return commitTree(t, r, rawTree(t, r, rawEntry{modeFile, name, blob(t, r, "x")}))
	}
	pointer := pointerVersion + "oid sha256:" + strings.Repeat("a", 64) + "\nsize 5\n"
	lfs := maps.Clone(fine)
	lfs[".gitattributes"], lfs["p.bin"] = text("*.bin filter=lfs\n"), text(pointer)
	for what, c := range map[string]struct {
		to   Hash
		o    CheckoutOptions
		want string
	}{
		"link out":       {with("out", to("/etc")), CheckoutOptions{}, "absolute"},
		"link moved out": {with("d/in", to("../../..")), CheckoutOptions{}, "out of the tree"},
		"through others": {with("d/x", to("way/../../../y")), CheckoutOptions{}, "out of the tree"},
		"git's name":     {raw(".GIT"), CheckoutOptions{}, "git's own"},
		"control":        {raw("a\x01"), CheckoutOptions{}, "control character"},
		"files":          {with("more", text("m")), CheckoutOptions{Limits: Limits{Files: 4}}, "more than 4 files"},
		"bytes":          {with("more", text("12345678901234567890")), CheckoutOptions{Limits: Limits{Bytes: 25}}, "more than 25 bytes"},
		"depth":          {with("x/y/z", text("m")), CheckoutOptions{Limits: Limits{Depth: 2}}, "levels deep"},
		"lfs":            {commit(t, r, lfs), CheckoutOptions{}, "Git LFS keeps"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := empty(t)
			was, err := r.Checkout(t.Context(), from, dir, c.o)
			must(t, err)
			_, _, err = r.Patch(t.Context(), from, c.to, dir, was, c.o)
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestPatchTakesPlainTreesOnly: the others are for Checkout.
func TestPatchTakesPlainTreesOnly(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	from := commit(t, r, map[string]file{"a": text("a")})
	module := commit(t, r, map[string]file{"a": text("a"), "lib": at(from), ".gitmodules": gitmodules("lib", "../lib")})
	dir := empty(t)
	was, err := r.Checkout(t.Context(), from, dir, CheckoutOptions{})
	must(t, err)
	other, plain := was, was
	other.Digest, plain.Plain = strings.Repeat("1", 40), false
	for what, try := range map[string]struct {
		to  Hash
		was Tree
	}{"submodule": {module, was}, "another tree": {from, other}, "not plain": {from, plain}} {
		if _, _, err := r.Patch(t.Context(), from, try.to, dir, try.was, CheckoutOptions{Submodules: true}); !errors.Is(err, ErrNoPatch) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestPatchOfAChangedCheckout: what is not as it was left is an error, and never
// written through.
func TestPatchOfAChangedCheckout(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	from := commit(t, r, map[string]file{"a/b": text("1"), "gone": text("g")})
	tip := commit(t, r, map[string]file{"a/b": text("2"), "new/f": text("n")})
	outside := empty(t)
	for what, spoil := range map[string]func(dir string) error{
		"removed":         func(dir string) error { return os.Remove(filepath.Join(dir, "gone")) },
		"folder for file": func(dir string) error { return errors.Join(os.Remove(dir+"/gone"), os.Mkdir(dir+"/gone", 0o755)) },
		"in the way":      func(dir string) error { return os.WriteFile(dir+"/new", nil, 0o644) },
		"link in the way": func(dir string) error { return os.Symlink(outside, dir+"/new") },
		"link for folder": func(dir string) error { return errors.Join(os.RemoveAll(dir+"/a"), os.Symlink(outside, dir+"/a")) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := empty(t)
			was, err := r.Checkout(t.Context(), from, dir, CheckoutOptions{})
			must(t, err)
			must(t, spoil(dir))
			if _, _, err := r.Patch(t.Context(), from, tip, dir, was, CheckoutOptions{}); err == nil {
				t.Error("no error")
			}
		})
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
			t.Errorf("written outside: %v, %v", left, err)
		}
	})
}

// Whatever git may print, what is accepted are local paths.
func FuzzDifference(f *testing.F) {
	const id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
	f.Add([]byte(":000000 100644 " + rawZero + " " + id + " A\x00a\x00:040000 040000 " + id + " " + id + " M\x00d\x00"))
	f.Add([]byte(":120000 100755 " + id + " " + id + " T\x00d/x\x00:100644 000000 " + id + " " + rawZero + " D\x00e\x00"))
	f.Add([]byte(":160000 000000 " + id + " " + rawZero + " D\x00e"))
	f.Fuzz(func(t *testing.T, output []byte) {
		d := &difference{guard: guard{limits: Limits{Files: 5, Bytes: 100, Depth: 4}}}
		if d.read(strings.NewReader(string(output))) != nil {
			return
		}
		for _, e := range d.written {
			if d.guard.file(e, 1, 1) != nil || d.guard.refused.Count > 0 {
				return
			}
			if !filepath.IsLocal(e.path) || filepath.Clean(e.path) != e.path {
				t.Errorf("accepted %q", e.path)
			}
		}
		if len(d.written) > 5 || slices.Contains(d.gone, "\x00") {
			t.Errorf("%d written", len(d.written))
		}
	})
}

const rawZero = "0000000000000000000000000000000000000000"
