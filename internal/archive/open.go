// Package archive reads and writes trees as tar archives: what a CI sends
// instead of a commit.
//
// [Open] gives the plain tar stream of an archive however it is compressed,
// and needs little memory whatever it was sent. It neither limits nor judges
// what comes out: gitsrc.Unpack does. [Pack] makes an archive of a directory:
// the same bytes for the same tree, without owners and times, and only if it
// can be unpacked as a release.
package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	block    = 512      // of a tar
	buffered = 64 << 10 // bytes read at once
)

// FormatError says that something is no archive of a kind that [Open] reads.
type FormatError struct {
	Found string // what it is, as in "a zip file"; "" when that is not known
}

func (e *FormatError) Error() string {
	text := "neither a tar nor a tar.gz nor a tar.zst"
	if e.Found != "" {
		text += ", but " + e.Found
	}
	return text
}

// Open looks at how an archive begins and returns the tar stream in it: of a
// tar, a tar.gz or a tar.zst. Anything else is a [*FormatError]. A stream that
// is cut off ends with io.ErrUnexpectedEOF, a damaged one with another error,
// maybe only at its end. packed says that it was compressed: else it is what in
// sends, byte for byte. Closing it does not close in.
func Open(in io.Reader) (tar io.ReadCloser, packed bool, err error) {
	from := bufio.NewReaderSize(in, buffered)
	head, err := peek(from)
	if err != nil {
		return nil, false, err
	}
	var s *stream
	switch {
	case isTar(head):
		return io.NopCloser(from), false, nil
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		s, err = openGzip(from)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")), isSkippable(head):
		s, err = openZstd(from)
	default:
		return nil, false, &FormatError{Found: nameOf(head)}
	}
	if err != nil {
		return nil, false, err
	}
	out := bufio.NewReaderSize(s, buffered)
	if head, err = peek(out); err == nil && !isTar(head) {
		err = &FormatError{Found: s.kind + " of something else"}
	}
	if err != nil {
		s.Close()
		return nil, false, err
	}
	return struct {
		io.Reader
		io.Closer
	}{out, s}, true, nil
}

// peek returns the first block, or what there is of it.
func peek(from *bufio.Reader) ([]byte, error) {
	head, err := from.Peek(block)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	return head, nil
}

// isTar says whether a block is the header of a tar, which holds the sum of its
// own bytes, or the zeros of an empty one.
func isTar(head []byte) bool {
	if len(head) < block {
		return false
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return true
	}
	const from, to = 148, 156 // where the sum is; it counts as spaces
	said, err := strconv.ParseInt(strings.Trim(string(head[from:to]), " \x00"), 8, 32)
	unsigned, signed := int64(to-from)*' ', int64(to-from)*' ' // old tars took bytes for signed
	for i, b := range head {
		if i < from || i >= to {
			unsigned += int64(b)
			signed += int64(int8(b))
		}
	}
	return err == nil && (said == unsigned || said == signed)
}

// isSkippable finds what some packers put ahead of the data of a zstd.
func isSkippable(head []byte) bool {
	return len(head) > 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18"))
}

// nameOf knows what else is sent by mistake.
func nameOf(head []byte) string {
	for _, known := range []struct{ magic, name string }{
		{"PK\x03\x04", "a zip file"}, {"PK\x05\x06", "a zip file"}, {"\xfd7zXZ\x00", "a tar.xz"}, {"BZh", "a tar.bz2"},
		{"\x04\x22\x4d\x18", "a tar.lz4"}, {"7z\xbc\xaf\x27\x1c", "a 7z file"}, {"070701", "a cpio"}, {"<", "markup"}, {"{", "JSON"},
	} {
		if bytes.HasPrefix(head, []byte(known.magic)) {
			return known.name
		}
	}
	switch {
	case len(head) == 0:
		return "nothing at all"
	case len(head) < block:
		return fmt.Sprintf("%d bytes", len(head))
	}
	return ""
}
