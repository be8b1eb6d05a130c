package serve

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// lingerBytes is how much is read of what a client sends in vain.
const lingerBytes = 64 << 20

var (
	errTooLarge = errors.New("the body is larger than is taken here")
	errFinished = errors.New("the request was answered")
)

// body is what a large request carries. Its sender may take all the time it
// needs as long as it keeps sending: each read has a deadline of its own.
type body struct {
	from   io.Reader
	within func(time.Time) error // sets the deadline of reads
	limits Limits

	reading sync.Mutex // held by whoever reads
	mu      sync.Mutex // over all below, and the deadline
	done    bool       // finish was called
	err     error      // what ended it; io.EOF: all of it came
}

// body prepares to read the request's body while its answer may be on the way.
// A body that says that it is larger than limit is refused unread.
func (e *exchange) body(limit int64) (io.Reader, error) {
	if e.r.ContentLength > limit {
		return nil, explainBody(errTooLarge)
	}
	if err := e.w.control.EnableFullDuplex(); err != nil {
		return nil, fmt.Errorf("preparing to read a body: %w", err)
	}
	e.w.body = &body{from: e.r.Body, within: e.w.control.SetReadDeadline, limits: e.server.config.Limits}
	return &bounded{e.w.body, limit}, nil
}

// Read is for one reader at a time.
func (b *body) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	b.note(err)
	return n, err
}

// begin puts the deadline off.
func (b *body) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return b.err
	case b.done:
		return errFinished
	}
	return b.within(time.Now().Add(b.limits.Stall))
}

func (b *body) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	if err == io.EOF {
		b.within(time.Time{}) // else net/http would take the client for gone when it passes
	}
}

// ended reports whether all of the body was read.
func (b *body) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err == io.EOF
}

// finish takes the body from its reader, for good. A client that still sends
// gets a moment, so that it comes to read its answer: closed at once, it would
// see a broken connection only.
func (b *body) finish() {
	b.mu.Lock()
	b.done = true
	if b.err == nil {
		b.within(time.Now().Add(b.limits.Linger))
	}
	b.mu.Unlock()
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.err == nil {
		_, err := io.CopyN(io.Discard, b.from, lingerBytes)
		b.note(err)
	}
}

// bounded fails after so many bytes, unless they are all.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// inflated undoes what the request's Content-Encoding says.
func (e *exchange) inflated(in io.Reader, limit int64) (io.Reader, error) {
	switch strings.Join(e.r.Header.Values("Content-Encoding"), ",") {
	case "":
		return in, nil
	case "gzip", "x-gzip":
	default:
		return nil, refuseHTTP(http.StatusUnsupportedMediaType, "send it plain or with gzip", "the body's Content-Encoding is not known here")
	}
	out, err := gzip.NewReader(in)
	if err != nil {
		return nil, explainBody(err)
	}
	return &bounded{out, limit}, nil
}

// explainBody says what is wrong with a body that could not be read.
func explainBody(err error) *RefusedError {
	switch {
	case errors.Is(err, errTooLarge):
		return refuseHTTP(http.StatusRequestEntityTooLarge, "send less, or have the server's operator raise the limit", "%v", errTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuseHTTP(http.StatusRequestTimeout, "try again", "the body stopped coming")
	}
	return refuseHTTP(http.StatusBadRequest, "try again", "the body broke off, or cannot be read")
}
