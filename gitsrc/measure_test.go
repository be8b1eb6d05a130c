package gitsrc

import (
	"errors"
	"strings"
	"testing"
)

func TestMeasure(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	content := strings.Repeat("kept elsewhere ", 1000) // 15,000 bytes: 4 blocks
	tree := commit(t, r, map[string]file{
		".gitattributes": text("*.bin filter=lfs\n"),
		"empty":          text(""),
		"a/one":          text("1"),
		"a/b/page":       exe(strings.Repeat("x", block)),
		"a/b/more":       text(strings.Repeat("x", block+1)),
		"link":           to("a/one"),
		"big.bin":        text(pointerTo(content)),
		"again.bin":      text(pointerTo(content)),
	})
	if _, err := r.Measure(t.Context(), tree, CheckoutOptions{}); !errors.As(err, new(*RefusedError)) {
		t.Errorf("without LFS: %v", err)
	}
	// Blocks: attributes 1, one 1, page 1, more 2, link 1, the two of Git LFS 4
	// each, and 4 once for the content that is to be fetched; 3 folders.
	space, err := r.Measure(t.Context(), tree, CheckoutOptions{LFS: true})
	if want := (Space{Bytes: (1 + 1 + 1 + 2 + 1 + 4 + 4 + 4 + 3) * block, Inodes: 8 + 3 + 1}); err != nil || space != want {
		t.Errorf("the whole: %+v, %v; want %+v", space, err, want)
	}
	space, err = r.Measure(t.Context(), tree, CheckoutOptions{LFS: true, Subdir: "a"})
	if want := (Space{Bytes: (1 + 1 + 2 + 2) * block, Inodes: 3 + 2}); err != nil || space != want {
		t.Errorf("a folder: %+v, %v; want %+v", space, err, want)
	}
}

// What was measured is not listed again: the checkout needs no tree object any
// more. Another checkout does.
func TestMeasuredIsListedOnce(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	page := blob(t, r, "page")
	tree := rawTree(t, r, rawEntry{modeFile, "page", page})
	c := commitTree(t, r, tree)
	if _, err := r.Measure(t.Context(), c, CheckoutOptions{}); err != nil {
		t.Fatal(err)
	}
	removeObject(t, r, tree)
	if _, err := r.Checkout(t.Context(), c, empty(t), CheckoutOptions{OutsideLinks: true}); err != nil {
		t.Errorf("of what was measured: %v", err)
	}
	if _, err := r.Checkout(t.Context(), c, empty(t), CheckoutOptions{}); err == nil {
		t.Error("the list was kept for ever")
	}
}

// Another commit, or the same with other options, is not the one that was
// measured.
func TestMeasuredIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	first := commit(t, r, map[string]file{"a/page": text("1")})
	second := commit(t, r, map[string]file{"a/page": text("1"), "more": text("2")})
	for _, to := range []struct {
		commit Hash
		o      CheckoutOptions
		files  int
	}{{second, CheckoutOptions{}, 2}, {second, CheckoutOptions{Subdir: "a"}, 1}, {first, CheckoutOptions{}, 1}} {
		if _, err := r.Measure(t.Context(), first, CheckoutOptions{}); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Checkout(t.Context(), to.commit, empty(t), to.o); err != nil || got.Files != to.files {
			t.Errorf("%s %+v: %+v, %v", to.commit.Short(), to.o, got, err)
		}
	}
	if _, err := r.Measure(t.Context(), first, CheckoutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Checkout(t.Context(), first, empty(t), CheckoutOptions{Limits: Limits{Depth: 1}}); !errors.As(err, new(*RefusedError)) {
		t.Errorf("with lower limits: %v", err)
	}
}
