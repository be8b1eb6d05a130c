package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
)

// keeper makes one app of an agent what the last state says. It obeys states in
// the order of their generations, each at most once, and none that is older than
// what it remembers.
//
// One goroutine owns all of it; what takes long is a job in another one, which a
// newer state cancels unless it asks for the same.
type keeper struct {
	agent string
	app   string
	dir   string
	env   deploy.Env
	disk  durable.Disk
	fetch func(ctx context.Context, app *deploy.App, r Release) (*deploy.Artifact, error)
	tell  func(Report)              // sends it to the hub; may be lost
	later func(after time.Duration) // has the state read again
	log   zerolog.Logger

	memory memory
	tries  int // deploys of the last state that failed and may be tried again
	job    *job
	commit string // what is live, when that was looked at last
}

// job makes an app what one state says, or a later one that says the same.
type job struct {
	live, next Release
	obeyed     bool          // live was made live before
	hold       time.Duration // how long next is kept ready
	flip       chan struct{} // closed when next is to go live
	flipped    bool
	held       bool // next is ready, all but the switch
	cancel     context.CancelFunc
	said       chan said // Ready at most once, then how it ended
}

// said is what a job says.
type said struct {
	phase  Phase
	reason string
	again  bool   // of Failed: it may be tried again
	ran    bool   // of Failed: a deploy was begun
	commit string // what is live
}

// run obeys states until ctx ends: each as it comes in, signed. Whoever sends on
// asked wants to hear how the app is.
func (k *keeper) run(ctx context.Context, states <-chan []byte, asked <-chan struct{}) error {
	var err error
	if k.memory, err = recall(k.dir); err != nil {
		return err
	}
	k.commit = k.live()
	for {
		select {
		case <-ctx.Done():
			if k.job != nil {
				k.drop()
				k.remember()
			}
			return ctx.Err()
		case data := <-states:
			if err := k.obey(ctx, data); err != nil {
				k.log.Warn().Err(err).Str("app", k.app).Msg("state not obeyed")
			}
		case <-asked:
			k.commit = k.live()
			k.report()
		case is, more := <-k.saying():
			if more {
				k.heard(is)
			} else {
				k.drop()
				k.remember()
			}
		}
	}
}

// saying is where the job speaks, if there is one.
func (k *keeper) saying() <-chan said {
	if k.job == nil {
		return nil
	}
	return k.job.said
}

// obey takes a state as it came.
func (k *keeper) obey(ctx context.Context, data []byte) error {
	s, err := Open(k.memory.Hub, k.app, data)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	again := slices.Equal(sum[:], k.memory.State)
	if k.memory.Phase == Failed {
		k.drop() // if it is there still, it is about to end
	}
	switch {
	case s.Generation < k.memory.Generation:
		return fmt.Errorf("generation %d is older than %d, which was obeyed", s.Generation, k.memory.Generation)
	case s.Generation == k.memory.Generation && !again:
		return fmt.Errorf("another generation %d than the one that was obeyed", s.Generation)
	case again && (k.job != nil || k.memory.Phase == Live || k.memory.Phase == Idle || k.memory.Phase == Failed && !k.memory.Again):
		k.report()
		return nil
	}
	idle := slices.Contains(s.Idle, k.agent)
	live, next := s.For(k.agent)
	if next.Tree == live.Tree {
		next = Release{}
	}
	j := k.job
	flips := j != nil && !idle && j.held && !j.flipped && j.next.Tree == live.Tree
	same := j != nil && !idle && j.live.Tree == live.Tree && j.next.Tree == next.Tree
	if !flips && !same {
		k.drop()
	}
	obeyed := !flips && live.Tree != "" && k.memory.Tree == live.Tree // also if somebody has gone back on this machine since
	done := !same && !idle && obeyed && next.Tree == ""
	if !again {
		k.tries = 0
	}
	k.memory.Generation, k.memory.State = s.Generation, sum[:]
	if !same {
		k.memory.Phase, k.memory.Reason, k.memory.Again = "", "", false
	}
	switch {
	case idle:
		k.memory.Phase = Idle
	case done:
		k.memory.Phase = Live
	case !same && !obeyed:
		k.memory.Tree = ""
	}
	if err := k.memory.keep(k.disk, k.dir); err != nil {
		k.drop()
		k.memory.Phase, k.memory.Reason, k.memory.Again = Failed, err.Error(), true
		k.report()
		k.later(retryAfter)
		return err
	}
	switch {
	case flips:
		j.live, j.next, j.flipped = live, next, true
		close(j.flip)
	case done:
		k.commit = k.live()
		k.report()
	case !same && !idle:
		k.begin(ctx, &job{obeyed: obeyed, live: live, next: next, hold: time.Duration(s.Hold) * time.Second})
	default:
		k.report()
	}
	return nil
}

// begin starts a job.
func (k *keeper) begin(ctx context.Context, j *job) {
	ctx, j.cancel = context.WithCancel(ctx)
	j.flip, j.said = make(chan struct{}), make(chan said, 2)
	k.job = j
	go k.work(ctx, *j, k.memory.Generation)
}

