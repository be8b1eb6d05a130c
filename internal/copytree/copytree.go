// Package copytree copies a directory quickly: for caches such as node_modules
// that go from one release to the next.
//
// The copy is a real one. Where the file system can (btrfs, XFS), a file shares
// its blocks with its source until one of them is written (FICLONE); elsewhere
// its bytes are copied. Hard links become files of their own, so nothing done
// to the copy ever shows in the source.
//
// Kept are names, contents, the targets of links, permissions, and the times of
// files and directories. Not kept are setuid, setgid and sticky bits, owners,
// extended attributes and ACLs, and holes in sparse files. Devices, sockets and
// fifos are not copied.
//
// Everything is reached through handles of directories, never by following a
// link, so a link in the source cannot bring in, nor one in the copy let out,
// what lies elsewhere. While the copy is made only this process's user can enter
// it: its directories get their permissions and their owner when they are full,
// the topmost last.
//
// Nothing is synced, and a copy that was cut off, by an error or a crash, stays
// as it is: the caller removes it, or makes a new one and syncs that.
package copytree

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// maxWorkers is the most that run unless the caller says so: more wait for the same disk.
const maxWorkers = 8

// Options say how to copy. The zero value is usable.
type Options struct {
	// Workers is how many files are copied at a time; 0 is one for each CPU, at most 8.
	Workers int
	// Owner is whom the copy belongs to; nil is the user of this process.
	Owner *Owner
	// SrcRoot and DstRoot are directories that src and dst lie below. If one is
	// set, the path is relative to it, without "..", and a link on the way is an
	// error and not followed: for trees that somebody else can write.
	SrcRoot, DstRoot string
}

// Owner is a user and a group, by number.
type Owner struct{ UID, GID int }

// Stats count what was done; after an error, what was done until then.
type Stats struct {
	// Files, Dirs (with the topmost) and Links were copied.
	Files, Dirs, Links int
	// Bytes is the size of the files together.
	Bytes int64
	// Cloned of the Files share their blocks with the source.
	Cloned int
	// Skipped are devices, sockets and fifos.
	Skipped int
	// Vanished were listed in the source, and gone when their turn came.
	Vanished int
}

// Copy copies the directory src to dst, which must not exist; its parent must.
//
// A source that changes meanwhile is copied as it is seen: what vanishes is
// counted, what appears may be missed, but a file that changes while it is
// read is an error that names it. If ctx ends, or the disk is full, the error wraps
// ctx's error or ENOSPC. After any error but one that says dst exists, a part of
// the copy may be there.
func Copy(ctx context.Context, src, dst string, o Options) (Stats, error) {
	c := newCopier(ctx, o)
	err := c.copy(src, dst, o)
	if err != nil {
		err = fmt.Errorf("copying %s to %s: %w", shown(src), shown(dst), err)
	}
	return c.done.stats(), err
}

// copier is one call of Copy.
type copier struct {
	owner   *Owner
	ctx     context.Context // ends with the caller's, or with the first error
	group   *errgroup.Group
	buffers sync.Pool
	noClone atomic.Bool // the file system has said that it cannot
	self    identity    // of dst
	done    counters
}

func newCopier(ctx context.Context, o Options) *copier {
	workers := o.Workers
	if workers <= 0 {
		workers = min(maxWorkers, runtime.GOMAXPROCS(0))
	}
	c := &copier{owner: o.Owner}
	c.buffers.New = func() any { return new([bufferSize]byte) }
	c.group, c.ctx = errgroup.WithContext(ctx)
	c.group.SetLimit(workers)
	return c
}

func (c *copier) copy(src, dst string, o Options) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	top, err := c.begin(src, dst, o)
	if err != nil {
		return err
	}
	c.group.Go(func() error { return c.fill(top) })
	return c.group.Wait()
}

// begin opens the source and makes an empty dst.
func (c *copier) begin(src, dst string, o Options) (*folder, error) {
	in, err := openSource(o.SrcRoot, src)
	if err != nil {
		return nil, err
	}
	out, err := makeTop(o.DstRoot, dst)
	if err != nil {
		unix.Close(in)
		return nil, err
	}
	top := &folder{src: in, dst: out}
	top.left.Store(1)
	var copied unix.Stat_t
	err = unix.Fstat(in, &top.is)
	if err == nil {
		err = unix.Fstat(out, &copied)
	}
	if err != nil {
		top.close()
		return nil, err
	}
	c.self = identityOf(&copied)
	return top, nil
}

// counters are Stats that several workers count.
type counters struct {
	files, dirs, links, bytes, cloned, skipped, vanished atomic.Int64
}

func (n *counters) stats() Stats {
	return Stats{
		Files: int(n.files.Load()), Dirs: int(n.dirs.Load()), Links: int(n.links.Load()), Bytes: n.bytes.Load(),
		Cloned: int(n.cloned.Load()), Skipped: int(n.skipped.Load()), Vanished: int(n.vanished.Load()),
	}
}
