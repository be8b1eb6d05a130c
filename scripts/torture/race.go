package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
)

// grace is how long a release stays after it was live. A reader that has
// resolved the link has that long for what it reads.
const grace = time.Second

const retention = "[retention]\nkeep = 1\nfailed_keep = 0\nmin_free = 0\ngrace = \"1s\"\n"

// race is everything at once on one app: pushers, roll backs, promotions, pins,
// prunes, readers, and one who watches that nothing goes that is needed.
type race struct {
	w    *world
	seed uint64
	over chan struct{} // closed when nothing new is begun

	mu       sync.Mutex
	tries    []told
	pinned   string
	prunes   int // that were not told to come back later
	removed  int
	reads    int64
	looks    int64
	problems []string
}

// told is a try that has its id as the reason in the journal, and how it ended.
type told struct {
	id, what string
	end      ending
}

// runRace lets all loose for so long, prunes once more, and prints what happened.
func runRace(ctx context.Context, length time.Duration, seed uint64, keep bool) (passed bool, err error) {
	w, err := newWorld(ctx)
	if err != nil {
		return false, fmt.Errorf("setting up: %w", err)
	}
	r := &race{w: w, seed: seed, over: make(chan struct{})}
	defer func() { w.close(keep && len(r.problems) > 0) }()
	if err := os.WriteFile(w.path("repoint.toml"), []byte(retention), 0o644); err != nil {
		return false, err
	}
	began := time.Now()
	var all sync.WaitGroup
	for n, actor := range []struct {
		pause time.Duration // at most, and half of it as a rule
		act   func(context.Context, *rand.Rand)
	}{
		{time.Second, r.push}, {time.Second, r.push}, {time.Second / 8, r.prune}, {time.Second, r.pin},
		{4 * time.Second, r.promote}, {4 * time.Second, r.goBack}, // these stop the push that runs
	} {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		all.Go(func() { r.repeat(ctx, random, actor.pause, actor.act) })
	}
	for _, read := range []func() (int64, error){w.readThroughHandle, w.readThroughHandle, w.readResolved} {
		all.Go(func() { r.counting(&r.reads, read) })
	}
	all.Go(func() { r.counting(&r.looks, w.lookAtNeeded) })
	for began := time.Now(); ctx.Err() == nil; {
		time.Sleep(100 * time.Millisecond)
		if gone := time.Since(began); gone > length && r.proves() || gone > 5*length {
			break
		}
	}
	close(r.over)
	all.Wait()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	r.finish(ctx)
	r.print(os.Stdout, time.Since(began))
	return len(r.problems) == 0, nil
}

// proves reports whether something has been read, and removed: on a slow machine a
// prune waits long for a moment when no deploy runs.
func (r *race) proves() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removed > 0 && r.reads > 0
}

// repeat acts with pauses, in which a prune has its turn: it never waits for one.
func (r *race) repeat(ctx context.Context, random *rand.Rand, pause time.Duration, act func(context.Context, *rand.Rand)) {
	for {
		select {
		case <-r.over:
			return
		case <-time.After(time.Duration(random.Int64N(int64(pause)))):
			act(ctx, random)
		}
	}
}

// counting looks as fast as it can. What it finds wrong is told a few times.
func (r *race) counting(n *int64, look func() (int64, error)) {
	for {
		select {
		case <-r.over:
			return
		default:
		}
		looks, err := look()
		r.mu.Lock()
		*n += looks
		r.mu.Unlock()
		if err != nil {
			r.fault(err.Error())
		}
	}
}

func (r *race) fault(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.problems = append(r.problems, text); len(r.problems) <= 20 {
		fmt.Printf("FAIL %s\n", text)
	}
}

// run runs a try that the journal will know by its id.
func (r *race) run(ctx context.Context, what string, random *rand.Rand, try func(id string) try) {
	id := fmt.Sprintf("%s %x", what, random.Uint64())
	end := r.w.start(ctx, try(id)).wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries = append(r.tries, told{id, what, end})
}

// push makes a commit live, or stages it: any of the first ones, so that those
// that were removed come back.
func (r *race) push(ctx context.Context, random *rand.Rand) {
	ref := []string{"+main", "+main", "+main", "deploy/live", "deploy/next"}[random.IntN(5)]
	c := r.w.commits[random.IntN(20)]
	r.run(ctx, "push to "+ref, random, func(id string) try {
		t := r.w.push(c, ref)
		return append(try{t[0], t[1], "-o", "reason=" + id}, t[2:]...)
	})
}

func (r *race) goBack(ctx context.Context, random *rand.Rand) {
	r.run(ctx, "rollback", random, func(id string) try { return append(r.w.rollback(), "--reason", id) })
}

func (r *race) promote(ctx context.Context, random *rand.Rand) {
	r.run(ctx, "promote", random, func(id string) try { return try{r.w.exe, "promote", r.w.app, "--reason", id} })
}

// pin pins a release that is there, in place of the one that was pinned before.
func (r *race) pin(ctx context.Context, random *rand.Rand) {
	if r.pinned != "" {
		if end := r.w.start(ctx, try{r.w.exe, "unpin", r.w.app, r.pinned}).wait(); end.status != 0 {
			r.fault(fmt.Sprintf("unpin exited %d: %s", end.status, end.said))
		}
		r.pinned = ""
	}
	names := r.w.names()
	commit := strings.TrimPrefix(names[random.IntN(len(names))], "code_")
	end := r.w.start(ctx, try{r.w.exe, "pin", r.w.app, commit, "-m", "race"}).wait()
	switch {
	case end.status == 0:
		r.pinned = commit
		if _, err := os.Stat(r.w.path("code_" + commit)); err != nil {
			r.fault("pinned, and not there: " + err.Error())
		}
	case end.status != 5: // it may just have been removed, or not be built yet
		r.fault(fmt.Sprintf("pin exited %d: %s", end.status, end.said))
	}
}

func (r *race) prune(ctx context.Context, _ *rand.Rand) {
	end := r.w.start(ctx, try{r.w.exe, "prune", r.w.app, "--json"}).wait()
	var said []struct{ Removed []string }
	if err := json.Unmarshal(end.stdout, &said); err != nil || end.status != 0 && end.status != 4 {
		r.fault(fmt.Sprintf("prune exited %d: %s (%v)", end.status, end.said, err))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if end.status == 0 {
		r.prunes++
	}
	for _, app := range said {
		r.removed += len(app.Removed)
	}
}
