package gitsrc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxTree bounds the size of a tree object that is read for one name, in bytes.
const maxTree = 64 << 20

// Modes as git writes them into a tree.
const (
	modeFile    = "100644"
	modeProgram = "100755"
	modeLink    = "120000"
	modeModule  = "160000"
	modeFolder  = "40000"
)

// ReadFile reads the file at name, a slash-separated path, in the commit's
// tree. False means that it is not there. A link, a folder or a submodule at
// that name is an error, and so is a file of more than limit bytes. Links on
// the way to it are not followed: nothing is there.
func (r *Repo) ReadFile(ctx context.Context, commit Hash, name string, limit int64) ([]byte, bool, error) {
	if err := checkPath(name); err != nil {
		return nil, false, fmt.Errorf("reading %q of commit %s: %w", name, commit.Short(), err)
	}
	b, err := r.openBatch(ctx)
	if err != nil {
		return nil, false, err
	}
	defer b.close()
	found, err := b.find(commit, name)
	if err != nil || found.mode == "" {
		return nil, false, err
	}
	if found.mode == modeLink || found.mode == modeFolder || found.mode == modeModule {
		return nil, false, fmt.Errorf("reading %q of commit %s: it is a %s, not a file", name, commit.Short(), kindOf(found.mode))
	}
	blob, ok, err := b.get(string(found.id), limit)
	if err == nil && !ok {
		err = fmt.Errorf("reading %q of commit %s: object %s is missing from the repository", name, commit.Short(), found.id)
	}
	return blob.data, err == nil, err
}

// treeEntry is one name in one tree object. An empty mode stands for none.
type treeEntry struct {
	mode string
	id   Hash
}

// find walks from the commit's tree down to name.
func (b *batch) find(commit Hash, name string) (treeEntry, error) {
	c, err := b.commit(commit)
	if err != nil {
		return treeEntry{}, err
	}
	at := treeEntry{mode: modeFolder, id: Hash(c.TreeHash.String())}
	for part := range strings.SplitSeq(name, "/") {
		if at.mode != modeFolder {
			return treeEntry{}, nil
		}
		tree, ok, err := b.get(string(at.id), maxTree)
		if err != nil {
			return treeEntry{}, err
		}
		if !ok || tree.kind != "tree" {
			return treeEntry{}, fmt.Errorf("reading tree %s of %s: it is missing from the repository", at.id, b.p.repo)
		}
		if at, err = lookup(tree.data, part); err != nil || at.mode == "" {
			return treeEntry{}, err
		}
	}
	return at, nil
}

// lookup finds name in a tree object: "<mode> <name>\x00<20 bytes of id>" again
// and again.
func lookup(tree []byte, name string) (treeEntry, error) {
	for len(tree) > 0 {
		head, rest, ok := bytes.Cut(tree, []byte{0})
		mode, called, spaced := bytes.Cut(head, []byte{' '})
		if !ok || !spaced || len(rest) < len(objectID{}) {
			return treeEntry{}, errors.New("reading a tree object: it is damaged")
		}
		if string(called) == name {
			return treeEntry{mode: strings.TrimLeft(string(mode), "0"), id: objectID(rest).hash()}, nil
		}
		tree = rest[len(objectID{}):]
	}
	return treeEntry{}, nil
}

// kindOf names what a mode stands for, for people.
func kindOf(mode string) string {
	switch strings.TrimLeft(mode, "0") {
	case modeLink:
		return "symbolic link"
	case modeFolder:
		return "folder"
	case modeModule:
		return "submodule"
	}
	return "file"
}

// checkPath accepts clean relative paths that a tree may hold.
func checkPath(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if problem := nameProblem(part); problem != "" {
			return errors.New(problem)
		}
	}
	return nil
}
