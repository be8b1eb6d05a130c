// Package usage tells how much of a disk a directory tree takes, and how much
// there is.
//
// It counts as the file system does: blocks, not sizes, and each file, link and
// directory as one inode. What is mounted in a tree is not counted, links are
// not followed, and nothing is changed. Where files can share their blocks
// (btrfs, XFS, bcachefs), the kernel is asked for each file which of its blocks
// are shared (FIEMAP); elsewhere that costs nothing.
//
// A tree that changes meanwhile is counted as it is seen. Figures are close, not
// exact: metadata of the file system is not counted, a compressed file may count
// uncompressed, and a file that a process still has open takes its blocks
// until it is closed.
package usage

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// Size is how much of a disk something takes.
type Size struct {
	Bytes  int64
	Inodes int64
	Unread int64 // directories that could not be read: what they hold is not counted
}

// Add counts another size.
func (s *Size) Add(other Size) {
	s.Bytes += other.Bytes
	s.Inodes += other.Inodes
	s.Unread += other.Unread
}

// maxRemembered is how many files with several names are remembered at a time,
// and how many shared pieces of files: some 40 MB each.
const maxRemembered = 1 << 19

// Of returns what removing the tree dir, and nothing else, would free. A file
// counts if all its names are in the tree. Blocks that it shares with any other
// file do not count, even with one in the tree: the kernel does not say whom
// they are shared with. If more than half a million files with several names
// are met before their last one, those beyond do not count.
func Of(ctx context.Context, dir string) (Size, error) {
	missing := map[inode]uint64{} // how many of its names have not been seen
	w := walk{
		last: func(is *unix.Stat_t) bool {
			id := inodeOf(is)
			left, known := missing[id]
			if !known {
				left = uint64(is.Nlink)
			}
			if left--; left == 0 {
				delete(missing, id)
				return true
			}
			if known || len(missing) < maxRemembered {
				missing[id] = left
			}
			return false
		},
		frees: func(extent) bool { return false },
	}
	return w.count(ctx, dir)
}

// Total adds up trees that may share files and blocks with each other. What two
// of them share counts for the one that is added first. The zero value is
// ready for use.
//
// To find out what removing trees one after the other would free, add them the
// other way round: first those that stay, then the one that would be removed
// last, and so on. What [Total.Add] returns for a tree is then what its removal
// frees once those after it have been removed, except what it shares with
// something that is in none of the trees. A piece of a file is recognised if
// another file shares the whole of it, as after a copy (cp --reflink); pieces
// shared only in part count twice. If there are more than half a million, those
// beyond may count twice too.
type Total struct {
	size    Size
	inodes  map[inode]bool
	extents map[extent]bool
}

// Size returns what all trees together take.
func (t *Total) Size() Size { return t.size }

// Add adds a tree and returns what it takes that none before it does.
func (t *Total) Add(ctx context.Context, dir string) (Size, error) {
	if t.inodes == nil {
		t.inodes, t.extents = map[inode]bool{}, map[extent]bool{}
	}
	w := walk{
		last:  func(is *unix.Stat_t) bool { return isNew(t.inodes, inodeOf(is)) },
		frees: func(e extent) bool { return isNew(t.extents, e) },
	}
	size, err := w.count(ctx, dir)
	t.size.Add(size)
	return size, err
}

func isNew[K comparable](seen map[K]bool, key K) bool {
	if seen[key] {
		return false
	}
	if len(seen) < maxRemembered {
		seen[key] = true
	}
	return true
}

// Unlimited stands for the inodes of a file system that makes them as they are
// needed (btrfs).
const Unlimited = math.MaxInt64

// Free returns how much this process's user can still write to the file system
// that dir is on, without what is reserved for root, and how many files.
func Free(dir string) (bytes, inodes int64, err error) {
	var is unix.Statfs_t
	err = handle.Again(func() error { return unix.Statfs(dir, &is) })
	if err != nil {
		return 0, 0, fmt.Errorf("asking how much is free in %s: %w", dir, err)
	}
	if is.Files == 0 {
		return freeBytes(&is), Unlimited, nil
	}
	return freeBytes(&is), int64(is.Ffree), nil
}

func freeBytes(is *unix.Statfs_t) int64 {
	unit := is.Frsize
	if unit == 0 { // it does not say
		unit = is.Bsize
	}
	return int64(min(is.Bavail, uint64(math.MaxInt64/max(unit, 1)))) * unit
}
