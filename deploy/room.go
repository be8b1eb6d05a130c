package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"repoint/config"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/releases"
	"repoint/retention"
)

// room makes room on the disk for what is about to be written. If that fits, it
// costs one statfs(2). Else what retention lets go is removed and deleted, as
// little as it takes; when all of it would not be enough nothing is touched.
// Killed in between, it is a prune that was killed.
type room struct {
	app    *App
	lock   *releases.Lock
	policy retention.Policy
	want   retention.Amount
	actor  string
	tell   func(kind Kind, step, text string, took time.Duration)

	used    map[string]string // releases that were found in use, and how
	left    map[string]bool   // warnings that were given
	removed int
	freed   int64
}

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

// make makes the room, or fails.
func (m *room) make(ctx context.Context) error {
	if fits, err := m.fits(); fits || err != nil {
		return err
	}
	began := m.app.env.Now()
	err := m.free(ctx)
	text := "deleted what was removed before, " + Bytes(m.freed)
	if m.removed > 0 {
		text = fmt.Sprintf("removed %s, %s", number(m.removed, "release"), Bytes(m.freed))
	}
	if m.freed > 0 || m.removed > 0 {
		m.tell(Done, "Room", text, m.app.env.Now().Sub(began))
	}
	if err != nil && ctx.Err() != nil {
		return canceled(ctx)
	}
	return err
}

// free removes what must go until there is room. Each round removes something,
// or finds more that is in use, or ends.
func (m *room) free(ctx context.Context) error {
	for {
		fits, err := m.emptyTrash(ctx)
		if fits || err != nil {
			return err
		}
		plan, err := m.plan(ctx)
		if err != nil {
			return m.app.diskFailure("cannot make room", err)
		}
		if plan.Why != "" {
			return noRoom(plan)
		}
		if err := m.remove(ctx, plan.Remove); err != nil {
			return err
		}
	}
}

func (m *room) fits() (bool, error) {
	disk, err := m.app.disk()
	return err == nil && m.policy.Fits(disk, m.want), err
}

// emptyTrash deletes what is out of sight, and reports whether there is room
// then. What cannot be deleted is told, and fails nothing.
func (m *room) emptyTrash(ctx context.Context) (fits bool, err error) {
	gone, err := m.app.store.EmptyTrash(ctx, durable.Pace{})
	m.freed += gone.Bytes
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	warnings, err := notDeleted(err)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	for _, warning := range warnings {
		if !m.left[warning] {
			m.tell(Warning, "", warning, 0)
		}
		m.left[warning] = true
	}
	if fits, err = m.fits(); fits || err != nil || gone.Names == 0 {
		return fits, err
	}
	if err := m.app.store.Settle(); err != nil {
		return false, m.app.diskFailure("cannot make room", err)
	}
	return m.fits()
}

// plan says what must go, nothing of it in use. What was found in use counts as
// such for the next plan too.
func (m *room) plan(ctx context.Context) (retention.Room, error) {
	list, err := m.app.kept(ctx)
	if err != nil {
		return retention.Room{}, err
	}
	disk, err := m.app.disk()
	if err != nil {
		return retention.Room{}, err
	}
	for {
		for i := range list {
			list[i].Used = m.used[list[i].Name]
		}
		plan := retention.Need(list, m.policy, disk, m.want, m.app.env.Now())
		known := len(m.used)
		for _, verdict := range plan.Remove {
			if err := m.look(releases.Name(verdict.Release.Name)); err != nil {
				return plan, err
			}
		}
		if len(m.used) == known {
			return plan, nil
		}
	}
}

// look looks whether something uses a release.
func (m *room) look(name releases.Name) error {
	used, err := m.app.usedBy(name)
	if used != "" {
		m.used[string(name)] = used
	}
	return err
}

// remove takes away what must go, each after a last look. What is in use or was
// pinned meanwhile stays: the next round finds something else.
func (m *room) remove(ctx context.Context, verdicts []retention.Verdict) error {
	if err := m.letBackFirst(); err != nil {
		return err
	}
	for _, verdict := range verdicts {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := releases.Name(verdict.Release.Name)
		if err := m.look(name); err != nil {
			return m.app.diskFailure("cannot make room", err)
		}
		if m.used[string(name)] != "" {
			continue
		}
		var kept *releases.KeptError
		if err := m.app.remove(ctx, m.lock, verdict, m.actor); err != nil && !errors.As(err, &kept) {
			return err
		} else if err == nil {
			m.removed++
		}
	}
	return nil
}

// letBackFirst refuses to remove anything while a roll back waits: which release
// it goes to is not known here.
func (m *room) letBackFirst() error {
	waiting, _, err := m.app.store.Tickets()
	if err != nil {
		return m.app.diskFailure("cannot see who waits", err)
	}
	for _, ticket := range waiting {
		if Action(ticket.Action) == Rollback {
			return &Failure{Outcome: Superseded, Reason: "there is no room on the disk, and a roll back waits that may need what would go",
				Hint: "try again when that has ended"}
		}
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
