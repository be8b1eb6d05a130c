package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/releases"
	"repoint/retention"
)

// makeRoom is asked before the commit's tree is begun, and before the contents
// that Git LFS keeps for it are fetched.
func (r *run) makeRoom(ctx context.Context, o gitsrc.CheckoutOptions) error {
	m, err := r.room(ctx, o)
	if err != nil {
		return err
	}
	return m.make(ctx)
}

func (r *run) room(ctx context.Context, o gitsrc.CheckoutOptions) (*room, error) {
	space, err := r.repo.Measure(ctx, r.commit.Hash, o)
	if err != nil {
		return nil, r.checkoutFailure(ctx, err)
	}
	m := r.app.room(r.config, retention.Amount(space), r.req.Actor, r.tell)
	m.lock = r.lock
	return m, nil
}

func (a *App) room(cfg config.Config, want retention.Amount, actor string, tell func(Kind, string, string, time.Duration)) *room {
	return &room{app: a, policy: policyOf(cfg.Retention), want: want, actor: actor, tell: tell,
		used: map[string]string{}, left: map[string]bool{}}
}

// roomToUnpack is asked before an archive is unpacked, for as many bytes as it
// has itself if that is known. Releases only go while no deploy is running.
func (a *App) roomToUnpack(ctx context.Context, cfg config.Config, in Archive, sink Sink) error {
	m := a.room(cfg, retention.Amount{Bytes: in.Size, Inodes: 1}, in.Actor, func(kind Kind, step, text string, took time.Duration) {
		sink(Event{Time: a.env.Now(), Kind: kind, Step: step, Text: text, Took: took})
	})
	if fits, err := m.fits(); fits || err != nil {
		return err
	}
	lock, free, err := a.store.TryLock()
	if err != nil {
		return a.diskFailure("cannot take the lock", err)
	}
	if !free {
		return &Failure{Outcome: Superseded, Reason: "there is no room for the archive, and none is made while a deploy is running",
			Hint: "send it again when that has ended"}
	}
	notes, err := a.repair(ctx, lock)
	for _, note := range notes {
		m.tell(Warning, "", note, 0)
	}
	m.lock = lock
	if err == nil {
		err = m.make(ctx)
	}
	if err = errors.Join(err, lock.Unlock()); err != nil {
		return a.diskFailure("cannot make room", err)
	}
	return nil
}

// noRoom is the refusal, with all that would help.
func noRoom(plan retention.Room) *Failure {
	f := &Failure{Reason: "no room on the disk: " + plan.Why}
	for _, help := range plan.Help {
		f.More = append(f.More, "what would help: "+help.Text)
	}
	last := len(f.More) - 1 // it is not about releases, and always there
	f.More, f.Hint = f.More[:last], plan.Help[last].Text
	return f
}

// planned says in a line what would go.
func (m *room) planned(ctx context.Context) (string, error) {
	if fits, err := m.fits(); fits || err != nil {
		return "", err
	}
	plan, err := m.plan(ctx)
	if err != nil || len(plan.Remove) == 0 {
		if err == nil && plan.Why != "" {
			err = noRoom(plan)
		}
		return "", err
	}
	var names []string
	bytes := int64(0)
	for _, verdict := range plan.Remove {
		names = append(names, releases.Name(verdict.Release.Name).Short())
		bytes += verdict.Release.Bytes
	}
	return fmt.Sprintf("make room: remove %s, %s", strings.Join(names, ", "), Bytes(bytes)), nil
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
