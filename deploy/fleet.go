package deploy

import (
	"context"
	"fmt"

	"repoint/config"
	"repoint/releases"
)

// Fleet are the other machines that run an app, its agents. Whoever uses it holds
// the app's lock. After an error of Prepare or Flip, Follow is to be called.
type Fleet interface {
	// Prepare has the agents get a sealed release ready, all but the switch; from is
	// what is live.
	Prepare(ctx context.Context, release, from releases.Name) (Muster, error)
	// Flip has them make it live, and prove it. After an error it may be live on
	// some of them.
	Flip(ctx context.Context) (Muster, error)
	// Follow has them let go of what was prepared, and make live what is live here.
	// It waits for them if they had begun to make something else live.
	Follow(ctx context.Context, live releases.Name) (Muster, error)
	Close() error
}

// Muster is what became of asking the agents for something.
type Muster struct {
	Text    string   // how many have done it; "": nobody was waited for
	Missing []string // who has not, and why: one line each
}

// OpenFleet opens the fleet of an app.
type OpenFleet func(ctx context.Context, app *App, cfg config.Fleet, action Action) (Fleet, error)

// leads reports whether the app has agents that follow it.
func (r *run) leads() bool { return len(r.config.Fleet.Agents) > 0 && r.app.env.Fleet != nil }

// readyFleet has the agents get the release ready. Going back waits for nobody:
// what cannot be reached follows when it can.
func (r *run) readyFleet(ctx context.Context) error {
	if !r.leads() {
		return nil
	}
	fleet, err := r.app.env.Fleet(ctx, r.app, r.config.Fleet, r.req.Action)
	if err == nil {
		r.fleet = fleet
		err = r.muster("Fleet", func() (Muster, error) { return fleet.Prepare(ctx, r.release, r.before.Current) })
	}
	if err == nil || r.req.Action != Rollback || ctx.Err() != nil {
		return err
	}
	r.tell(Warning, "", err.Error()+"; it follows when it can", 0)
	r.fleetLate = true
	return nil
}

// flipFleet has the agents make live what is live here.
func (r *run) flipFleet(ctx context.Context) error {
	if r.fleet == nil {
		return nil
	}
	err := r.muster("Flip", func() (Muster, error) {
		if r.fleetLate {
			return r.fleet.Follow(ctx, r.release)
		}
		return r.fleet.Flip(ctx)
	})
	if err == nil || r.req.Action != Rollback || ctx.Err() != nil {
		return err
	}
	r.tell(Warning, "", err.Error()+"; it follows when it can", 0)
	return nil
}

// fleetFollows has the agents go back to what was live before. Those that do not
// now will when they can.
func (r *run) fleetFollows(ctx context.Context) {
	if r.fleet == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	err := r.muster("Fleet", func() (Muster, error) { return r.fleet.Follow(ctx, r.before.Current) })
	if err != nil {
		r.tell(Warning, "", err.Error()+"; it follows when it can", 0)
	}
}

// muster is one step of the agents.
func (r *run) muster(step string, ask func() (Muster, error)) error {
	began := r.app.env.Now()
	m, err := ask()
	if err != nil {
		return &Failure{Reason: oneLine(fmt.Sprintf("fleet: %s", err)), Cause: err}
	}
	if m.Text != "" {
		r.tell(Done, step, m.Text, r.app.env.Now().Sub(began))
	}
	for _, missing := range m.Missing {
		r.tell(Warning, "", missing, 0)
	}
	return nil
}

// serves reports whether this machine's services run the app.
func serves(cfg config.Config) bool { return len(cfg.Fleet.Agents) == 0 || cfg.Fleet.ServeHere }

// buildsHere reports whether build hooks run on this machine.
func (r *run) buildsHere() bool {
	return len(r.config.Fleet.Agents) == 0 || r.config.Fleet.BuildOn == config.BuildOnHub
}
