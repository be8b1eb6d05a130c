package gitsrc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestGuardLinks(t *testing.T) {
	t.Parallel()
	chain := map[string]string{"l0": "x"}
	for i := 1; i < 300; i++ {
		chain[fmt.Sprintf("l%d", i)] = fmt.Sprintf("l%d", i-1)
	}
	for name, c := range map[string]struct {
		links   map[string]string
		refused []string // names of the refused ones
	}{
		"inside":              {map[string]string{"a/b": "../c/d", "e": "a/b"}, nil},
		"the tree itself":     {map[string]string{"a/b": "..", "c": "."}, nil},
		"odd slashes":         {map[string]string{"a": "b//./c/"}, nil},
		"dangling":            {map[string]string{"a": "nowhere"}, nil},
		"loop":                {map[string]string{"a": "b/x", "b": "a/../../.."}, nil}, // nobody gets through
		"absolute":            {map[string]string{"a": "/"}, []string{"a"}},
		"up":                  {map[string]string{"a": "..", "b/c": "../.."}, []string{"a", "b/c"}},
		"up and back":         {map[string]string{"a/b": "../../tree/a"}, []string{"a/b"}},
		"through a link":      {map[string]string{"deep": "x/y", "out": "deep/../../.."}, []string{"out"}},
		"lexically inside":    {map[string]string{"a/b/c": "../../top", "top": "z", "a/x": "b/c/../.."}, []string{"a/x"}},
		"lexically outside":   {map[string]string{"s": "d/e/f", "g": "s/../../../h"}, nil},
		"through a bad link":  {map[string]string{"bad": "/etc", "a": "bad/passwd"}, []string{"bad", "a"}},
		"folder through link": {map[string]string{"v": "w", "w": "..", "x": "v/y"}, []string{"v", "w", "x"}},
		"long chain":          {chain, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var links []linkTarget
			for path, target := range c.links {
				links = append(links, linkTarget{path, target})
			}
			slices.SortFunc(links, func(a, b linkTarget) int {
				return len(a.path)*1000 + strings.Compare(a.path, b.path) - len(b.path)*1000
			})
			err := guardLinks(links, false)
			var refused *RefusedError
			if errors.As(err, &refused) != (len(c.refused) > 0) {
				t.Fatal(err)
			}
			if err == nil {
				return
			}
			if refused.Count != len(c.refused) || refused.Hint == "" {
				t.Error(err)
			}
			for _, path := range c.refused {
				if !strings.Contains(err.Error(), fmt.Sprintf("link %q ->", path)) {
					t.Errorf("%q is missing in %v", path, err)
				}
			}
			must(t, guardLinks(links, true))
		})
	}
}

// Targets that grow with every link must not take time or memory that grows
// with their product.
func TestGuardLinksIsBounded(t *testing.T) {
	t.Parallel()
	var links []linkTarget
	for i := range 4000 {
		links = append(links, linkTarget{
			path:   fmt.Sprintf("l%04d", i),
			target: fmt.Sprintf("l%04d/%s", i+1, strings.Repeat("a/", 2000)),
		})
	}
	if err := guardLinks(links, false); err == nil {
		t.Error("accepted")
	}
}

func TestOutsideLinksWhenAllowed(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tip := commit(t, r, map[string]file{"etc": to("/etc"), "up/up": to("../../..")})
	dir := empty(t)
	_, err := r.Checkout(t.Context(), tip, dir, CheckoutOptions{OutsideLinks: true})
	must(t, err)
	if target, err := os.Readlink(filepath.Join(dir, "etc")); err != nil || target != "/etc" {
		t.Error(target, err)
	}
}

// The kernel is asked about every set of links that the guard accepts: none of
// them may lead out, whatever folders come into being later.
func FuzzLinks(f *testing.F) {
	f.Add("a>b\nb>c/../d\nx/y>../a/../..")
	f.Add("deep>x/y\nout>deep/../../..")
	f.Add("a>/etc\nb>a/passwd")
	f.Add("p/q>.\np/r>q/q/../..\ns>p/r/..")
	f.Fuzz(func(t *testing.T, tree string) {
		links := fuzzedLinks(tree)
		if guardLinks(links, false) != nil {
			return
		}
		outer := t.TempDir()
		dir := filepath.Join(outer, "tree")
		must(t, os.Mkdir(dir, 0o700))
		for _, l := range links {
			if os.MkdirAll(filepath.Join(dir, filepath.Dir(l.path)), 0o700) != nil || os.Symlink(l.target, filepath.Join(dir, l.path)) != nil {
				return // not a tree that can be
			}
		}
		if len(links) > 40 {
			return
		}
		makeTargets(t, dir, links)
		root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
		must(t, err)
		defer unix.Close(root)
		for _, l := range links {
			fd, err := unix.Openat2(root, l.path, &unix.OpenHow{Flags: unix.O_PATH, Resolve: unix.RESOLVE_BENEATH})
			if err == nil {
				unix.Close(fd)
			}
			if errors.Is(err, unix.EXDEV) {
				t.Fatalf("%q leads out, in %q", l.path, links)
			}
		}
	})
}

// makeTargets makes the folders on the way to where links point, as a build hook
// might.
func makeTargets(t *testing.T, dir string, links []linkTarget) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	for _, l := range links {
		at := filepath.Dir(l.path)
		for name := range strings.SplitSeq(l.target, "/") {
			at += "/" + name
			_ = root.Mkdir(at, 0o700) // many cannot be made
		}
	}
}

// fuzzedLinks reads "path>target" lines, and keeps what a tree may hold.
func fuzzedLinks(tree string) []linkTarget {
	var links []linkTarget
	seen := make(map[string]bool)
	for line := range strings.SplitSeq(tree, "\n") {
		path, target, ok := strings.Cut(line, ">")
		if !ok || checkPath(path) != nil || target == "" || seen[path] || len(path)+len(target) > 500 {
			continue
		}
		for dir := path; dir != ""; dir, _ = split(dir) {
			if dir != path && seen[dir] {
				ok = false
			}
		}
		if ok {
			seen[path] = true
			links = append(links, linkTarget{path, target})
		}
	}
	return links
}
