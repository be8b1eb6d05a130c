package deploy

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"repoint/releases"
)

// Cancel tells the deploy that runs to stop: its build hooks and all their
// children are ended, and before the switch nothing has moved; after it, it
// goes back. It returns once the deploy was told, not once it has ended.
func (a *App) Cancel() (releases.Ticket, error) {
	holder := a.store.Holder()
	idle := &Failure{Reason: "no deploy of " + a.Name + " is running", Cause: ErrNotFound}
	if holder.PID <= 1 {
		return releases.Ticket{}, idle
	}
	// The handle names this process even if it ends now and its number is
	// given to another one. That the lock is still held by the same deploy
	// afterwards shows that the number was right when the handle was made.
	handle, err := unix.PidfdOpen(holder.PID, 0)
	if err != nil {
		return releases.Ticket{}, idle
	}
	defer unix.Close(handle)
	lock, free, err := a.store.TryLock()
	if err != nil {
		return releases.Ticket{}, err
	}
	if free {
		lock.Unlock()
		return releases.Ticket{}, idle
	}
	if now := a.store.Holder(); now.Deploy != holder.Deploy || now.PID != holder.PID {
		return releases.Ticket{}, &Failure{Outcome: Superseded, Reason: "another deploy has begun just now", Hint: "look with: repoint status " + a.Name}
	}
	// Before a new holder has written its name, the last one's stands there.
	if _, end, err := a.store.Deploy(holder.Deploy); err != nil || end != nil {
		return releases.Ticket{}, errors.Join(err, idle)
	}
	if err := unix.PidfdSendSignal(handle, unix.SIGTERM, nil, 0); err != nil {
		return releases.Ticket{}, fmt.Errorf("stopping deploy %d (process %d): %w", holder.Deploy, holder.PID, err)
	}
	return holder.Ticket, nil
}
