package procs

import (
	"strings"

	"golang.org/x/sys/unix"
)

// deleted is what the kernel adds to the name of a file that was removed.
const deleted = " (deleted)"

// maxDepth bounds the way upwards; no path has more parts.
const maxDepth = 2048

// identity is what a directory keeps when it is renamed or seen at another path. The zero value is none.
type identity struct {
	major, minor uint32
	inode        uint64
}

func (i identity) sameDevice(other identity) bool {
	return i.major == other.major && i.minor == other.minor
}

// directory is what uses are compared with.
type directory struct {
	path string
	// below is what the path of everything below it begins with.
	below string
	// id is zero if the directory is gone.
	id identity
}

func newDirectory(path string, id identity) directory {
	return directory{path: path, below: strings.TrimSuffix(path, "/") + "/", id: id}
}

// holds tells whether path, as the kernel names it, is the directory or below it.
func (d directory) holds(path string) bool {
	return path == d.path || strings.HasPrefix(path, d.below) || path == d.path+deleted
}

// contains tells whether the directory that link leads to is d or below it, whatever its path.
//
// It goes upwards by "..", which stays on one device unless something is mounted there; what is mounted
// below d by its own path is found by that path.
func (d directory) contains(link string) bool {
	if d.id == (identity{}) {
		return false
	}
	at, err := identify(link)
	for range maxDepth {
		if err != nil || !at.sameDevice(d.id) {
			return false
		}
		if at == d.id {
			return true
		}
		link += "/.."
		child := at
		if at, err = identify(link); at == child {
			return false
		}
	}
	return false
}

// identify asks for what the kernel has in memory, so that a dead network file system holds nobody up.
func identify(path string) (identity, error) {
	var stat unix.Statx_t
	for {
		err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &stat)
		if err != unix.EINTR {
			return identity{stat.Dev_major, stat.Dev_minor, stat.Ino}, err
		}
	}
}
