package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is how much memory a zstd may ask for, in bytes: as much as the
// program zstd grants too.
const maxWindow = 128 << 20

// stream is what comes out of a compressed archive.
type stream struct {
	kind string // as in "a gzip"
	out  io.ReadCloser
}

func openGzip(in *bufio.Reader) (*stream, error) {
	out, err := gzip.NewReader(in)
	s := &stream{kind: "a gzip", out: out}
	return s, s.explain(err)
}

// openZstd uses one goroutine, the reader's: it is fast enough, and memory is
// bounded by the window.
func openZstd(in *bufio.Reader) (*stream, error) {
	out, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return &stream{kind: "a zstd", out: out.IOReadCloser()}, nil
}

// Read gives what is compressed.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.out.Read(p)
	return n, s.explain(err)
}

// Close frees what the stream needs. What is wrong with it Read has said.
func (s *stream) Close() error {
	_ = s.out.Close()
	return nil
}

func (s *stream) explain(err error) error {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("unpacking %s needs more than %d MiB of memory; pack it without --long: %w", s.kind, maxWindow>>20, err)
	}
	return fmt.Errorf("unpacking %s: %w", s.kind, err)
}