// drop ends the job, and waits until it has: whatever it had not switched to is
// not live.
func (k *keeper) drop() {
	if k.job == nil {
		return
	}
	k.job.cancel()
	for range k.job.said { // nobody wants to know any more
	}
	k.job = nil
}

// heard notes what the job says, and passes it on: before anything is written down,
// because many wait for it.
func (k *keeper) heard(is said) {
	k.job.held = is.phase == Ready
	k.memory.Phase, k.memory.Reason, k.memory.Again = is.phase, is.reason, is.again
	k.commit = is.commit
	if is.phase == Live {
		k.memory.Tree = k.job.live.Tree
	}
	k.report()
	if is.again {
		k.later(k.patience(is.ran))
	}
}

// remember writes down how the job has ended. Should that fail, it is found out again
// at the next start.
func (k *keeper) remember() {
	if err := k.memory.keep(k.disk, k.dir); err != nil {
		k.log.Warn().Err(err).Msg("not written down")
	}
}

const (
	retryAfter = 5 * time.Second // when what has failed without changing anything is tried again
	retryMost  = 5 * time.Minute // at most, of deploys, which run hooks and stand in the journal
)

// patience is how long to wait before the same is tried again.
func (k *keeper) patience(ran bool) time.Duration {
	if !ran {
		return retryAfter
	}
	k.tries++
	return min(retryAfter<<min(k.tries-1, 10), retryMost)
}

func (k *keeper) report() {
	k.tell(Report{Agent: k.agent, Generation: k.memory.Generation, Phase: k.memory.Phase, Reason: k.memory.Reason,
		Commit: k.commit, Time: time.Now().UTC()})
}

// live is the commit that is live, "" if that cannot be said.
func (k *keeper) live() string {
	app, err := deploy.Open(k.dir, k.env)
	if err != nil {
		return ""
	}
	defer app.Close()
	links, err := app.Store().Links()
	if err != nil || links.Current == "" {
		return ""
	}
	return links.Current.Commit()
}

// work is a job: it makes live what is to be, then has ready what is to be, and at
// the flip makes that live.
func (k *keeper) work(ctx context.Context, j job, generation uint64) {
	defer close(j.said)
	var err error
	if !j.obeyed {
		err = k.bring(ctx, j.live, generation, nil, nil)
	}
	if err == nil && j.next.Tree == "" {
		j.said <- said{phase: Live, commit: k.live()}
		return
	}
	proved := false
	if err == nil {
		err = k.bring(ctx, j.next, generation, func(ctx context.Context) error {
			j.said <- said{phase: Ready, commit: j.live.Commit}
			over := time.NewTimer(j.hold)
			defer over.Stop()
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-j.flip:
				return nil
			case <-over.C:
				return fmt.Errorf("%w for %s", errHeld, j.hold)
			}
		}, func() {
			proved = true
			j.said <- said{phase: Live, commit: j.next.Commit}
		})
	}
	if err == nil || proved {
		return
	}
	var f *deploy.Failure
	wentBack := errors.As(err, &f) && (f.Outcome == deploy.WentBack || f.Outcome == deploy.Broken)
	var ran *ranError
	j.said <- said{phase: Failed, reason: err.Error(), again: !wentBack && !errors.Is(err, errHeld), ran: errors.As(err, &ran), commit: k.live()}
}

// ranError is the failure of a deploy that was begun.
type ranError struct{ *deploy.Failure }

func (e *ranError) Unwrap() error { return e.Failure }

// errHeld is why a release that is ready is let go of.
var errHeld = errors.New("it was ready, and the hub said nothing")

// bring makes a release live, fetching it if need be, unless it is. With held it
// stops before the switch until that returns; proved is told when it is live.
func (k *keeper) bring(ctx context.Context, r Release, generation uint64, held func(context.Context) error, proved func()) error {
	if r.Tree == "" {
		return nil
	}
	app, err := deploy.Open(k.dir, k.env)
	if err != nil {
		return err
	}
	defer app.Close()
	req := deploy.Request{Action: deploy.Rollback, Commit: gitsrc.Hash(r.Commit), Via: "fleet", Actor: "hub", Reason: fmt.Sprintf("generation %d", generation),
		Held: held, Proved: proved}
	name, err := app.ReleaseOf(r.Tree)
	switch {
	case errors.Is(err, deploy.ErrNotFound):
		if req.Artifact, err = k.fetch(ctx, app, r); err == nil {
			defer req.Artifact.Discard()
			req.Action, req.Rebuild = deploy.Live, true
		}
	case err == nil:
		var links releases.Links
		if links, err = app.Store().Links(); err == nil && links.Current == name {
			return already(ctx, held, proved)
		}
		req.To = string(name)
	}
	if err != nil {
		return err
	}
	if result := app.Deploy(ctx, req, func(deploy.Event) {}); result.Failure != nil {
		return &ranError{result.Failure}
	}
	return nil
}

// already is bring of what is live.
func already(ctx context.Context, held func(context.Context) error, proved func()) error {
	if held == nil {
		return nil
	}
	err := held(ctx)
	if err == nil {
		proved()
	}
	return err
}
