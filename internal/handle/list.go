package handle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"

	"golang.org/x/sys/unix"
)

// Entry is a name in a directory. It is any sequence of bytes without "/".
type Entry struct {
	Name string
	Kind uint8 // a DT_ constant of readdir(3): what it was; DT_UNKNOWN if the file system does not say
}

// List is a directory being read. Only a part of it is in memory: Size bytes.
type List struct {
	Handle int
	Buffer []byte
}

// Size of a List's buffer, in bytes: some hundred names.
const Size = 32 << 10

// Where linux_dirent64 (getdents64(2)) has its parts.
const (
	recordSizeAt = 16
	recordKindAt = 18
	recordNameAt = 19
)

// Next returns the names that come next, none of them at the end. They are good
// until Next is called again. A directory that was removed has none.
func (l *List) Next() (iter.Seq[Entry], error) {
	var size int
	err := Again(func() (err error) {
		size, err = unix.Getdents(l.Handle, l.Buffer)
		return err
	})
	if size <= 0 || err != nil {
		if errors.Is(err, unix.ENOENT) {
			err = nil
		}
		return nil, err
	}
	return func(yield func(Entry) bool) {
		for rest := l.Buffer[:size]; len(rest) > 0; {
			length := binary.NativeEndian.Uint16(rest[recordSizeAt:])
			name, _, _ := bytes.Cut(rest[recordNameAt:length], []byte{0})
			kind := rest[recordKindAt]
			rest = rest[length:]
			if s := string(name); s != "." && s != ".." && !yield(Entry{Name: s, Kind: kind}) {
				return
			}
		}
	}, nil
}

// Rewind goes back to the beginning, for what has been added.
func (l *List) Rewind() error {
	_, err := unix.Seek(l.Handle, 0, unix.SEEK_SET)
	return err
}
