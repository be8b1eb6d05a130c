package gitsrc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
)

const (
	pieceSize = 256 << 10 // bytes that are read, and written, at once
	pieces    = 8         // that are read ahead of being written
	entryRoom = 8 << 10   // bytes of headers and padding for each file that the limits allow
	freeRoom  = 16 << 20  // and for none: long names, attributes, zeros at the end
)

// tarStream is a tar stream that one goroutine reads and another hashes, ahead of
// the one that writes what it holds to the disk.
type tarStream struct {
	ctx   context.Context
	stop  context.CancelFunc
	in    io.Reader
	sum   hash.Hash     // belongs to the hashing goroutine until the stream has ended
	left  int64         // bytes that may still come
	raw   chan tarPiece // as read
	full  chan tarPiece // and hashed
	empty chan []byte
	now   tarPiece
	rest  []byte // what of now was not taken yet
	ended bool   // somebody wanted more than there was
}

// tarPiece is a part of the stream, and what came after it.
type tarPiece struct {
	data []byte
	err  error
}

// readAhead starts to read. Because headers and padding count in no limit of a
// tree, the stream has one of its own, far above what an archive within them
// needs. The caller calls stop.
func readAhead(ctx context.Context, in io.Reader, limits Limits) *tarStream {
	s := &tarStream{in: in, sum: sha256.New(), raw: make(chan tarPiece, pieces),
		full: make(chan tarPiece, pieces), empty: make(chan []byte, pieces)}
	s.ctx, s.stop = context.WithCancel(ctx)
	room := int64(min(limits.Files, 1<<32))*entryRoom + freeRoom
	s.left = limits.Bytes + min(room, math.MaxInt64-limits.Bytes)
	for range pieces {
		s.empty <- make([]byte, pieceSize)
	}
	go s.fill()
	go s.hash()
	return s
}

// fill reads until the end, an error, or stop.
func (s *tarStream) fill() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case buffer := <-s.empty:
			p := s.read(buffer[:pieceSize])
			s.raw <- p // has room for all there are
			if p.err != nil {
				return
			}
		}
	}
}

// hash passes on what was read, to the end or until stop.
func (s *tarStream) hash() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case p := <-s.raw:
			s.sum.Write(p.data)
			s.full <- p
			if p.err != nil {
				return
			}
		}
	}
}

// read fills the buffer as far as it can.
func (s *tarStream) read(buffer []byte) tarPiece {
	p := tarPiece{}
	n := 0
	for n < len(buffer) && p.err == nil && s.ctx.Err() == nil {
		var got int
		got, p.err = s.in.Read(buffer[n:])
		n += got
	}
	if s.left -= int64(n); s.left < 0 {
		refused := &RefusedError{}
		refused.add(`raise "bytes" under [limits]`, "an archive of that size cannot hold a tree within the limits")
		return tarPiece{err: refused}
	}
	p.data = buffer[:n]
	return p
}

// Read takes what comes next.
func (s *tarStream) Read(p []byte) (int, error) {
	if err := s.more(); err != nil {
		return 0, err
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// more waits until there is something to take.
func (s *tarStream) more() error {
	for len(s.rest) == 0 {
		if s.now.err != nil {
			s.ended = true
			return s.now.err
		}
		if s.now.data != nil {
			s.empty <- s.now.data
			s.now.data = nil
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case s.now = <-s.full:
			s.rest = s.now.data
		}
	}
	return nil
}

// zeros takes what is left, which must be the padding of the archive.
func (s *tarStream) zeros() error {
	for {
		err := s.more()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badArchive(err)
		}
		if len(bytes.TrimLeft(s.rest, "\x00")) > 0 {
			refused := &RefusedError{}
			refused.add("", "something follows the end of the archive")
			return refused
		}
		s.rest = nil
	}
}

// digest is that of all that was read. To be asked for after the end.
func (s *tarStream) digest() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// badArchive says why an archive could not be read on.
func badArchive(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the archive is cut off: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("reading the archive: %w", err)
}
