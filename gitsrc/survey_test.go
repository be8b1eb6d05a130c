package gitsrc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A tree without submodules and Git LFS costs no process more than it must: one
// that finds the tree, one that lists it, one that reads it, and one for links.
func TestProcessesOfACheckout(t *testing.T) {
	git, err := exec.LookPath("git")
	must(t, err)
	r, bin := newRepo(t), t.TempDir()
	log := filepath.Join(bin, "log")
	for name, c := range map[string]struct {
		files map[string]file
		want  int
	}{
		"plain":      {map[string]file{"a": text("a")}, 3},
		"links":      {map[string]file{"a": text("a"), "l": to("a")}, 4},
		"attributes": {map[string]file{"a": text(pointerTo("a")), ".gitattributes": text("* -text\n"), "x/.gitattributes": text("*.a binary\n")}, 3},
	} {
		tip := commit(t, r, c.files)
		t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
		must(t, os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\necho >> "+log+"\nexec "+git+" \"$@\"\n"), 0o755))
		r.Close() // what it has kept for questions
		_, err := r.Checkout(t.Context(), tip, empty(t), CheckoutOptions{Submodules: true, LFS: true})
		must(t, err)
		started, err := os.ReadFile(log)
		must(t, err)
		must(t, os.Remove(filepath.Join(bin, "git")))
		must(t, os.Remove(log))
		if got := strings.Count(string(started), "\n"); got != c.want {
			t.Errorf("%s: %d processes, want %d", name, got, c.want)
		}
	}
}
