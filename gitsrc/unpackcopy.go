package gitsrc

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// copy writes the content of the entry that the archive stands at.
func (u *unpacker) copy(e entry, out io.Writer) error {
	for left := e.size; left > 0; {
		part := u.buffer[:min(left, pieceSize)]
		if _, err := io.ReadFull(u.tar, part); err != nil {
			return badArchive(err)
		}
		if _, err := out.Write(part); err != nil {
			return err
		}
		left -= int64(len(part))
	}
	return nil
}

// fileCopy is a file of the tree that another one becomes a copy of.
type fileCopy struct {
	fd     int
	size   int64
	buffer []byte
}

// openSource opens a file that was written before.
func (u *unpacker) openSource(parent int, name string) (*fileCopy, error) {
	in := &fileCopy{buffer: u.buffer}
	err := again(func() (err error) {
		in.fd, err = unix.Openat(parent, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	var is unix.Stat_t
	if err := unix.Fstat(in.fd, &is); err != nil {
		in.close()
		return nil, err
	}
	in.size = is.Size
	return in, nil
}

func (in *fileCopy) close() { _ = unix.Close(in.fd) } // opened for reading: nothing can get lost

// copy writes the file's content.
func (in *fileCopy) copy(_ entry, out io.Writer) error {
	for {
		n, err := unix.Read(in.fd, in.buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		if _, err := out.Write(in.buffer[:n]); err != nil {
			return err
		}
	}
}
