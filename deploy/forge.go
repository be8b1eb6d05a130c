package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"repoint/config"
	"repoint/internal/forge"
	"repoint/releases"
)

// pendingFor is how long the forge may take to hear that a deploy has begun.
const pendingFor = 10 * time.Second

// tellPending tells the forge that the commit is being built. Nothing waits for
// it until the deploy ends; it is given up then, because how the deploy ended
// is what counts.
func (r *run) tellPending(ctx context.Context) {
	if r.config.Webhook.StatusTokenFile == "" {
		return
	}
	status := r.app.status(r.config, releases.Line{Deploy: r.id, Action: string(r.req.Action), Ref: r.req.Ref, Commit: string(r.commit.Hash)})
	status.State, status.Text = forge.Pending, "deploy "+fmt.Sprint(r.id)+" is under way"
	ctx, cancel := context.WithTimeout(ctx, pendingFor)
	told := make(chan error, 1)
	go func() { told <- r.app.report(ctx, r.config, status) }()
	r.endPending = func() {
		cancel()
		if err := <-told; err != nil && !errors.Is(err, context.Canceled) {
			r.tell(Warning, "", err.Error(), 0)
		}
	}
}

// tellForge writes how a deploy ended beside its commit.
func (a *App) tellForge(ctx context.Context, cfg config.Config, start, end releases.Line) error {
	if cfg.Webhook.StatusTokenFile == "" {
		return nil
	}
	if end.Commit != "" {
		start.Commit = end.Commit
	}
	state, tells := stateOf(Outcome(end.Outcome))
	if !tells || start.Commit == "" {
		return nil
	}
	status := a.status(cfg, start)
	status.State, status.Text = state, end.Error
	if status.Text == "" {
		status.Text = fmt.Sprintf("%s: %s after %s", start.Action, end.Outcome, Took(time.Duration(end.Millis)*time.Millisecond))
	}
	return a.report(ctx, cfg, status)
}

// stateOf is the state at the forge that an outcome stands for; false when it
// says nothing about the commit.
func stateOf(outcome Outcome) (forge.State, bool) {
	switch outcome {
	case Succeeded:
		return forge.Success, true
	case Failed, WentBack, Broken, Interrupted:
		return forge.Failure, true
	case Superseded, Canceled, FrozenOut:
		return forge.Canceled, true
	}
	return "", false
}

// status is what the forge is told about every deploy. What is staged has an
// environment of its own.
func (a *App) status(cfg config.Config, start releases.Line) forge.Status {
	s := forge.Status{App: a.Name, Commit: start.Commit, Ref: start.Ref, LogURL: a.logURL(cfg, start.Deploy),
		Environment: a.Name, AppURL: cfg.Webhook.AppURL, Deploy: start.Deploy}
	if Action(start.Action) == Stage {
		s.Environment, s.AppURL = a.Name+"-"+releases.Next, ""
	}
	return s
}

func (a *App) report(ctx context.Context, cfg config.Config, status forge.Status) error {
	token, err := secretFile("status_token_file", cfg.Webhook.StatusTokenFile)
	if err != nil {
		return fmt.Errorf("telling the forge: %w", err)
	}
	w := cfg.Webhook
	to, err := forge.New(w.Provider, w.Remote, w.StatusURL, strings.TrimSpace(string(token)))
	if err != nil {
		return fmt.Errorf("telling the forge: %w", err)
	}
	err = to.Report(ctx, status)
	var failed *forge.Error
	if errors.As(err, &failed) && failed.Hint != "" {
		return fmt.Errorf("%w; %s", err, failed.Hint)
	}
	return err
}
