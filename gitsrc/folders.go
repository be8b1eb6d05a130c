package gitsrc

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// folders gives open handles of a tree's folders. It keeps those of the path it
// stands on; walked in the order of a listing, each folder is entered once. No
// link is followed.
type folders struct {
	root  int // not ours to close
	path  string
	open  []int
	enter func(parent int, name, path string) error // before a folder is opened; may be nil
	leave func(folder int) error                    // after the last use of one; may be nil
}

// at returns the handle of dir, which lives until the next call.
func (f *folders) at(dir string) (int, error) {
	for f.path != "" && f.path != dir && !strings.HasPrefix(dir, f.path+"/") {
		if err := f.up(); err != nil {
			return 0, err
		}
	}
	for f.path != dir {
		rest := dir[len(f.path):]
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if err := f.down(name); err != nil {
			return 0, err
		}
	}
	return f.top(), nil
}

// close leaves all folders.
func (f *folders) close() error {
	var all error
	for f.path != "" {
		all = errors.Join(all, f.up())
	}
	return all
}

func (f *folders) top() int {
	if len(f.open) == 0 {
		return f.root
	}
	return f.open[len(f.open)-1]
}

func (f *folders) down(name string) error {
	path := name
	if f.path != "" {
		path = f.path + "/" + name
	}
	if f.enter != nil {
		if err := f.enter(f.top(), name, path); err != nil {
			return err
		}
	}
	fd, err := openFolder(f.top(), name)
	if err != nil {
		return errorAt("opening folder", path, err)
	}
	f.open = append(f.open, fd)
	f.path = path
	return nil
}

func (f *folders) up() error {
	var err error
	if f.leave != nil {
		err = f.leave(f.top())
	}
	_ = unix.Close(f.top()) // opened for reading: nothing can get lost
	f.open = f.open[:len(f.open)-1]
	f.path, _ = split(f.path)
	return err
}

// makeFolder makes a folder with exactly the mode 0755; a group that is handed
// down (the set-group-id bit) stays.
func makeFolder(parent int, name string) error {
	if err := again(func() error { return unix.Mkdirat(parent, name, 0o755) }); err != nil {
		return err
	}
	fd, err := openFolder(parent, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var is unix.Stat_t
	if err := unix.Fstat(fd, &is); err != nil {
		return err
	}
	if is.Mode&0o777 == 0o755 {
		return nil
	}
	return unix.Fchmod(fd, 0o755|is.Mode&unix.S_ISGID)
}

func openFolder(parent int, name string) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
