package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A cluster that has lost one of its servers answers nothing for a moment: the
// others wait up to nine seconds for a sign of it, then choose who leads in its
// place, and they may have to choose twice.
const (
	retryWithin = 30 * time.Second
	retryEvery  = 250 * time.Millisecond
	answersIn   = 3 * time.Second // else what was asked, or the answer, was lost
)

// retry does something with the messaging servers, again while they cannot do it
// just now, for retryWithin from when they first could not. do is handed a context
// for one question; it must be what may be done twice, because what has failed may
// have been done nevertheless.
func retry(ctx context.Context, do func(context.Context) error) error {
	var over <-chan time.Time
	for {
		one, cancel := context.WithTimeout(ctx, answersIn)
		err := do(one)
		cancel()
		if !passes(err) {
			return err
		}
		if over == nil {
			over = time.After(retryWithin)
		}
		select {
		case <-ctx.Done():
			return err
		case <-over:
			return err
		case <-time.After(retryEvery):
		}
	}
}

// passes reports whether an error is one that a cluster gets over by itself.
func passes(err error) bool {
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.Code >= 500 || refused.ErrorCode == noPeers || refused.ErrorCode == tooMany
	}
	for _, passing := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrReconnectBufExceeded, nats.ErrDisconnected, context.DeadlineExceeded,
		jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout,
		jetstream.ErrObjectNotFound, jetstream.ErrDigestMismatch, // on one server that is behind the others
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// Error codes of the server (nats-server's errors.json).
const (
	noPeers = 10005 // too few servers to keep something on as many as was asked for: one may have just started
	tooMany = 10026 // as many fetch as may at once: 1,000 from one store, unless its server is told otherwise
)
