package deploy

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Patient is a writer that never makes its user wait: what is written is kept
// and passed on in the background. A pusher whose line hangs or is gone costs
// the deploy nothing; what does not fit in the space is left out and counted.
type Patient struct {
	w     io.Writer
	space int

	mu      sync.Mutex
	more    *sync.Cond
	kept    []byte
	skipped int
	closed  bool
	gone    chan struct{} // closed when all was passed on, or passing on failed
}

// NewPatient returns a Patient before w that keeps at most space bytes.
func NewPatient(w io.Writer, space int) *Patient {
	p := &Patient{w: w, space: space, gone: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	go p.pass()
	return p
}

// Write keeps data. It never fails.
func (p *Patient) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept)+len(data) > p.space {
		p.skipped++
	} else {
		p.kept = append(p.kept, data...)
	}
	p.more.Signal()
	return len(data), nil
}

// Close waits until all was passed on, but no longer than patience.
func (p *Patient) Close(patience time.Duration) {
	p.mu.Lock()
	p.closed = true
	p.more.Signal()
	p.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.gone:
	case <-timer.C:
	}
}

func (p *Patient) pass() {
	defer close(p.gone)
	for {
		data, last := p.take()
		if len(data) > 0 {
			if _, err := p.w.Write(data); err != nil {
				return
			}
		}
		if last {
			return
		}
	}
}

func (p *Patient) take() (data []byte, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.kept) == 0 && !p.closed {
		p.more.Wait()
	}
	data, p.kept = p.kept, nil
	if p.skipped > 0 {
		data = fmt.Appendf(data, "       … %d lines were not sent; the log has them\n", p.skipped)
		p.skipped = 0
	}
	return data, p.closed
}
