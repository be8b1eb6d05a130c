package fleet

import (
	"context"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// object is read for as long as it takes to unpack it, but nothing in it is waited
// for longer than stallsAfter.
type object struct {
	from   jetstream.ObjectResult
	cancel context.CancelCauseFunc
	ctx    context.Context
	broken error // why it could not be read
}

const stallsAfter = 10 * time.Second

// openObject finds an object in a store.
func openObject(ctx context.Context, objects jetstream.ObjectStore, name string) (*object, error) {
	o := &object{}
	o.ctx, o.cancel = context.WithCancelCause(ctx)
	var err error
	o.moves(func() { o.from, err = objects.Get(unhurried{o.ctx}, name) })
	if err != nil {
		err = o.why(err)
		o.cancel(nil)
		return nil, err
	}
	return o, nil
}

// Read implements io.Reader.
func (o *object) Read(p []byte) (n int, err error) {
	o.moves(func() {
		for n == 0 && err == nil { // it says so at each deadline
			n, err = o.from.Read(p)
		}
	})
	if err != nil && err != io.EOF {
		err = o.why(err)
		o.broken = err
	}
	return n, err
}

// Close lets go of it.
func (o *object) Close() error {
	o.cancel(nil)
	return o.from.Close()
}

// moves gives up on what takes too long.
func (o *object) moves(do func()) {
	stalls := time.AfterFunc(stallsAfter, func() { o.cancel(nats.ErrTimeout) })
	defer stalls.Stop()
	do()
}

func (o *object) why(err error) error {
	if o.ctx.Err() != nil {
		return context.Cause(o.ctx)
	}
	return err
}

// unhurried is a context whose deadline is never reached. Who reads an object wakes
// at the deadline to see whether the context has ended; without one, the
// object could be read for five seconds only.
type unhurried struct{ context.Context }

// Deadline implements context.Context.
func (unhurried) Deadline() (time.Time, bool) { return time.Now().Add(answersIn), true }

// paced is read no faster than the servers store what was read. They refuse what they
// are too far behind with.
type paced struct {
	ctx    context.Context
	from   io.Reader
	into   jetstream.ObjectStore
	before uint64 // bytes that were there before
	sent   uint64
	stored uint64
}

const (
	ahead     = 8 << 20 // bytes that may be on their way
	paceEvery = 2 * time.Millisecond
)

// pace paces what is put into a store, to which nobody else may write meanwhile.
func pace(ctx context.Context, from io.Reader, into jetstream.ObjectStore) (*paced, error) {
	p := &paced{ctx: ctx, from: from, into: into}
	var err error
	p.before, err = p.size()
	return p, err
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	for moved := time.Now(); p.sent > p.stored+ahead; {
		size, err := p.size()
		switch {
		case err != nil:
			return 0, err
		case size > p.before+p.stored:
			p.stored, moved = size-p.before, time.Now()
		case time.Since(moved) > stallsAfter:
			return 0, nats.ErrTimeout
		default:
			<-time.After(paceEvery)
		}
	}
	n, err := p.from.Read(b)
	p.sent += uint64(n)
	return n, err
}

func (p *paced) size() (uint64, error) {
	ctx, cancel := context.WithTimeout(p.ctx, answersIn)
	defer cancel()
	status, err := p.into.Status(ctx)
	if err != nil {
		return 0, err
	}
	return status.Size(), nil
}
