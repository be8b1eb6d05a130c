package gitsrc

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" // git's own object ids
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// blobBuffer is the largest piece of a file that is written at once, in bytes.
const blobBuffer = 256 << 10

// selection says which entries of a list are read. What Git LFS keeps is not.
type selection bool

const (
	onlyFiles selection = false
	onlyLinks selection = true
)

func (s selection) has(e entry) bool { return (e.mode == link) == bool(s) && e.lfs == nil }

// readBlobs hands to read a stream of the selected entries' contents, in their
// order, from one git process. All of them have to be taken.
func (r *Repo) readBlobs(ctx context.Context, entries []entry, which selection, read func(*blobs) error) error {
	p, err := r.start(ctx, command{
		stdin: &questions{left: entries, which: which},
		args:  []string{"cat-file", "--batch", "--buffer"},
	})
	if err != nil {
		return err
	}
	in := &blobs{in: bufio.NewReaderSize(p.out, blobBuffer), sum: sha1.New()}
	err = read(in)
	if err == nil {
		if _, more := in.in.Peek(1); more == nil {
			err = errors.New("git sent more than it was asked for")
		}
	}
	if err != nil {
		return p.failed(err)
	}
	return p.wait()
}

// blobs reads what `git cat-file --batch` answers: for each id a line
// "<id> blob <size>", the content, a line feed.
type blobs struct {
	in      *bufio.Reader
	sum     hash.Hash
	scratch []byte
}

// copy writes the content of e, which must be next, to out, and proves it
// against its id.
func (b *blobs) copy(e entry, out io.Writer) error {
	if err := b.header(e); err != nil {
		return err
	}
	return b.content(e, out)
}

// content is copy for an entry of which the header has been read.
func (b *blobs) content(e entry, out io.Writer) error {
	b.scratch = append(strconv.AppendInt(append(b.scratch[:0], "blob "...), e.size, 10), 0)
	b.sum.Reset()
	b.sum.Write(b.scratch)
	for left := e.size; left > 0; {
		piece, err := b.in.Peek(int(min(left, blobBuffer)))
		if err != nil {
			return fmt.Errorf("reading object %s: %w", e.id.hash(), err)
		}
		b.sum.Write(piece)
		if _, err := out.Write(piece); err != nil {
			return err
		}
		left -= int64(len(piece))
		_, _ = b.in.Discard(len(piece)) // it was peeked at: cannot fail
	}
	if end, err := b.in.ReadByte(); err != nil || end != '\n' {
		return fmt.Errorf("reading object %s: %w", e.id.hash(), io.ErrUnexpectedEOF)
	}
	if b.scratch = b.sum.Sum(b.scratch[:0]); !bytes.Equal(b.scratch, e.id[:]) {
		return fmt.Errorf("object %s is damaged: its content is that of %x; check the repository with git fsck", e.id.hash(), b.scratch)
	}
	return nil
}

// header reads the line ahead of the content of e.
func (b *blobs) header(e entry) error {
	line, err := b.in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading object %s: %w", e.id.hash(), err)
	}
	b.scratch = fmt.Appendf(b.scratch[:0], "%x blob %d\n", e.id[:], e.size)
	if !bytes.Equal(line, b.scratch) {
		return fmt.Errorf("reading object %s: git answered %.100q", e.id.hash(), bytes.TrimSuffix(line, []byte{'\n'}))
	}
	return nil
}

// next reads the line ahead of the content of an object, and returns its size.
func (b *blobs) next(id objectID) (size int64, err error) {
	line, err := b.in.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("reading object %s: %w", id.hash(), err)
	}
	found, size, err := parseHeader(line)
	if err == nil && (found.id != id.hash() || found.kind != "blob") {
		err = fmt.Errorf("git answered %.100q", line)
	}
	if err != nil {
		return 0, fmt.Errorf("reading object %s: %w", id.hash(), err)
	}
	return size, nil
}

// questions is what git is asked: one id a line.
type questions struct {
	left  []entry
	which selection
	line  []byte // the part of a line that did not fit yet
}

// Read fills p with as many ids as fit.
func (q *questions) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(q.line) == 0 && !q.next() {
			break
		}
		took := copy(p[n:], q.line)
		q.line = q.line[took:]
		n += took
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next puts the next line in place; false at the end.
func (q *questions) next() bool {
	for len(q.left) > 0 {
		e := q.left[0]
		q.left = q.left[1:]
		if q.which.has(e) {
			q.line = append([]byte(e.id.hash()), '\n')
			return true
		}
	}
	return false
}
