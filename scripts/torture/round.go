package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// kind is what a round kills.
type kind string

const (
	push     kind = "push"
	goBack   kind = "push of an older commit"
	rollback kind = "rollback"
	recovery kind = "recovery" // never a round's own: killed after one of the others
)

// round is one try that is killed, the recovery, and the push that follows.
type round struct {
	w      *world
	number int
	kind   kind
	group  bool    // kill git too
	twice  bool    // kill the recovery too
	same   bool    // the next push brings the same commit again
	live   bool    // go back by refs/deploy/live, not by force
	moment float64 // of the kill: 0 is the start, 1 the usual end
	again  float64 // the same for the recovery
	older  float64 // which commit to go back to: 0 is the oldest

	landed      bool // the kill came before the end
	landedAgain bool
	far         string // how far the try was
	after       time.Duration
}

func newRound(w *world, seed uint64, number int) *round {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	r := &round{w: w, number: number, kind: push,
		moment: 1.1 * random.Float64(), again: 1.1 * random.Float64(), older: random.Float64(),
		group: random.IntN(3) == 0, twice: random.IntN(10) == 0, same: random.IntN(2) == 0, live: random.IntN(2) == 0}
	switch n := random.IntN(20); {
	case n < 2:
		r.kind = rollback
	case n < 5:
		r.kind = goBack
	}
	return r
}

// run does the round and returns what did not hold.
func (r *round) run(ctx context.Context) (problems []string) {
	before, err := r.w.look()
	if err != nil {
		return []string{"before the kill: " + err.Error()}
	}
	try, want := r.plan(before)
	started := r.w.start(ctx, try)
	r.after = time.Duration(r.moment * float64(r.w.usual[r.kind]))
	if r.landed = !started.endsBefore(r.after); r.landed {
		started.kill(r.group || r.kind == rollback)
	}
	ended := r.w.gone(started)
	if !r.landed && ended.status != 0 {
		return []string{fmt.Sprintf("%s exited %d though nothing killed it: %s", try, ended.status, ended.said)}
	}
	if ended.status == 0 {
		problems = r.w.checkAnswered(want)
	}
	r.far = r.w.progress(before, want, ended.status)
	acknowledged := r.far == farRecorded || r.far == farAnswered

	if r.twice {
		r.killRecovery(ctx)
	}
	allowed := []commit{want}
	if !acknowledged {
		allowed = append(allowed, r.w.find(before.live))
	}
	if problems = append(problems, r.recover(ctx, allowed)...); len(problems) > 0 {
		return append(problems, fmt.Sprintf("the %s was killed when it was %s, and said: %s", r.kind, r.far, ended.said))
	}
	return r.goOn(ctx, want)
}

// plan chooses what is tried, and the commit that is live if it succeeds.
func (r *round) plan(now state) (try, commit) {
	switch r.kind {
	case rollback:
		return r.w.rollback(), r.w.find(now.previous)
	case goBack:
		older := r.w.commits[int(r.older*float64(r.w.next))]
		if r.live {
			return r.w.push(older, "deploy/live"), older
		}
		return r.w.push(older, "+main"), older
	}
	newer := r.w.commits[r.w.next]
	r.w.next++
	return r.w.push(newer, "main"), newer
}

// killRecovery starts what would recover, and kills it too.
func (r *round) killRecovery(ctx context.Context) {
	started := r.w.start(ctx, r.w.status())
	after := time.Duration(r.again * float64(r.w.usual[recovery]))
	if r.landedAgain = !started.endsBefore(after); r.landedAgain {
		started.kill(true)
	}
	r.w.gone(started)
}

// recover runs repoint status and checks everything.
func (r *round) recover(ctx context.Context, allowed []commit) (problems []string) {
	ended := r.w.start(ctx, r.w.status()).wait()
	if left := ofBuild(adopted()); len(left) > 0 {
		problems = append(problems, "processes of the build are left: "+describe(left))
		killAll(left)
	}
	if left := awaitOrphans(5 * time.Second); len(left) > 0 {
		problems = append(problems, "processes are left: "+describe(left))
		killAll(left)
	}
	if ended.status != 0 {
		return append(problems, fmt.Sprintf("repoint status exited %d: %s", ended.status, ended.said))
	}
	return append(problems, r.w.check(ended.stdout, allowed)...)
}

// goOn pushes again, undisturbed: the same commit or the next.
func (r *round) goOn(ctx context.Context, last commit) []string {
	to := last
	if !r.same || r.kind != push {
		to = r.w.commits[r.w.next]
		r.w.next++
	}
	try := r.w.push(to, "main")
	ended := r.w.start(ctx, try).wait()
	if ended.status != 0 {
		return []string{fmt.Sprintf("the next push, %s, exited %d: %s", try, ended.status, ended.said)}
	}
	if to.id != last.id {
		r.w.took(push, ended.took)
	}
	return append(r.w.checkAnswered(to), r.recover(ctx, []commit{to})...)
}
