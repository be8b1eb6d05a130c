package deploy

import (
	"context"
	"fmt"
	"time"

	"repoint/internal/durable"
	"repoint/releases"
	"repoint/retention"
)

// room makes room on the disk for what is about to be written. If that fits, it
// costs one statfs(2). Else the spare goes, and then what retention lets go is
// removed and deleted, as little as it takes; when all of it would not be enough
// no release is touched.
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
	if err := m.app.store.DropSpare(); err != nil {
		return m.app.diskFailure("cannot make room", err)
	}
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
		err := m.app.remove(ctx, m.lock, verdict, m.actor)
		if why := stays(err); why != "" {
			m.used[string(name)] = "stays: " + why
			continue
		}
		if err != nil {
			return err
		}
		m.removed++
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
