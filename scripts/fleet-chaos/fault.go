package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// kind is a way to break something.
type kind struct {
	name string
	hubs bool // it is about the hub, not about agents
	// start breaks it, and returns what heals it.
	start func(context.Context, *fault) (heal func() error, err error)
}

// kinds are all ways, in no order.
func kinds() []kind {
	all := []kind{
		{"agent killed", false, onAgents((*agent).kill, (*agent).again)},
		{"agent frozen", false, onAgents((*agent).freeze, (*agent).thaw)},
		{"agent cut off", false, onAgents((*agent).cut, (*agent).mend)},
		{"disk full", false, onAgents((*agent).fill, (*agent).free)},
		{"store wiped", true, onHub((*hub).forget)},
		{"store put back", true, onHub((*hub).putBack)},
		{"hub killed", true, onHub((*hub).kill)},
		{"push killed", true, killPush},
	}
	if movable {
		all = append(all, kind{"clock moved", false, moveClocks})
	}
	return all
}

// fault is one of them, at one time.
type fault struct {
	kind
	w      *world
	number int
	random *rand.Rand
	agents []*agent // whom it hits, if it is about agents
	lasts  time.Duration
	inside bool // it begins while a push is under way
	alone  bool // nobody pushes while it is healed: no push helps
}

// newFault plans a fault: mostly for one agent, sometimes for more.
func (w *world) newFault(seed uint64, number int, k kind) *fault {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	f := &fault{kind: k, w: w, number: number, random: random}
	f.lasts = time.Duration(500+random.IntN(6000)) * time.Millisecond
	if random.IntN(8) == 0 {
		f.lasts = time.Duration(15+random.IntN(15)) * time.Second
	}
	f.inside, f.alone = random.IntN(2) == 0, random.IntN(2) == 0
	n := 1
	if random.IntN(3) == 0 {
		n += random.IntN(len(w.agents))
	}
	for _, i := range random.Perm(len(w.agents))[:n] {
		f.agents = append(f.agents, w.agents[i])
	}
	return f
}

func (f *fault) String() string {
	text := fmt.Sprintf("fault %d (%s, %s", f.number, f.name, f.lasts.Round(time.Second/10))
	if f.hubs {
		return text + ")"
	}
	var names []string
	for _, a := range f.agents {
		names = append(names, a.name)
	}
	return text + ": " + strings.Join(names, ", ") + ")"
}

// onAgents is a fault of agents.
func onAgents(start, heal func(*agent) error) func(context.Context, *fault) (func() error, error) {
	each := func(f *fault, do func(*agent) error) (err error) {
		for _, a := range f.agents {
			err = errors.Join(err, do(a))
		}
		return err
	}
	return func(_ context.Context, f *fault) (func() error, error) {
		return func() error { return each(f, heal) }, each(f, start)
	}
}

// onHub is a fault of the hub that stops it.
func onHub(start func(*hub) error) func(context.Context, *fault) (func() error, error) {
	return func(ctx context.Context, f *fault) (func() error, error) {
		return func() error { return f.w.hub.serve(ctx) }, start(f.w.hub)
	}
}

// moment waits for the one at which it begins.
func (f *fault) moment(ctx context.Context) {
	if f.inside && await(ctx, patience, f.w.pusher.busy.Load) {
		pause(ctx, anyMoment(f.random, f.w.pusher.usual))
	}
}

// killPush has the next pushes killed until one was.
func killPush(ctx context.Context, f *fault) (func() error, error) {
	p := f.w.pusher
	p.deadly.Store(true)
	if !await(ctx, 2*patience, func() bool { return !p.deadly.Load() }) && ctx.Err() == nil {
		return nil, errors.New("no push could be killed")
	}
	return func() error { return nil }, nil
}

// moveClocks moves the clocks by up to a year, or has them right again.
func moveClocks(_ context.Context, f *fault) (func() error, error) {
	const year = 365 * 24 * time.Hour
	for _, a := range f.agents {
		off := time.Duration(f.random.Int64N(int64(2*year))) - year
		if f.random.IntN(4) == 0 {
			off = 0
		}
		if err := a.skew(off); err != nil {
			return nil, err
		}
	}
	return func() error { return nil }, nil
}
