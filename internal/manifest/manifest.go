// Package manifest lists what is in a tree, so that trees can be compared without
// having both at hand.
//
// Listed is everything that has a name: with its mode, and the SHA-256 of a
// file's content or a link's target. Links are never followed. Owners and times
// are not looked at.
package manifest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Entry is one name of a tree.
type Entry struct {
	Name   string            // slash-separated, relative to the tree; maybe not UTF-8
	Mode   fs.FileMode       // type and permissions
	Target string            // of a link
	Sum    [sha256.Size]byte // of a file's content or a link's target; of nothing for all else
}

// Walk calls each with every entry of the tree but its top, a directory before
// what is in it, and that in the order of the names. What vanishes meanwhile, such as an app's own temporary file, is
// left out.
func Walk(ctx context.Context, tree *os.Root, each func(Entry)) error {
	w := &walker{ctx: ctx, tree: tree, each: each, buffer: make([]byte, 128<<10)}
	return w.folder(".")
}

type walker struct {
	ctx    context.Context
	tree   *os.Root
	each   func(Entry)
	buffer []byte
}

// folder goes through a directory by itself because fs.FS knows no names that
// are not UTF-8.
func (w *walker) folder(dir string) error {
	f, err := w.tree.Open(dir)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		if err == nil {
			err = w.ctx.Err()
		}
		if err == nil {
			err = w.entry(path.Join(dir, entry.Name()))
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return err
}

func (w *walker) entry(name string) error {
	e, err := w.look(name)
	if err != nil {
		return err
	}
	w.each(e)
	if e.Mode.IsDir() {
		return w.folder(name)
	}
	return nil
}

func (w *walker) look(name string) (Entry, error) {
	e := Entry{Name: name}
	info, err := w.tree.Lstat(name)
	if err != nil {
		return e, err
	}
	e.Mode = info.Mode()
	sum := sha256.New()
	switch {
	case e.Mode&fs.ModeSymlink != 0:
		if e.Target, err = w.tree.Readlink(name); err != nil {
			return e, err
		}
		io.WriteString(sum, e.Target)
	case e.Mode.IsRegular():
		f, err := w.tree.Open(name)
		if err != nil {
			return e, err
		}
		defer f.Close()
		if _, err := io.CopyBuffer(sum, struct{ io.Reader }{f}, w.buffer); err != nil {
			return e, err
		}
	}
	sum.Sum(e.Sum[:0])
	return e, nil
}
