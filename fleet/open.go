package fleet

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"repoint/config"
	"repoint/deploy"
	"repoint/internal/durable"
)

// connectWithin is how long a deploy waits for the messaging server.
const connectWithin = 5 * time.Second

// For opens the fleets of apps, for deploys that change the disk in a given way.
func For(disk durable.Disk) deploy.OpenFleet {
	return func(ctx context.Context, app *deploy.App, c config.Fleet, action deploy.Action) (deploy.Fleet, error) {
		records, err := OpenRecords(disk, app.Dir)
		if err != nil {
			return nil, err
		}
		within, cancel := ctx, context.CancelFunc(func() {})
		if action == deploy.Rollback { // which goes without them, rather than wait
			within, cancel = context.WithTimeout(ctx, urgent)
		}
		defer cancel()
		if err := records.Lock(within); err != nil {
			return nil, errors.Join(err, records.Close())
		}
		hub, err := openFor(within, disk, app, c, records)
		if err != nil {
			return nil, err
		}
		if action == deploy.Rollback {
			hub.rules.hurry()
		}
		asked, _, err := hub.agents()
		if err == nil && len(asked) == 0 {
			err = &deploy.Failure{Reason: "fleet: no agent of " + app.Name + " has joined",
				Hint: "have machines join: repoint fleet join-token " + app.Name}
		}
		if err != nil {
			return nil, errors.Join(err, hub.Close())
		}
		return hub, nil
	}
}

// openFor connects for one app. The hub closes the records, and so does a failure.
func openFor(ctx context.Context, disk durable.Disk, app *deploy.App, c config.Fleet, records *Records) (*Hub, error) {
	hint := "is it running, and can it be reached from here? " + c.NATS
	if c.NATS == "" {
		hint = "the server of the fleet runs in: repoint serve --fleet :4222"
	}
	failed := func(err error) error {
		return &deploy.Failure{Reason: "fleet: " + err.Error(), Hint: hint, Cause: err}
	}
	home, err := OpenHome(disk, filepath.Dir(app.Dir))
	if err != nil {
		return nil, failed(errors.Join(err, records.Close()))
	}
	defer home.Close()
	login, err := home.Login(c)
	if err != nil {
		return nil, failed(errors.Join(err, records.Close()))
	}
	login.Wait = connectWithin
	hub, err := OpenHub(ctx, app, records, login, rulesOf(c))
	if err != nil {
		return nil, failed(err)
	}
	return hub, nil
}
