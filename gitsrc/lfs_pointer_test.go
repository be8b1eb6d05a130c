package gitsrc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Switched off, the files are named.
func TestLFSIsRefused(t *testing.T) {
	t.Parallel()
	w := newLFSWorld(t)
	dir := empty(t)
	_, err := w.there.Checkout(t.Context(), w.tip, dir, CheckoutOptions{})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Count != 12 || len(refused.Problems) != 10 || !strings.Contains(refused.Hint, "lfs = true") {
		t.Errorf("%v, %+v", err, refused)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("something was written:", left)
	}
}

func TestWhatIsAPointer(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	p := pointerTo("x")
	for name, c := range map[string]struct {
		files  map[string]file
		subdir string
		is     bool
	}{
		"no attributes":         {map[string]file{"a": text(p)}, "", false},
		"other attributes":      {map[string]file{"a": text(p), ".gitattributes": text("*.bin -text\n# * filter=lfs\nfilter=lfs\n")}, "", false},
		"a link of that name":   {map[string]file{"a": text(p), ".gitattributes": to("b"), "b": text("* filter=lfs\n")}, "", false},
		"a name that ends so":   {map[string]file{"a": text(p), "x.gitattributes": text("* filter=lfs\n")}, "", false},
		"not a pointer":         {map[string]file{"a": text(p + "\n"), ".gitattributes": text("* filter=lfs\n")}, "", false},
		"too long":              {map[string]file{"a": text(p + strings.Repeat("x", 900)), ".gitattributes": text("* filter=lfs\n")}, "", false},
		"a link":                {map[string]file{"a": to(p), ".gitattributes": text("* filter=lfs\n")}, "", false},
		"top":                   {map[string]file{"a": text(p), ".gitattributes": text("[attr]lfs filter=lfs -text\n")}, "", true},
		"nested":                {map[string]file{"a": text(p), "x/y/.gitattributes": text("a b\n\"with space\" filter=lfs\n")}, "", true},
		"above the folder":      {map[string]file{"web/site/a": text(p), ".gitattributes": text("* filter=lfs\n")}, "web/site", true},
		"between":               {map[string]file{"web/site/a": text(p), "web/.gitattributes": text("* filter=lfs\n")}, "web/site", true},
		"beside the folder":     {map[string]file{"web/a": text(p), "other/.gitattributes": text("* filter=lfs\n")}, "web", false},
		"too long for a look":   {map[string]file{"a": text(p), ".gitattributes": text(strings.Repeat("# no\n", 1<<18))}, "", true},
		"one that is not small": {map[string]file{"a": text(p), ".gitattributes": text(strings.Repeat("# no\n", 1<<16))}, "", false},
	} {
		_, err := r.Checkout(t.Context(), commit(t, r, c.files), empty(t), CheckoutOptions{Subdir: c.subdir, OutsideLinks: true})
		var refused *RefusedError
		if errors.As(err, &refused) != c.is || err != nil && !c.is {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPointer(f *testing.F) {
	f.Add(pointerTo("x"))
	f.Add(strings.Replace(pointerTo("x"), "oid", "ext-0-foo sha256:"+oidOf("y")+"\noid", 1))
	f.Add(strings.Replace(pointerTo("x"), "size 1", "size 01", 1))
	f.Add(pointerVersion + "oid sha256:../../../../../../../../../../../../../../etc/passwd000000000000\nsize 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok, extended := parsePointer(text)
		if !ok {
			return
		}
		if !extended && text != fmt.Sprintf("%soid sha256:%s\nsize %d\n", pointerVersion, p.oid, p.size) {
			t.Errorf("%q is not what Git LFS writes", text)
		}
		if len(p.oid) != 64 || !filepath.IsLocal(p.storedName()) || strings.Contains(p.storedName(), "..") || p.size < 0 {
			t.Errorf("%q gives %+v", text, p)
		}
	})
}

func TestLFSLimits(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	huge := pointerVersion + "oid sha256:" + oidOf("x") + "\nsize %d\n"
	attributes := text("* filter=lfs\n")
	for want, files := range map[string]map[string]file{
		"more than 4294967296 bytes together":      {"a": text(fmt.Sprintf(huge, 4<<30))},
		"more than 4294967296 bytes together, wit": {"a": text(fmt.Sprintf(huge, maxLFSSize)), "b": text(fmt.Sprintf(huge, maxLFSSize))},
		"another file says":                        {"a": text(fmt.Sprintf(huge, 1)), "b": text(fmt.Sprintf(huge, 2))},
		"an extension of Git LFS":                  {"a": text(strings.Replace(pointerTo("x"), "oid", "ext-0-foo sha256:"+oidOf("y")+"\noid", 1))},
	} {
		files[".gitattributes"] = attributes
		tip := commit(t, r, files)
		for _, err := range []error{
			second(r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{LFS: true})),
			fetchLFS(t, r, Remote{URL: "/nonexistent"}, tip, CheckoutOptions{}),
		} {
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
