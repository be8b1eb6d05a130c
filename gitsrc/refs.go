package gitsrc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// maxRefName bounds the length of a ref's name, in bytes; its file's name has
// to fit beside ".lock".
const maxRefName = 1024

// Branch returns where the branch called name stands; see [Repo.Ref].
func (r *Repo) Branch(name string) (Hash, bool, error) { return r.Ref("refs/heads/" + name) }

// Ref returns where the ref with that full name points, without peeling tags.
// False means that there is none; a ref file that a power cut left empty or
// broken counts as none.
func (r *Repo) Ref(name string) (Hash, bool, error) {
	if err := checkRef(name); err != nil {
		return "", false, err
	}
	broken, err := r.brokenRef(name)
	if err != nil || broken {
		return "", false, err
	}
	ref, err := storer.ResolveReference(r.refs.Storer, plumbing.ReferenceName(name))
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading ref %s of %s: %w", name, r.dir, err)
	}
	return Hash(ref.Hash().String()), true, nil
}

// brokenRef says whether the ref's own file, if it has one, holds neither an id
// nor the name of another ref.
func (r *Repo) brokenRef(name string) (bool, error) {
	path := filepath.Join(r.dir, name)
	info, err := os.Lstat(path)
	if err != nil || info.IsDir() {
		return false, nil // not there: the ref may be packed
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("reading ref %s: %w", name, err)
	}
	text := strings.TrimSpace(string(data))
	if target, ok := strings.CutPrefix(text, "ref:"); ok {
		return checkRef(strings.TrimSpace(target)) != nil, nil
	}
	return Hash(text).check() != nil, nil
}

// checkRef accepts full names by git's own rules (git check-ref-format).
func checkRef(name string) error {
	fail := func(why string) error { return fmt.Errorf("ref %.100q is not a legal name: %s", name, why) }
	if !strings.HasPrefix(name, "refs/") {
		return fail(`it does not begin with "refs/"`)
	}
	if len(name) > maxRefName {
		return fail("it is too long")
	}
	for _, bad := range []string{"..", "@{", "~", "^", ":", "?", "*", "[", "\\", " ", "\x7f"} {
		if strings.Contains(name, bad) {
			return fail(fmt.Sprintf("it contains %q", bad))
		}
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return fail("it contains a control character")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".") || strings.HasSuffix(part, ".lock") {
			return fail(fmt.Sprintf("no part of it may be %q", part))
		}
	}
	return nil
}
