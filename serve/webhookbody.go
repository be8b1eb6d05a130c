package serve

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	bodyWithin = 10 * time.Second // for a body to arrive
	bodyBudget = 64 << 20         // bytes of all bodies that are held at a time
	bodyDrain  = 1 << 20          // of a refused request: so much is read, for the connection to be used again
)

// errBusy is the answer when too many bodies are held already.
var errBusy = errors.New("too many webhooks at a time")

// webhookBodies count the bytes that are held of all requests.
type webhookBodies struct {
	budget int64
	within time.Duration
	held   atomic.Int64
}

// webhookBody is the body of one request. All that is read of it counts until
// release, whoever it is for, so that a busy server says the same to everybody.
type webhookBody struct {
	from  io.Reader
	to    *http.ResponseController
	all   *webhookBodies
	size  int64 // as declared, -1 unknown
	read  int64
	held  int64
	ended bool  // at its end, not by an error
	fault error // of a connection that cannot be bounded
}

// open bounds the body of a request. Without a connection to bound nothing of
// it is read.
func (b *webhookBodies) open(w http.ResponseWriter, r *http.Request) *webhookBody {
	body := &webhookBody{from: r.Body, to: http.NewResponseController(w), all: b, size: r.ContentLength, ended: r.ContentLength == 0}
	body.fault = body.to.SetReadDeadline(time.Now().Add(b.within))
	return body
}

func (b *webhookBody) Read(p []byte) (int, error) {
	if b.fault != nil {
		return 0, b.fault
	}
	n, err := b.from.Read(p)
	b.read += int64(n)
	b.held += int64(n)
	if b.all.held.Add(int64(n)) > b.all.budget {
		return 0, errBusy
	}
	b.ended = err == io.EOF
	return n, err
}

// release gives back what the body holds. An answer may take longer than a body
// may; but net/http reads on in one that has not ended, and is not to wait.
func (b *webhookBody) release() {
	b.all.held.Add(-b.held)
	b.held = 0
	if b.ended {
		b.to.SetReadDeadline(time.Time{}) // fails only for a connection that is closed
	}
}

// drain reads what is left of a body that is refused, and reports whether the
// connection can take another request. Neither depends on who was to get it.
func (b *webhookBody) drain() (reusable bool, err error) {
	if b.size > bodyDrain {
		return false, nil
	}
	if !b.ended {
		_, err = io.Copy(io.Discard, io.LimitReader(b, bodyDrain+1-b.read))
	}
	return err == nil && b.ended && b.read <= bodyDrain, err
}
