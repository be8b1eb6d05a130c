// Package handle opens and lists directories by handle.
//
// Nothing on the way is followed: a name is looked up in an open directory, and
// a link there is refused, so a directory that somebody swaps for a link
// meanwhile leads nowhere else. [OpenInside] does not enter what is mounted
// there either. It asks the kernel and compares no device numbers: they are
// equal when a directory is mounted on another one of the same file system.
//
// Handles are bare descriptors; whoever opens one closes it.
package handle

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrMount is returned for a name that something is mounted on.
var ErrMount = errors.New("something is mounted on it")

const folder = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK

// Open opens a directory in another one. It may be where something is mounted,
// but not a link: that is ENOTDIR, as for a file.
func Open(parent int, name string) (int, error) {
	return openat(parent, name, folder)
}

// OpenInside is Open for a directory on the same mount as its parent; another
// one is ErrMount.
func OpenInside(parent int, name string) (int, error) {
	return inside(parent, name, folder)
}

// Find is OpenInside for a directory that may not be read. The handle is only a
// place (O_PATH): see [Chmod].
func Find(parent int, name string) (int, error) {
	return inside(parent, name, folder&^unix.O_NONBLOCK|unix.O_PATH)
}

// Chmod changes the permissions of what a handle is, even if it is only a place.
func Chmod(handle int, mode uint32) error {
	return Again(func() error { return unix.Fchmodat(unix.AT_FDCWD, self("fd", handle), mode, 0) })
}

func inside(parent int, name string, flags int) (int, error) {
	dir := -1
	err := Again(func() (err error) {
		dir, err = unix.Openat2(parent, name, &unix.OpenHow{Flags: uint64(flags),
			Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS})
		return err
	})
	switch {
	case errors.Is(err, unix.EXDEV):
		return -1, ErrMount
	case errors.Is(err, unix.ELOOP):
		return -1, unix.ENOTDIR
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM): // before Linux 5.6, or a sandbox forbids it
		return compared(parent, name, flags)
	}
	return dir, err
}

// compared opens first, and then compares what both are mounted by.
func compared(parent int, name string, flags int) (int, error) {
	dir, err := openat(parent, name, flags)
	if err != nil {
		return -1, err
	}
	outer, err := Mount(parent)
	if err == nil {
		var inner int
		if inner, err = Mount(dir); err == nil && inner != outer {
			err = ErrMount
		}
	}
	if err != nil {
		unix.Close(dir)
		return -1, err
	}
	return dir, nil
}

func openat(parent int, name string, flags int) (int, error) {
	dir := -1
	err := Again(func() (err error) {
		dir, err = unix.Openat(parent, name, flags, 0)
		return err
	})
	if errors.Is(err, unix.ELOOP) {
		err = unix.ENOTDIR
	}
	return dir, err
}

// Mount returns the number of the mount that a handle is on, as in
// /proc/self/mountinfo. The kernel gives it again when the mount is gone.
func Mount(handle int) (int, error) {
	text, err := os.ReadFile(self("fdinfo", handle))
	if err != nil {
		return 0, fmt.Errorf("asking what it is mounted by: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strconv.Atoi(strings.TrimSpace(id))
		}
	}
	return 0, errors.New("the kernel does not say what it is mounted by")
}

func self(what string, handle int) string {
	return "/proc/self/" + what + "/" + strconv.Itoa(handle)
}

// Again repeats a call of the kernel that a signal has interrupted.
func Again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
