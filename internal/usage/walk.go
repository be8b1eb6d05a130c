package usage

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// maxOpen is how many directories are open at a time, however deep a tree is.
const maxOpen = 32

var errMoved = errors.New("a directory was moved while it was counted")

type inode struct{ dev, number uint64 }

func inodeOf(is *unix.Stat_t) inode { return inode{is.Dev, is.Ino} }

// walk counts one tree.
type walk struct {
	// last reports whether this name of a file that has several is the one that
	// counts.
	last func(is *unix.Stat_t) bool
	// frees reports whether a piece of a file counts though it is shared.
	frees func(extent) bool

	ctx    context.Context
	size   Size
	shares bool // the file system can share blocks
	fs     unix.Fsid
	buffer [handle.Size]byte
}

// level is a directory on the way down.
type level struct {
	handle int // -1 while it is closed
	id     inode
	dirs   []string // in it, still to be counted
}

func (w *walk) count(ctx context.Context, dir string) (Size, error) {
	w.ctx = ctx
	top, err := handle.Open(unix.AT_FDCWD, dir)
	if err != nil {
		return Size{}, fmt.Errorf("counting what %s takes: opening it: %w", dir, err)
	}
	if err := w.all(top); err != nil {
		return w.size, fmt.Errorf("counting what %s takes: %w", dir, err)
	}
	return w.size, nil
}

// all counts everything below top and closes it.
func (w *walk) all(top int) (err error) {
	w.findShares(top)
	var levels []*level
	defer func() {
		for _, l := range levels {
			l.close()
		}
	}()
	next, err := w.list(top)
	for err == nil && next != nil {
		levels = append(levels, next)
		if n := len(levels) - maxOpen; n > 0 {
			levels[n-1].close()
		}
		next = nil
		for next == nil && err == nil && len(levels) > 0 {
			if next, err = w.into(levels[len(levels)-1]); next == nil && err == nil {
				levels, err = up(levels)
			}
		}
	}
	return err
}

// into counts the next directory in another one, and returns it; nil if there
// is none left.
func (w *walk) into(l *level) (*level, error) {
	for len(l.dirs) > 0 {
		name := l.dirs[0]
		l.dirs = l.dirs[1:]
		dir, err := handle.OpenInside(l.handle, name)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, handle.ErrMount):
			continue
		case errors.Is(err, unix.EACCES):
			w.size.Unread++
			w.size.Inodes++
			continue
		case err != nil:
			return nil, fmt.Errorf("opening a directory: %w", err)
		}
		return w.list(dir)
	}
	return nil, nil
}

// up leaves the last level. The one around it was closed if it is far up, and is
// opened again from below.
func up(levels []*level) ([]*level, error) {
	last := len(levels) - 1
	defer levels[last].close()
	if last == 0 || levels[last-1].handle >= 0 {
		return levels[:last], nil
	}
	around, err := handle.Open(levels[last].handle, "..")
	if err != nil {
		return levels[:last], fmt.Errorf("going up: %w", err)
	}
	levels[last-1].handle = around
	var is unix.Stat_t
	if err := unix.Fstat(around, &is); err != nil || inodeOf(&is) != levels[last-1].id {
		return levels[:last], errors.Join(errMoved, err)
	}
	return levels[:last], nil
}

func (l *level) close() {
	if l.handle >= 0 {
		unix.Close(l.handle)
	}
	l.handle = -1
}

// list counts a directory and all in it that is none.
func (w *walk) list(dir int) (*level, error) {
	l := &level{handle: dir}
	err := w.listInto(l)
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (w *walk) listInto(l *level) error {
	var is unix.Stat_t
	if err := unix.Fstat(l.handle, &is); err != nil {
		return err
	}
	l.id = inodeOf(&is)
	w.size.Inodes++
	w.size.Bytes += is.Blocks * 512
	list := handle.List{Handle: l.handle, Buffer: w.buffer[:]}
	for {
		entries, err := list.Next()
		if entries == nil || err != nil {
			return err
		}
		for e := range entries {
			if err := w.ctx.Err(); err != nil {
				return context.Cause(w.ctx)
			}
			if e.Kind == unix.DT_DIR || w.entry(l.handle, e.Name) {
				l.dirs = append(l.dirs, e.Name)
			}
		}
	}
}

// entry counts what is not a directory, and reports whether it is one. What has
// vanished, or may not be looked at, takes nothing.
func (w *walk) entry(dir int, name string) (isDir bool) {
	var is unix.Stat_t
	err := handle.Again(func() error { return unix.Fstatat(dir, name, &is, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return false
	}
	if is.Mode&unix.S_IFMT == unix.S_IFDIR {
		return true
	}
	if is.Nlink > 1 && !w.last(&is) {
		return false
	}
	w.size.Inodes++
	w.size.Bytes += is.Blocks * 512
	if w.shares && is.Mode&unix.S_IFMT == unix.S_IFREG && is.Blocks > 0 {
		w.size.Bytes -= min(w.sharedIn(dir, name), is.Blocks*512)
	}
	return false
}
