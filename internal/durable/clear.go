package durable

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// clearing is one tree being removed.
type clearing struct {
	ctx  context.Context
	most int64
	crew *crew
	gone func(bytes int64)

	top    *folder // the tree, once it is open
	mu     sync.Mutex
	lifted map[string]bool // directories moved up to the top, which are still to be removed

	began        int64 // in nanoseconds of the clock that files get their times from
	names, bytes atomic.Int64
	begun        atomic.Int64 // names that were tried
	late         atomic.Int64 // names that were made since it began
	halted       atomic.Bool
	left         leftovers
}

func newClearing(ctx context.Context, pace Pace) *clearing {
	return &clearing{ctx: ctx, most: int64(pace.Most), began: time.Now().UnixNano(), crew: newCrew(pace), gone: pace.Gone, lifted: map[string]bool{}}
}

// run removes one name in a directory that is not removed itself.
func (c *clearing) run(parent *folder, name string) {
	parent.refs.Store(1)
	c.crew.run(func() { c.entry(parent, handle.Entry{Name: name}) })
}

func (c *clearing) result() (Removed, error) {
	done := Removed{Names: c.names.Load(), Bytes: c.bytes.Load()}
	err := c.left.err()
	done.Whole = err == nil && !c.halted.Load()
	if c.halted.Load() && c.ctx.Err() != nil {
		err = errors.Join(context.Cause(c.ctx), err)
	}
	return done, err
}

// halt reports whether to stop before the next name.
func (c *clearing) halt() bool {
	if c.halted.Load() {
		return true
	}
	if c.ctx.Err() != nil || c.most > 0 && c.begun.Add(1) > c.most {
		c.halted.Store(true)
	}
	return c.halted.Load()
}

// entry removes one name, whatever it is by now.
func (c *clearing) entry(f *folder, e handle.Entry) {
	if c.halt() {
		return
	}
	if e.Kind != unix.DT_DIR {
		err := c.unlink(f, e.Name)
		if !errors.Is(err, unix.EISDIR) {
			c.leave(f, e.Name, err)
			return
		}
	}
	err := c.enter(f, e.Name)
	if errors.Is(err, unix.ENOTDIR) { // a file or a link has taken its place
		err = c.unlink(f, e.Name)
	}
	c.leave(f, e.Name, err)
}

// unlink removes what is not a directory.
func (c *clearing) unlink(f *folder, name string) error {
	var is unix.Statx_t
	err := f.change(func() error {
		if err := unix.Statx(f.handle, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, &is); err != nil {
			return err
		}
		switch {
		case is.Mode&unix.S_IFMT == unix.S_IFDIR:
			return unix.EISDIR
		case c.tooLate(&is):
			return errGrows
		}
		return unix.Unlinkat(f.handle, name, 0)
	})
	if err == nil {
		c.count(&is)
	}
	return err
}

// rmdir removes a directory that is empty.
func (c *clearing) rmdir(f *folder, name string, is *unix.Statx_t) error {
	err := f.change(func() error { return unix.Unlinkat(f.handle, name, unix.AT_REMOVEDIR) })
	if err == nil {
		c.count(is)
	}
	return err
}

// count counts what is gone. A file that has another name still takes its
// blocks.
func (c *clearing) count(is *unix.Statx_t) {
	bytes := int64(0)
	if is.Nlink == 1 || is.Mode&unix.S_IFMT == unix.S_IFDIR {
		bytes = int64(is.Blocks) * 512
	}
	c.names.Add(1)
	c.bytes.Add(bytes)
	if c.gone != nil {
		c.gone(bytes)
	}
}

// statMask asks for what a removal needs to know.
const statMask = unix.STATX_TYPE | unix.STATX_NLINK | unix.STATX_BLOCKS | unix.STATX_BTIME

// maxLate is how many names are removed that somebody makes meanwhile. A writer
// that is faster than the removal would else keep it from ending.
const maxLate = 1000

// tooLate counts a name that was made since the removal began, and reports
// whether it is one too many. Where the file system does not know when that was,
// the number of passes is the only bound.
func (c *clearing) tooLate(is *unix.Statx_t) bool {
	made := is.Btime.Sec*1e9 + int64(is.Btime.Nsec)
	return is.Mask&unix.STATX_BTIME != 0 && made > c.began && c.late.Add(1) > maxLate
}

// leave writes down a name that stays because of err. What is not there any
// more has been removed by somebody else.
func (c *clearing) leave(f *folder, name string, err error) {
	if err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	f.stuck.Store(true)
	c.left.add(f, name, err)
}
