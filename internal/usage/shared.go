package usage

import (
	"unsafe"

	"golang.org/x/sys/unix"
	"repoint/internal/handle"
)

// extent is a piece of a file as it lies on the disk.
type extent struct {
	fs               unix.Fsid
	physical, length uint64
}

// findShares finds out whether files of the file system can share blocks.
func (w *walk) findShares(dir int) {
	var is unix.Statfs_t
	if handle.Again(func() error { return unix.Fstatfs(dir, &is) }) != nil {
		return
	}
	w.fs = is.Fsid
	switch uint32(is.Type) {
	case unix.BTRFS_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, bcachefsMagic:
		w.shares = true
	}
}

const bcachefsMagic = 0xca451a4e // of linux/magic.h

// Of linux/fiemap.h and linux/fs.h.
const (
	iocFiemap    = 0xc020660b
	extentLast   = 0x1
	extentShared = 0x2000
)

// fiemap is what FS_IOC_FIEMAP is asked with, and its answer.
type fiemap struct {
	start, length           uint64
	flags, mapped, count, _ uint32
	extents                 [64]struct {
		logical, physical, length uint64
		_                         [2]uint64
		flags                     uint32
		_                         [3]uint32
	}
}

// sharedIn returns how much of a file does not count because it is shared, in
// bytes. A file that may not be read is taken for one that shares nothing.
func (w *walk) sharedIn(dir int, name string) (shared int64) {
	file := -1
	err := handle.Again(func() (err error) {
		file, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return 0
	}
	defer unix.Close(file)
	for at := uint64(0); w.ctx.Err() == nil; {
		ask := fiemap{start: at, length: ^uint64(0) - at}
		ask.count = uint32(len(ask.extents))
		err := handle.Again(func() error { return ioctl(file, iocFiemap, unsafe.Pointer(&ask)) })
		if err != nil || ask.mapped == 0 {
			return shared
		}
		for _, e := range ask.extents[:min(ask.mapped, ask.count)] {
			if e.flags&extentShared != 0 && !w.frees(extent{w.fs, e.physical, e.length}) {
				shared += int64(e.length)
			}
			at = e.logical + e.length
			if e.flags&extentLast != 0 {
				return shared
			}
		}
	}
	return shared
}

func ioctl(file int, request uintptr, argument unsafe.Pointer) error {
	_, _, err := unix.Syscall(unix.SYS_IOCTL, uintptr(file), request, uintptr(argument))
	if err != 0 {
		return err
	}
	return nil
}
