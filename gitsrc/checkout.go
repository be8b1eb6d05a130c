package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// CheckoutOptions say what of a commit is checked out, and what is refused.
type CheckoutOptions struct {
	Subdir       string // only this folder, without its name in front; a clean relative path; "" is the whole tree
	Limits       Limits
	OutsideLinks bool   // allow links that are absolute or lead out of the tree
	Owner        *Owner // who is to own everything, dir itself too; nil is this process
	Submodules   bool   // write the submodules' files too, which [Repo.FetchSubmodules] has fetched; else refuse
	LFS          bool   // write what Git LFS keeps, which [Repo.FetchLFS] has fetched, for its pointers; else refuse
}

// Limits bound a tree. A field that is 0 takes its value from [DefaultLimits].
type Limits struct {
	Files int   // files and links; folders are counted apart, by the same number
	Bytes int64 // content of all files together
	Depth int   // names in a path: 3 for a/b/c
}

// DefaultLimits are far above what sites and services have.
func DefaultLimits() Limits { return Limits{Files: 500_000, Bytes: 4 << 30, Depth: 64} }

// Owner is who gets the files. Giving them to somebody else needs root.
type Owner struct{ UID, GID int }

// Tree sums up what was checked out or unpacked.
type Tree struct {
	// Digest is git's id of the tree, in hex: what `git rev-parse
	// <commit>:<subdir>` prints. It covers all names, modes and contents, also the
	// commits of submodules and the pointers to what Git LFS keeps, which name its
	// SHA-256. [Unpack] takes the SHA-256 of the tar stream instead.
	Digest string `json:"digest"`
	Files  int    `json:"files"` // files and links
	Bytes  int64  `json:"bytes"` // content of files and links together
	// Plain says that all of it lies in git as it is: no submodules, and nothing
	// that Git LFS keeps.
	Plain bool `json:"plain"`
}

// Checkout writes the commit's tree into dir, which must exist and be empty.
//
// Refused trees are a [*RefusedError], and nothing was written; a commit or
// subdir that is not there is an error that wraps [ErrNotFound]; failures of the
// disk wrap their cause (ENOSPC, EDQUOT). After any error but a refusal dir
// holds a part of the tree, which is the caller's to throw away.
//
// Git knows no empty folders, so none are made. Nothing is fetched here, and
// nothing is promised to be on the disk.
func (r *Repo) Checkout(ctx context.Context, commit Hash, dir string, o CheckoutOptions) (Tree, error) {
	fail := func(err error) (Tree, error) {
		return Tree{}, fmt.Errorf("checking out %s into %s: %w", commit.Short(), dir, err)
	}
	into, err := openEmpty(dir)
	if err != nil {
		return fail(err)
	}
	defer into.Close()
	list, err := r.survey(ctx, commit, o)
	if err != nil {
		return fail(err)
	}
	r.surveyed.drop()
	links, err := r.readLinks(ctx, list.entries)
	if err != nil {
		return fail(err)
	}
	if err := guardLinks(links, o.OutsideLinks); err != nil {
		return fail(err)
	}
	if err := r.checkStored(list.entries); err != nil {
		return fail(err)
	}
	out := &writer{repo: r, root: int(into.Fd()), entries: list.entries, links: links, owner: o.Owner}
	out.early = syncEarly(out.root)
	if err := errors.Join(out.write(ctx), out.early.stop()); err != nil {
		return fail(err)
	}
	return list.tree(), nil
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Files > 0 {
		d.Files = l.Files
	}
	if l.Bytes > 0 {
		d.Bytes = l.Bytes
	}
	if l.Depth > 0 {
		d.Depth = l.Depth
	}
	return d
}

// openEmpty opens a directory, not a link to one, that has to be empty.
func openEmpty(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(1)
	switch {
	case len(names) > 0:
		err = errors.New("the directory is not empty")
	case errors.Is(err, io.EOF):
		return f, nil
	}
	f.Close()
	return nil, err
}
