package copytree

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"

	"golang.org/x/sys/unix"
)

// batchSize is how many entries of one directory are one piece of work.
const batchSize = 64

var (
	errChanged = errors.New("it changed while it was copied")
	errSelf    = errors.New("this is the copy: it would be copied into itself")
)

// folder is a directory being copied. It is open until everything in it is
// done, so that at any time only a few are: those on the way to where the
// workers are.
type folder struct {
	parent   *folder // nil for the topmost
	name     string
	src, dst int // handles
	is       unix.Stat_t
	left     atomic.Int64 // pieces of work to do: its own listing, batches, folders in it
}

// path is the place of an entry below the topmost folder.
func (f *folder) path(name string) string {
	for ; f != nil; f = f.parent {
		name = path.Join(f.name, name)
	}
	return name
}

func (f *folder) close() {
	unix.Close(f.src)
	unix.Close(f.dst)
}

// spawn gives work to a worker that has nothing to do, or else does it at once.
func (c *copier) spawn(work func() error) error {
	if c.group.TryGo(work) {
		return nil
	}
	return work()
}

// fill copies all that is in a folder.
func (c *copier) fill(f *folder) error {
	c.done.dirs.Add(1)
	err := c.divide(f)
	return firstOf(err, c.leave(f))
}

// divide lists a folder and has its folders filled and its other entries copied.
func (c *copier) divide(f *folder) error {
	entries, err := c.list(f)
	if err != nil {
		return errorAt("reading directory", f.path("."), err)
	}
	var others []entry
	for _, e := range entries {
		if e.kind != unix.DT_DIR {
			others = append(others, e)
			continue
		}
		f.left.Add(1)
		if err := c.spawn(func() error { return c.enter(f, e.name) }); err != nil {
			return err
		}
	}
	for len(others) > 0 {
		batch := others[:min(batchSize, len(others))]
		others = others[len(batch):]
		f.left.Add(1)
		if err := c.spawn(func() error { return c.batch(f, batch) }); err != nil {
			return err
		}
	}
	return nil
}

// enter copies a folder in another.
func (c *copier) enter(parent *folder, name string) error {
	f, err := c.make(parent, name)
	switch {
	case errors.Is(err, errVanished):
		c.done.vanished.Add(1)
		return c.leave(parent)
	case err != nil:
		return firstOf(errorAt("copying", parent.path(name), err), c.leave(parent))
	}
	return c.fill(f)
}

// make opens a folder of the source and makes the one it is copied to.
func (c *copier) make(parent *folder, name string) (*folder, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	in, err := openFolder(parent.src, name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, errVanished
	case errors.Is(err, unix.ENOTDIR):
		return nil, errChanged
	case err != nil:
		return nil, err
	}
	f := &folder{parent: parent, name: name, src: in, dst: -1}
	f.left.Store(1)
	err = unix.Fstat(in, &f.is)
	if err == nil && identityOf(&f.is) == c.self {
		err = errSelf
	}
	if err == nil {
		f.dst, err = makeFolder(parent.dst, name)
	}
	if err != nil {
		unix.Close(in)
		return nil, err
	}
	return f, nil
}

// leave says that a piece of a folder's work has ended. The last piece finishes
// the folder, and with it may end the last piece of the folder around it.
func (c *copier) leave(f *folder) error {
	var err error
	for ; f != nil && f.left.Add(-1) == 0; f = f.parent {
		if err == nil && c.ctx.Err() == nil {
			err = errorAt("finishing", f.path("."), c.finish(f))
		}
		f.close()
	}
	return err
}

// finish gives a full folder its time, its permissions and its owner. Then it
// may be beyond the reach of this process, so the order matters.
func (c *copier) finish(f *folder) error {
	if err := setTime(f.dst, ".", &f.is); err != nil {
		return err
	}
	if err := unix.Fchmod(f.dst, f.is.Mode&permissions); err != nil {
		return err
	}
	return c.give(func(uid, gid int) error { return unix.Fchown(f.dst, uid, gid) })
}

// give calls change with the owner, if there is one.
func (c *copier) give(change func(uid, gid int) error) error {
	if c.owner == nil {
		return nil
	}
	if err := change(c.owner.UID, c.owner.GID); err != nil {
		return fmt.Errorf("giving it to user %d, group %d: %w", c.owner.UID, c.owner.GID, err)
	}
	return nil
}

func firstOf(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// errorAt says what was being done to which entry; nil stays nil.
func errorAt(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, shown(name), err)
}

// shown is a path as a message shows it: quoted if it is not plain text.
func shown(name string) string {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(name)
	}
	return name
}
