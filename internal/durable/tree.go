package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// Pace says how a tree is removed. The zero value removes all of it, at once.
type Pace struct {
	// Gentle lets others read and write first, where the disk's scheduler can.
	Gentle bool
	// Most is how many names are removed before it stops; 0 is no limit.
	Most int
	// Gone, if it is not nil, is called after each name that was removed, with
	// the bytes that this has freed, by several goroutines at a time.
	Gone func(bytes int64)
}

// Removed is what a removal did.
type Removed struct {
	Names int64 // files, links and directories that are gone
	Bytes int64 // of the disk that they took, except files that have other names elsewhere
	Whole bool  // nothing is left
}

// Add counts what another removal did.
func (r *Removed) Add(other Removed) {
	r.Names += other.Names
	r.Bytes += other.Bytes
	r.Whole = r.Whole && other.Whole
}

// RemoveTree deletes name and all beneath it; see [Dir.RemoveTreePaced].
func (d *Dir) RemoveTree(name string) error {
	_, err := d.RemoveTreePaced(context.Background(), name, Pace{})
	return err
}

// RemoveTreePaced deletes name and all beneath it. It follows no link, also
// none on the way to name, and enters nothing that is mounted there. A
// directory without rights for its owner is given them first. However large or
// deep the tree is, it takes a bounded amount of memory and of open files; to
// that end directories that lie very deep are moved up to the tree's top.
//
// What cannot be removed is left, and all else is removed nevertheless: the
// error wraps a [*NotRemovedError]. It stops between two names when pace.Most is
// reached, which is no error, or when ctx ends. A tree that was removed in part
// is one that may be removed again. Several processes may remove the same one.
// Not synced: a tree that comes back after a power cut is removed again.
func (d *Dir) RemoveTreePaced(ctx context.Context, name string, pace Pace) (done Removed, err error) {
	err = d.disk.Step("remove tree "+name, func() error {
		done, err = d.removeTree(ctx, name, pace)
		return err
	})
	return done, err
}

func (d *Dir) removeTree(ctx context.Context, name string, pace Pace) (Removed, error) {
	parent, err := d.handleOf(path.Dir(name), name)
	if errors.Is(err, unix.ENOENT) {
		return Removed{Whole: true}, nil
	}
	if err != nil {
		return Removed{}, fmt.Errorf("removing %s: %w", shown(filepath.Join(d.Path(), name)), err)
	}
	defer unix.Close(parent)
	c := newClearing(ctx, pace)
	c.run(&folder{handle: parent, name: filepath.Join(d.Path(), path.Dir(name))}, path.Base(name))
	return c.result()
}

var errNotBelow = errors.New(`not a plain path below the directory: relative, without "..", "." and "//"`)

// handleOf opens the directory that name is in. Links on the way are refused,
// also those that os.Root would follow because they stay below the directory.
func (d *Dir) handleOf(dir, name string) (int, error) {
	if name == "." || !filepath.IsLocal(name) || path.Clean(name) != name {
		return -1, errNotBelow
	}
	top, err := d.root.Open(".")
	if err != nil {
		return -1, err
	}
	at, err := dup(top)
	if err != nil || dir == "." {
		return at, err
	}
	for part := range strings.SplitSeq(dir, "/") {
		inner, err := handle.Open(at, part)
		unix.Close(at)
		if err != nil {
			return -1, fmt.Errorf("opening %s, which must be a directory and no link: %w", shown(dir), err)
		}
		at = inner
	}
	return at, nil
}

// dup makes a handle of its own of an open file, and closes that.
func dup(f *os.File) (int, error) {
	at, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	return at, errors.Join(err, f.Close())
}
