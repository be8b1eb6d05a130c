package copytree

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	permissions = 0o777
	private     = 0o700 // of a directory that is not full yet
)

var (
	errNotFolder = errors.New("not a directory (links are not followed)")
	errNotBelow  = errors.New(`not a plain path below its root: relative, without "..", "." and "//"`)
	errExists    = fmt.Errorf("it is there already: %w", unix.EEXIST)
)

// identity tells directories apart, whatever they are called.
type identity struct{ dev, ino uint64 }

func identityOf(is *unix.Stat_t) identity { return identity{dev: is.Dev, ino: is.Ino} }

// openSource opens the topmost directory of the source.
func openSource(root, src string) (int, error) {
	dir, err := -1, error(nil)
	if root == "" {
		dir, err = openFolder(unix.AT_FDCWD, trimmed(src))
	} else {
		dir, err = openBelow(root, src)
	}
	if errors.Is(err, unix.ENOTDIR) {
		err = errNotFolder
	}
	return dir, errorAt("opening", src, err)
}

// trimmed leaves out a final "/", with which the kernel would follow a link.
func trimmed(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Clean(path)
}

// makeTop makes dst and opens it.
func makeTop(root, dst string) (int, error) {
	parent, name := filepath.Dir(trimmed(dst)), filepath.Base(dst)
	in, err := -1, error(nil)
	switch {
	case root == "":
		in, err = openFolder(unix.AT_FDCWD, parent+"/.") // the caller's own path may lead over links
	case !plain(dst):
		err = errNotBelow
	default:
		in, err = openBelow(root, parent)
	}
	if errors.Is(err, unix.ENOTDIR) {
		err = errNotFolder
	}
	if err != nil {
		return -1, errorAt("opening", parent, err)
	}
	defer unix.Close(in)
	dir, err := makeFolder(in, name)
	if errors.Is(err, unix.EEXIST) {
		err = errExists
	}
	return dir, errorAt("making", dst, err)
}

// openBelow opens a directory below root, one name after another. "." is root itself.
func openBelow(root, below string) (int, error) {
	dir, err := openFolder(unix.AT_FDCWD, root+"/.")
	if err != nil || below == "." {
		return dir, err
	}
	if !plain(below) {
		unix.Close(dir)
		return -1, errNotBelow
	}
	for name := range strings.SplitSeq(below, "/") {
		inner, err := openFolder(dir, name)
		unix.Close(dir)
		if err != nil {
			return -1, err
		}
		dir = inner
	}
	return dir, nil
}

func plain(below string) bool {
	return below != "." && filepath.IsLocal(below) && filepath.Clean(below) == below
}

// openFolder opens a directory, which must not be a link.
func openFolder(parent int, name string) (int, error) {
	return open(parent, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
}

// makeFolder makes a directory that nobody else can enter yet, and opens it.
func makeFolder(parent int, name string) (int, error) {
	if err := again(func() error { return unix.Mkdirat(parent, name, private) }); err != nil {
		return -1, err
	}
	return openFolder(parent, name)
}

// open opens a name in a directory and follows no link.
func open(parent int, name string, flags int, mode uint32) (int, error) {
	handle := -1
	err := again(func() (err error) {
		handle, err = unix.Openat(parent, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	return handle, err
}

// again repeats a call of the kernel that a signal has interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
