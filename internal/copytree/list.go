package copytree

import (
	"bytes"
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// Where linux_dirent64 (getdents64(2)) has its parts.
const (
	recordSizeAt = 16
	recordKindAt = 18
	recordNameAt = 19
)

// entry is a name in a directory and what it is, a DT_ constant of readdir(3).
type entry struct {
	name string
	kind uint8
}

// list reads a folder of the source. It does so by itself, because os.File asks
// by path what an entry is when the file system has not said.
func (c *copier) list(f *folder) ([]entry, error) {
	buffer := c.buffers.Get().(*[bufferSize]byte)
	defer c.buffers.Put(buffer)
	var entries []entry
	for {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		var size int
		err := again(func() (err error) {
			size, err = unix.Getdents(f.src, buffer[:])
			return err
		})
		if size <= 0 || err != nil {
			if errors.Is(err, unix.ENOENT) { // the folder itself was removed
				err = nil
			}
			return entries, err
		}
		for rest := buffer[:size]; len(rest) > 0; {
			length := binary.NativeEndian.Uint16(rest[recordSizeAt:])
			e := entryOf(rest[:length])
			rest = rest[length:]
			if e.name == "." || e.name == ".." {
				continue
			}
			if e.kind == unix.DT_UNKNOWN {
				e.kind = kindOf(f.src, e.name)
			}
			entries = append(entries, e)
		}
	}
}

func entryOf(record []byte) entry {
	name, _, _ := bytes.Cut(record[recordNameAt:], []byte{0})
	return entry{name: string(name), kind: record[recordKindAt]}
}

// kindOf asks what a name is. If it has vanished it counts as a file, and is
// found missing when it is copied.
func kindOf(dir int, name string) uint8 {
	var is unix.Stat_t
	if err := unix.Fstatat(dir, name, &is, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return unix.DT_REG
	}
	return uint8(is.Mode & unix.S_IFMT >> 12)
}
