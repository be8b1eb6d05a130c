package durable

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

const (
	// maxDepth is how many directories are open on the way down. What lies deeper
	// is moved up first.
	maxDepth = 64
	// maxPasses is how often a directory is read again because it is not empty
	// though all in it was removed.
	maxPasses = 100
)

var errGrows = errors.New("something keeps writing into it")

// folder is a directory being emptied. It is open until all in it is done.
type folder struct {
	parent *folder // nil for the one that the tree is in
	name   string
	handle int
	depth  int
	is     unix.Statx_t
	passes int
	opened sync.Once    // gives it all rights
	stuck  atomic.Bool  // something in it stays
	refs   atomic.Int64 // what is to be done: its own listing, directories in it
}

// path is the place of an entry.
func (f *folder) path(name string) string {
	for ; f != nil; f = f.parent {
		name = filepath.Join(f.name, name)
	}
	return name
}

// change changes the directory. If it may not be changed, it is given rights
// first, which only its owner can.
func (f *folder) change(do func() error) error {
	err := handle.Again(do)
	if !errors.Is(err, unix.EACCES) || f.parent == nil {
		return err
	}
	f.opened.Do(func() { _ = handle.Chmod(f.handle, 0o700) }) // if that fails, do fails again
	return handle.Again(do)
}

// enter empties a directory and removes it; what becomes of it once it is open
// is written down there.
func (c *clearing) enter(parent *folder, name string) error {
	if parent.depth == maxDepth {
		return c.lift(parent, name)
	}
	dir, err := c.open(parent, name)
	if errors.Is(err, unix.EACCES) && c.rmdir(parent, name, new(unix.Statx_t)) == nil {
		return nil // somebody else's, and empty
	}
	if err != nil {
		return err
	}
	f := &folder{parent: parent, name: name, handle: dir, depth: parent.depth + 1}
	err = unix.Statx(dir, "", unix.AT_EMPTY_PATH, statMask, &f.is)
	if err == nil && c.tooLate(&f.is) {
		err = errGrows
	}
	if err != nil {
		unix.Close(dir)
		return err
	}
	if parent.parent == nil {
		c.top = f
	}
	f.refs.Store(1)
	parent.refs.Add(1)
	c.sweep(f)
	c.done(f)
	return nil
}

// open opens a directory, and gives it rights if it may not be read.
func (c *clearing) open(parent *folder, name string) (dir int, err error) {
	err = parent.change(func() error {
		dir, err = handle.OpenInside(parent.handle, name)
		return err
	})
	if errors.Is(err, unix.EACCES) && openUp(parent, name) {
		dir, err = handle.OpenInside(parent.handle, name)
	}
	return dir, err
}

// openUp gives the owner all rights on a directory in another one.
func openUp(parent *folder, name string) bool {
	place, err := handle.Find(parent.handle, name)
	if err != nil {
		return false
	}
	defer unix.Close(place)
	return handle.Chmod(place, 0o700) == nil
}

// sweep removes all that a directory holds now. Its directories may still be
// worked on when it returns.
func (c *clearing) sweep(f *folder) {
	list := handle.List{Handle: f.handle, Buffer: c.crew.buffer()}
	defer c.crew.giveBack(list.Buffer)
	for {
		entries, err := list.Next()
		if err != nil {
			c.leave(f, "", err)
		}
		if entries == nil {
			return
		}
		for e := range entries {
			if c.halted.Load() {
				return
			}
			if f == c.top && c.isLifted(e.Name) {
				continue // its turn comes when the rest is gone
			}
			c.give(f, e)
		}
	}
}

// give has an entry removed: a directory by another worker, if one has nothing
// to do.
func (c *clearing) give(f *folder, e handle.Entry) {
	if e.Kind == unix.DT_DIR {
		f.refs.Add(1)
		if c.crew.offer(func() { c.entry(f, e); c.done(f) }) {
			return
		}
		f.refs.Add(-1)
	}
	c.entry(f, e)
}

// done says that a piece of a directory's work has ended. The last piece
// removes it, and with it may end the last piece of the one around it.
func (c *clearing) done(f *folder) {
	for ; f.refs.Add(-1) == 0 && f.parent != nil; f = f.parent {
		for more := c.finish(f); more != nil; more = c.finish(f) {
			f.refs.Store(1)
			more()
			if f.refs.Add(-1) > 0 {
				return // another worker has the last piece
			}
		}
		unix.Close(f.handle)
	}
}

// finish removes a directory whose work is done, or returns what is to be done
// first.
func (c *clearing) finish(f *folder) (more func()) {
	if f == c.top && !c.halted.Load() {
		if lifted := c.takeLifted(); len(lifted) > 0 {
			return func() { c.giveAll(f, lifted) }
		}
	}
	if f.stuck.Load() || c.halted.Load() {
		f.parent.stuck.Store(true)
		return nil
	}
	err := c.rmdir(f.parent, f.name, &f.is)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		list := handle.List{Handle: f.handle}
		if f.passes++; f.passes < maxPasses && c.late.Load() <= maxLate && list.Rewind() == nil {
			return func() { c.sweep(f) }
		}
		err = errGrows
	}
	c.leave(f.parent, f.name, err)
	return nil
}
