package deploy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"repoint/gitsrc"
	"repoint/releases"
)

// start takes the request: its number, its line in the journal, its log.
func (r *run) start(ctx context.Context) error {
	if err := r.aim(); err != nil {
		return err
	}
	line := releases.Line{Time: r.began, Action: string(r.req.Action), Ref: r.req.Ref, Commit: string(r.req.Commit),
		Actor: r.req.Actor, Via: r.req.Via, Reason: r.req.Reason, Override: r.req.Override,
		Asked: string(r.req.Asked)}
	ticket := releases.Ticket{Action: line.Action, Ref: line.Ref, Commit: line.Commit, Actor: line.Actor, Since: r.began}
	if err := r.readCommit(ctx); err != nil {
		return err
	}
	line.Subject, line.Author = r.commit.Subject, r.commit.Author
	ticket.Forward = r.isForward(ctx)
	if err := r.writeDown(line, ticket); err != nil && !r.unrecorded(err) {
		return err
	}
	r.tell(Title, "", r.title(), 0)
	return nil
}

// aim settles where a roll back without a name goes when it is asked for, not
// when its turn has come: what a deploy that runs meanwhile makes live is not
// what somebody wanted to go back from.
func (r *run) aim() error {
	if r.req.Action != Rollback || r.req.To != "" {
		return nil
	}
	links, err := r.app.store.Links()
	if err != nil {
		return linkFailure(err)
	}
	if r.req.IfLive != "" && r.req.IfLive != links.Current {
		return nil // resolveRollback says so
	}
	if to, err := r.app.goBackTo("", links); err == nil { // else resolveRollback says so, too
		r.req.To = string(to)
	}
	return nil
}

func (r *run) writeDown(line releases.Line, ticket releases.Ticket) error {
	waiting, err := r.app.store.Begin(line, ticket)
	if err != nil {
		return r.app.diskFailure("cannot take the request", err)
	}
	r.waiting, r.id = waiting, waiting.Deploy
	if r.log, err = r.app.store.CreateLog(r.id); err != nil {
		return r.app.diskFailure("cannot write the log", err)
	}
	r.sink = Tee(Printer(r.log), r.sink)
	return nil
}

// unrecorded reports whether the request goes on though err kept it from being
// written down. A way back does when the disk is full: the link needs no space,
// and the next opening of the app writes down where it found it.
func (r *run) unrecorded(err error) bool {
	if r.req.Action != Rollback || !isDiskFull(err) {
		return false
	}
	r.tell(Warning, "", "the disk is full; going back without writing it down: "+err.Error(), 0)
	return true
}

// readCommit reads the commit that was asked for, if the request names one.
func (r *run) readCommit(ctx context.Context) (err error) {
	if r.req.Commit == "" {
		return nil
	}
	r.repo, err = r.app.Repo()
	if errors.Is(err, ErrNoSource) {
		r.commit, err = r.app.commitOf(r.req)
		return err
	}
	if err != nil {
		return r.app.diskFailure("cannot read the source", err)
	}
	r.commit, err = r.repo.Commit(ctx, r.req.Commit)
	if r.req.Artifact != nil && errors.Is(err, gitsrc.ErrNotFound) {
		r.commit, err = gitsrc.Commit{Hash: r.req.Commit}, nil
	}
	if err != nil {
		return &Failure{Reason: "cannot read commit " + r.req.Commit.Short(), More: []string{err.Error()}, Cause: err}
	}
	return nil
}

// isForward reports whether the pusher saw the push as a fast-forward.
func (r *run) isForward(ctx context.Context) bool {
	if r.req.Push == nil {
		return false
	}
	if r.req.Push.Old.IsZero() || slices.Contains(r.commit.Parents, r.req.Push.Old) {
		return true
	}
	ahead, err := r.repo.IsAncestor(ctx, r.req.Push.Old, r.req.Commit)
	return err == nil && ahead
}

// poll is how often a waiting request looks whether its turn has come.
const poll = 40 * time.Millisecond

// takeTurn waits for the app's lock and repairs what its last holder left. A
// request that a newer one overtakes while it waits ends here.
func (r *run) takeTurn(ctx context.Context) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	aside := false
	for tries := 0; ; tries++ {
		lock, free, err := r.app.store.TryLock()
		if err != nil {
			return r.app.diskFailure("cannot take the lock", err)
		}
		if free {
			r.lock = lock
		}
		if err := r.giveWay(ctx); err != nil {
			return err
		}
		if free {
			return r.enter(ctx)
		}
		if tries == 1 { // a reader may have held the lock for an instant
			r.tell(Wait, "", "waiting for "+r.holding(), 0)
		}
		if tries > 0 && !aside { // who has just got the lock may not have said so yet
			aside = r.pushAside()
		}
		select {
		case <-ctx.Done():
			return canceled(ctx)
		case <-ticker.C:
		}
	}
}

