package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// both says that one in so many faults of agents comes together with one of the
// hub, or the other way round.
const both = 4

// breakAndHeal has one fault after the other: each of all kinds, in any order,
// then each again.
func (w *world) breakAndHeal(ctx context.Context, o options) error {
	random := rand.New(rand.NewPCG(o.seed, 1<<32))
	var row []kind
	take := func(i int) kind {
		k := row[i]
		row = slices.Delete(row, i, i+1)
		return k
	}
	for number := 1; number <= o.faults && ctx.Err() == nil; number++ {
		if len(row) == 0 {
			row = kinds()
			random.Shuffle(len(row), func(i, j int) { row[i], row[j] = row[j], row[i] })
		}
		faults := []*fault{w.newFault(o.seed, number, take(0))}
		other := slices.IndexFunc(row, func(k kind) bool { return k.hubs != faults[0].hubs })
		if other >= 0 && number < o.faults && random.IntN(both) == 0 {
			number++
			faults = append(faults, w.newFault(o.seed, number, take(other)))
		}
		if err := w.endure(ctx, faults); err != nil {
			return fmt.Errorf("%s: %w", w.tally.current(), err)
		}
	}
	return nil
}

// endure has faults, and looks how long it takes until all is well again.
func (w *world) endure(ctx context.Context, faults []*fault) error {
	w.tally.begin(faults)
	heal, err := start(ctx, faults)
	if err != nil || ctx.Err() != nil {
		return err
	}
	turn := &w.pusher.turn
	if faults[0].alone {
		turn.Lock()
	}
	err = heal()
	since := time.Now()
	if !faults[0].alone {
		turn.Lock()
	}
	defer turn.Unlock()
	if err != nil || ctx.Err() != nil {
		return err
	}
	if since.Before(w.pusher.free) {
		since = w.pusher.free
	}
	took, err := w.settle(ctx, since)
	if err != nil || ctx.Err() != nil {
		return err
	}
	w.tally.healed(faults, took)
	return w.pusher.pushWell(ctx)
}

// start begins faults, each at its moment, and waits for as long as they last.
func start(ctx context.Context, faults []*fault) (heal func() error, err error) {
	var heals []func() error
	var lasts time.Duration
	for _, f := range faults {
		f.moment(ctx)
		one, err := f.start(ctx, f)
		if err != nil {
			return nil, err
		}
		heals, lasts = append(heals, one), max(lasts, f.lasts)
	}
	pause(ctx, lasts)
	return func() (err error) {
		for _, one := range heals {
			err = errors.Join(err, one())
		}
		return err
	}, nil
}

// settle waits until all agents have live what the hub has.
func (w *world) settle(ctx context.Context, since time.Time) (time.Duration, error) {
	var astray []string
	same := func() bool {
		astray = w.astray()
		return len(astray) == 0
	}
	if await(ctx, time.Until(since.Add(w.within)), same) || ctx.Err() != nil {
		return time.Since(since), nil
	}
	return 0, fmt.Errorf("%s later %s", w.within, strings.Join(astray, ", "))
}

// astray says which agents have something else live than the hub.
func (w *world) astray() (all []string) {
	want, err := linked(w.hub.app(), "current")
	if err != nil {
		return []string{"the hub: " + err.Error()}
	}
	for _, a := range w.agents {
		if has, err := linked(a.app(), "current"); has != want {
			all = append(all, fmt.Sprintf("%s has %.7s live (%v), the hub %.7s", a.name, has, err, want))
		}
	}
	return all
}
