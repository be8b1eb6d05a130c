package copytree

import (
	"errors"

	"golang.org/x/sys/unix"
)

// errVanished says that an entry was listed and is not there any more.
var errVanished = errors.New("it has vanished")

// batch copies entries of a folder that are not folders themselves.
func (c *copier) batch(f *folder, entries []entry) error {
	var err error
	for _, e := range entries {
		if err = c.ctx.Err(); err != nil {
			break
		}
		if err = c.entry(f, e); err != nil {
			err = errorAt("copying", f.path(e.name), err)
			break
		}
	}
	return firstOf(err, c.leave(f))
}

func (c *copier) entry(f *folder, e entry) error {
	var err error
	switch e.kind {
	case unix.DT_REG:
		err = c.file(f, e.name)
	case unix.DT_LNK:
		err = c.link(f, e.name)
	default:
		c.done.skipped.Add(1)
	}
	if errors.Is(err, errVanished) {
		c.done.vanished.Add(1)
		return nil
	}
	return err
}

// file copies one file. It is opened so that a fifo put in its place does not block.
func (c *copier) file(f *folder, name string) error {
	in, err := open(f.src, name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return errVanished
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO): // a link or a socket by now
		return errChanged
	case err != nil:
		return err
	}
	defer unix.Close(in)
	var is unix.Stat_t
	if err := unix.Fstat(in, &is); err != nil {
		return err
	}
	if is.Mode&unix.S_IFMT != unix.S_IFREG {
		return errChanged
	}
	out, err := open(f.dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, is.Mode&permissions)
	if err != nil {
		return err
	}
	err = c.content(in, out, &is)
	if err == nil {
		err = c.settle(out, &is)
	}
	if closed := unix.Close(out); err == nil { // some file systems say only here that the disk is full
		err = closed
	}
	if err == nil {
		err = setTime(f.dst, name, &is)
	}
	if err == nil {
		c.done.files.Add(1)
		c.done.bytes.Add(is.Size)
	}
	return err
}

// settle gives a written file its owner and its permissions, which the umask or
// an inherited ACL may have changed.
func (c *copier) settle(out int, is *unix.Stat_t) error {
	if err := c.give(func(uid, gid int) error { return unix.Fchown(out, uid, gid) }); err != nil {
		return err
	}
	var now unix.Stat_t
	if err := unix.Fstat(out, &now); err != nil {
		return err
	}
	if now.Size != is.Size {
		return errChanged
	}
	if now.Mode&0o7777 == is.Mode&permissions {
		return nil
	}
	return unix.Fchmod(out, is.Mode&permissions)
}

// link copies one link as it stands.
func (c *copier) link(f *folder, name string) error {
	var buffer [unix.PathMax]byte
	size, err := unix.Readlinkat(f.src, name, buffer[:])
	switch {
	case errors.Is(err, unix.ENOENT):
		return errVanished
	case errors.Is(err, unix.EINVAL), size == len(buffer):
		return errChanged
	case err != nil:
		return err
	}
	target := string(buffer[:size])
	if err := again(func() error { return unix.Symlinkat(target, f.dst, name) }); err != nil {
		return err
	}
	c.done.links.Add(1)
	return c.give(func(uid, gid int) error { return unix.Fchownat(f.dst, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW) })
}

// setTime gives what was copied the time of its last change.
func setTime(dir int, name string, is *unix.Stat_t) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, is.Mtim}
	return unix.UtimesNanoAt(dir, name, times, unix.AT_SYMLINK_NOFOLLOW)
}