// pushAside stops the deploy that runs, for a roll back that somebody asked for:
// going back does not wait for a build. Whoever may not stop it waits. It
// returns false when it is to be tried again.
func (r *run) pushAside() (done bool) {
	if r.req.Action != Rollback || r.req.IfLive != "" {
		return true
	}
	stopped, err := r.app.Cancel()
	if err == nil {
		r.tell(Warning, "", fmt.Sprintf("deploy %d was told to stop", stopped.Deploy), 0)
	}
	return err == nil
}

// holding says who has the lock: a deploy, or else what leaves no name there.
func (r *run) holding() string {
	holder := r.app.store.Holder()
	if _, end, err := r.app.store.Deploy(holder.Deploy); holder.Deploy == 0 || end != nil || err != nil {
		return "a prune or a repair to end"
	}
	return describe(holder.Ticket, r.app.env.Now())
}

func describe(t releases.Ticket, now time.Time) string {
	text := fmt.Sprintf("deploy %d (%s", t.Deploy, shortRef(t.Ref))
	if t.Commit != "" {
		text += " " + gitsrc.Hash(t.Commit).Short()
	}
	if t.Actor != "" {
		text += " by " + t.Actor
	}
	return text + ", " + now.Sub(t.Since).Round(time.Second).String() + ")"
}

// giveWay ends the request when a newer one has taken its place.
func (r *run) giveWay(ctx context.Context) error {
	if r.waiting == nil || r.req.Action == Try { // what is only tried takes nobody's place
		return nil
	}
	alive, _, err := r.app.store.Tickets()
	if err != nil {
		return r.app.diskFailure("cannot see who waits", err)
	}
	holder := r.app.store.Holder()
	if r.lock != nil {
		holder = r.lock.Before()
	}
	if holder.Deploy > r.id {
		alive = append(alive, holder.Ticket)
	}
	alive = slices.DeleteFunc(alive, func(t releases.Ticket) bool { return t.Action == string(Try) })
	by, yes := supersededBy(r.waiting.Ticket, alive, r.descends(ctx))
	if !yes {
		return nil
	}
	return &Failure{Outcome: Superseded, Reason: fmt.Sprintf("superseded by deploy %d, %s %s",
		by.Deploy, shortRef(by.Ref), gitsrc.Hash(by.Commit).Short())}
}

// descends asks git once for each pair: a waiting request looks often.
func (r *run) descends(ctx context.Context) descends {
	return func(older, newer string) bool {
		pair := older + newer
		ahead, known := r.ahead[pair]
		if !known && r.repo != nil {
			ok, err := r.repo.IsAncestor(ctx, gitsrc.Hash(older), gitsrc.Hash(newer))
			ahead = ok && err == nil
			r.ahead[pair] = ahead
		}
		return ahead
	}
}

// enter has the lock: it says so to those who wait, and repairs.
func (r *run) enter(ctx context.Context) error {
	notes, err := r.app.repair(ctx, r.lock)
	for _, note := range notes {
		r.tell(Warning, "", note, 0)
	}
	if err != nil && !r.unrecorded(err) {
		return r.app.diskFailure("cannot clean up", err)
	}
	r.mark = rand.Text()
	if r.waiting == nil {
		return nil
	}
	err = r.lock.Hold(releases.Holder{Deploy: r.id, Ticket: r.waiting.Ticket, Mark: r.mark})
	if err != nil && !r.unrecorded(err) {
		return r.app.diskFailure("cannot take the lock", err)
	}
	waiting := r.waiting
	r.waiting = nil
	if err := waiting.Done(); err != nil {
		return r.app.diskFailure("cannot take the lock", err)
	}
	return nil
}

// becauseCanceled is what a failure is called when the request was told to stop:
// whatever was under way failed because of that. What happened after the switch
// keeps its name.
func becauseCanceled(ctx context.Context, err error) error {
	if f := asFailure(err); f.Outcome != "" {
		return f
	}
	return canceled(ctx)
}

func canceled(ctx context.Context) *Failure {
	return &Failure{Outcome: Canceled, Reason: "stopped before the switch", Cause: errors.Join(context.Cause(ctx))}
}
