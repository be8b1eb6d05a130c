package deploy

import (
	"context"
	"slices"
	"time"

	"repoint/config"
	"repoint/internal/usage"
	"repoint/releases"
	"repoint/retention"
)

// Retention says of each release, the newest build first, whether it stays and
// why. What uses a release is not looked at before it is to go.
func (a *App) Retention(ctx context.Context) ([]retention.Verdict, error) {
	return a.plan(ctx, func(retention.Policy, retention.Disk) bool { return true })
}

// due is Retention for whoever acts on it. To measure the trees means to look at
// each file of them, so it is only done if the policy asks what they take; else
// what goes is measured, and what stays has no amount.
func (a *App) due(ctx context.Context) ([]retention.Verdict, error) {
	verdicts, err := a.plan(ctx, asksSizes)
	if err != nil {
		return nil, err
	}
	for i := range verdicts {
		if verdicts[i].Remove {
			if err := a.measure(ctx, &verdicts[i].Release); err != nil {
				return nil, err
			}
		}
	}
	return verdicts, nil
}

func asksSizes(p retention.Policy, disk retention.Disk) bool {
	return p.MaxSize > 0 || !p.Fits(disk, retention.Amount{})
}

func (a *App) plan(ctx context.Context, asks func(retention.Policy, retention.Disk) bool) ([]retention.Verdict, error) {
	cfg, err := a.Config(ctx, "")
	if err != nil {
		return nil, configFailure(err)
	}
	disk, err := a.disk()
	if err != nil {
		return nil, err
	}
	policy := policyOf(cfg.Retention)
	read := a.known
	if asks(policy, disk) {
		read = func() ([]retention.Release, error) { return a.kept(ctx) }
	}
	list, err := read()
	if err != nil {
		return nil, err
	}
	return retention.Plan(list, policy, disk, a.env.Now()), nil
}

// disk is what is free where the app lies.
func (a *App) disk() (retention.Disk, error) {
	bytes, inodes, err := a.env.Free(a.Dir)
	if inodes == usage.Unlimited {
		inodes = -1
	}
	return retention.Disk{FreeBytes: bytes, FreeInodes: inodes}, err
}

func policyOf(c config.Retention) retention.Policy {
	return retention.Policy{Keep: c.Keep, MaxAge: time.Duration(c.MaxAge), MaxSize: int64(c.MaxSize), MinFree: int64(c.MinFree),
		MinInodes: int64(c.MinInodes), Grace: time.Duration(c.Grace), FailedKeep: c.FailedKeep, FailedAge: time.Duration(c.FailedAge)}
}

// kept is what retention has to know of all releases.
func (a *App) kept(ctx context.Context) ([]retention.Release, error) {
	list, err := a.known()
	for i := range list {
		if err == nil {
			err = a.measure(ctx, &list[i])
		}
	}
	return list, err
}

// measure finds out what a release takes, if it is not known yet.
func (a *App) measure(ctx context.Context, r *retention.Release) error {
	if r.Amount != (retention.Amount{}) {
		return nil
	}
	size, err := usage.Of(ctx, a.store.Path(releases.Name(r.Name)))
	r.Amount = retention.Amount{Bytes: size.Bytes, Inodes: size.Inodes}
	return err
}

// known is kept without what the releases take.
func (a *App) known() ([]retention.Release, error) {
	found, err := a.store.List()
	if err != nil {
		return nil, linkFailure(err)
	}
	lives, whole, err := a.store.Lives()
	if err != nil {
		return nil, err
	}
	pins, err := a.store.Pins()
	if err != nil {
		return nil, err
	}
	wanted, building, back, err := a.awaited()
	if err != nil {
		return nil, err
	}
	held := building != "" && a.ofAgent() // all that an agent's deploys make was built on the hub
	list := []retention.Release{}
	for _, f := range found {
		life := lives[f.Name]
		r := retention.Release{Name: string(f.Name), Live: f.Live, Previous: f.Previous, Next: f.Next,
			Back: f.Name == back, Waiting: slices.Contains(wanted, f.Name.Commit()),
			Building: building == f.Name.Commit() && !held, Held: building == f.Name.Commit() && held,
			Bad: life.Bad, LeftLive: life.Left, Left: life.LeftSeq}
		if f.Seal != nil {
			r.Sealed, r.Built, r.Deploy = true, f.Seal.Time, f.Seal.Deploy
			r.NeverLive = whole && !life.Ever
		}
		if pin, pinned := pins[f.Name]; pinned {
			r.Pinned = "by " + pin.By + ": " + pin.Why
		}
		list = append(list, r)
	}
	return list, nil
}

// awaited returns the commits that requests wait for, the one that is being
// deployed now, and where a roll back without a name would go.
func (a *App) awaited() (wanted []string, building string, back releases.Name, err error) {
	tickets, _, err := a.store.Tickets()
	if err != nil {
		return nil, "", "", err
	}
	for _, ticket := range tickets {
		wanted = append(wanted, ticket.Commit)
	}
	if holder := a.store.Holder(); holder.Deploy != 0 {
		_, end, err := a.store.Deploy(holder.Deploy)
		if err != nil {
			return nil, "", "", err
		}
		if end == nil {
			building = holder.Ticket.Commit
		}
	}
	links, err := a.store.Links()
	if err != nil {
		return nil, "", "", linkFailure(err)
	}
	back, err = a.store.LastGood(links)
	return wanted, building, back, err
}
