package gitsrc

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// earlyBytes is how much is written before the disk is set to work on it.
const earlyBytes = 16 << 20

// early has what was written put on the disk while more is being written, so
// that the sync which makes a tree durable finds little left to do. It promises
// nothing itself. But an error of the disk is told only to the first who asks,
// so its own counts. A nil one does nothing.
type early struct {
	root    int // handle of the tree
	written atomic.Int64
	begin   chan struct{}
	ended   chan error
}

// syncEarly waits for bytes to be written. The caller calls stop.
func syncEarly(root int) *early {
	e := &early{root: root, begin: make(chan struct{}, 1), ended: make(chan error, 1)}
	go func() {
		var err error
		for range e.begin {
			if err == nil {
				err = unix.Syncfs(e.root)
			}
		}
		e.ended <- err
	}()
	return e
}

// wrote counts bytes. It never waits.
func (e *early) wrote(n int) {
	if e == nil {
		return
	}
	if now := e.written.Add(int64(n)); now/earlyBytes == (now-int64(n))/earlyBytes {
		return
	}
	select {
	case e.begin <- struct{}{}:
	default: // it is still at what came before
	}
}

// stop ends it, when nobody writes any more: what it has begun, not what it was
// still to begin.
func (e *early) stop() error {
	select {
	case <-e.begin:
	default:
	}
	close(e.begin)
	if err := <-e.ended; err != nil {
		return fmt.Errorf("putting files on the disk: %w", err)
	}
	return nil
}
