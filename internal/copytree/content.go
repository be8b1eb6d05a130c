package copytree

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	// bufferSize is how much is read at once, in bytes.
	bufferSize = 256 << 10
	// chunkSize is how much the kernel copies in one call, in bytes. The context
	// is looked at between calls.
	chunkSize = 16 << 20
)

// content makes the empty file out the same as in, the cheapest way that the
// file systems have, and checks that in did not change meanwhile.
func (c *copier) content(in, out int, is *unix.Stat_t) error {
	cloned := c.clone(in, out, is.Size)
	if !cloned {
		copied := c.copyInside(in, out, is.Size)
		if err := c.readWrite(in, out, copied, is.Size); err != nil {
			return err
		}
	}
	var now unix.Stat_t
	if err := unix.Fstat(in, &now); err != nil {
		return err
	}
	if now.Size != is.Size || now.Mtim != is.Mtim {
		return errChanged
	}
	if cloned {
		c.done.cloned.Add(1)
	}
	return nil
}

// clone shares the blocks of in with out, if the file system can.
func (c *copier) clone(in, out int, size int64) bool {
	if size == 0 || c.noClone.Load() {
		return false
	}
	err := again(func() error { return unix.IoctlFileClone(out, in) })
	for _, never := range []error{unix.EOPNOTSUPP, unix.EXDEV, unix.ENOTTY, unix.ENOSYS} {
		if errors.Is(err, never) {
			c.noClone.Store(true)
		}
	}
	return err == nil
}

// copyInside lets the kernel copy, and returns how far it came. Whatever stops
// it, readWrite goes on from there and meets it again if it matters.
func (c *copier) copyInside(in, out int, size int64) int64 {
	copied := int64(0)
	for copied < size && c.ctx.Err() == nil {
		n := 0
		err := again(func() (err error) {
			n, err = unix.CopyFileRange(in, nil, out, nil, int(min(size-copied, chunkSize)), 0)
			return err
		})
		if n <= 0 || err != nil {
			break
		}
		copied += int64(n)
	}
	return copied
}

// readWrite copies what is left of a file of the given size. An empty file is
// read too: some that seem empty, such as those in /proc, are not.
func (c *copier) readWrite(in, out int, copied, size int64) error {
	if copied == size && size > 0 {
		return nil
	}
	buffer := c.buffers.Get().(*[bufferSize]byte)
	defer c.buffers.Put(buffer)
	for {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		n := 0
		err := again(func() (err error) {
			n, err = unix.Read(in, buffer[:])
			return err
		})
		if err != nil {
			return err
		}
		copied += int64(n)
		if copied > size || n == 0 && copied < size {
			return errChanged
		}
		if err := writeAll(out, buffer[:n]); err != nil || copied == size {
			return err
		}
	}
}

func writeAll(out int, data []byte) error {
	for len(data) > 0 {
		n := 0
		err := again(func() (err error) {
			n, err = unix.Write(out, data)
			return err
		})
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
