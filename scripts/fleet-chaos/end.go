package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// record is what matters here of one deploy in repoint log.
type record struct {
	Deploy  int
	Action  string
	Commit  string
	Outcome string
}

func (r record) success() bool { return r.Outcome == "success" || r.Outcome == "unchanged" }

// checkEnd checks, when nobody pushes any more, what hub and agents have written
// down, and what they have live.
func (w *world) checkEnd(ctx context.Context) error {
	records, err := w.journal(ctx, "the hub", w.hub.apps)
	if err == nil {
		err = w.checkTold(records)
	}
	for _, a := range w.agents {
		if err == nil {
			_, err = w.journal(ctx, a.name, a.apps)
		}
	}
	return err
}

// journal reads an app's, checks that it is whole, and the live release.
func (w *world) journal(ctx context.Context, name, apps string) (records []record, err error) {
	cmd := w.command(ctx, w.exe, "log", app, "--apps", apps, "--json", "--number", "1000000")
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &records)
	}
	if err != nil || talk.Len() > 0 {
		return nil, fmt.Errorf("%s: repoint log: %v: %s", name, err, &talk)
	}
	for _, r := range records {
		if r.Outcome == "" {
			return nil, fmt.Errorf("%s: deploy %d of %.7s has no end in the journal", name, r.Deploy, r.Commit)
		}
	}
	if err := quiet(w.command(ctx, w.exe, "verify", app, "--apps", apps)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return records, nil
}

// checkTold checks that the hub's journal says of each push what its exit status said.
func (w *world) checkTold(records []record) error {
	live := map[string]bool{}
	for _, r := range records {
		if r.Action == "deploy" && r.success() {
			live[r.Commit] = true
		}
	}
	for _, a := range w.pusher.attempts {
		if !a.back && !a.killed && live[a.commit] != (a.status == 0) {
			return fmt.Errorf("%s exited %d, and its success is in the journal: %t", a, a.status, live[a.commit])
		}
	}
	return nil
}
