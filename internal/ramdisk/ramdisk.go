// Package ramdisk lets tests work in memory. They sync thousands of times, and
// how long a disk takes for that is not what they are about.
package ramdisk

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	place  = "/dev/shm"
	enough = 4 << 30 // bytes free
)

// Use makes a directory in memory the one for temporary files (TMPDIR) of this
// process and those that it starts; leave removes it. Where there is no such
// place, or little room in it, or programs may not be run from there, or TMPDIR
// is set, nothing changes.
func Use() (leave func(), err error) {
	leave = func() {}
	var is unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(place, &is) != nil || is.Type != unix.TMPFS_MAGIC ||
		is.Flags&unix.ST_NOEXEC != 0 || int64(is.Bavail)*is.Bsize < enough {
		return leave, nil
	}
	dir, err := os.MkdirTemp(place, "repoint-test-")
	if err != nil {
		return leave, err
	}
	leave = func() { os.RemoveAll(dir) }
	err = os.Chmod(dir, 0o755) // for tests that become another user
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	return leave, err
}
