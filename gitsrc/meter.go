package gitsrc

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

const (
	defaultReceive = 1 << 30          // bytes
	defaultIdle    = time.Minute      // a git that counts objects says so every 5 s
	connectTime    = 30 * time.Second // to be connected and let in
)

// meter watches what a remote sends: never more than was allowed, and not
// silent for too long. It ends ctx, and with it the connection, when a remote
// is given up; context.Cause then says why.
type meter struct {
	ctx    context.Context
	giveUp context.CancelCauseFunc
	idle   time.Duration
	max    int64
	left   atomic.Int64
}

// meter starts watching; stop has to be called in the end.
func (m Remote) meter(ctx context.Context) *meter {
	w := &meter{idle: m.idle, max: m.MaxBytes}
	if w.idle <= 0 {
		w.idle = defaultIdle
	}
	if w.max <= 0 {
		w.max = defaultReceive
	}
	w.left.Store(w.max)
	w.ctx, w.giveUp = context.WithCancelCause(ctx)
	return w
}

func (w *meter) stop() { w.giveUp(context.Canceled) }

// within gives the remote so much time for what follows, until done is called.
func (w *meter) within(limit time.Duration) (done func()) {
	timer := time.AfterFunc(limit, func() {
		w.giveUp(&RemoteError{Problem: fmt.Sprintf("it said nothing for %v", limit), Hint: "try again later"})
	})
	return func() { timer.Stop() }
}

// took counts bytes that came.
func (w *meter) took(n int) error {
	if w.left.Add(-int64(n)) >= 0 {
		return nil
	}
	err := &RemoteError{Problem: fmt.Sprintf("it sends more than %d bytes", w.max), Hint: `raise "push" under [limits]`}
	w.giveUp(err)
	return err
}

// read is r under watch.
func (w *meter) read(r io.Reader) io.Reader { return &metered{meter: w, from: r} }

type metered struct {
	meter *meter
	from  io.Reader
}

// Read counts, and says why the remote was given up if it was.
func (r *metered) Read(p []byte) (int, error) {
	done := r.meter.within(r.meter.idle)
	n, err := r.from.Read(p)
	done()
	if tooMuch := r.meter.took(n); tooMuch != nil {
		return 0, tooMuch
	}
	if err != nil && r.meter.ctx.Err() != nil {
		err = ended(r.meter.ctx)
	}
	return n, err
}
