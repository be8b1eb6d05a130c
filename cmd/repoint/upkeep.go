package main

import (
	"context"
	"fmt"
	"strings"

	"repoint/deploy"
	"repoint/retention"
)

// planned is what a prune would do, as far as that is known before.
func planned(ctx context.Context, app *deploy.App) (deploy.Pruned, error) {
	plan := deploy.Pruned{App: app.Name}
	verdicts, err := app.Retention(ctx)
	if err != nil {
		return plan, err
	}
	plan.Verdicts = verdicts
	logs, err := app.LogRetention(ctx)
	plan.Upkeep.Logs = retention.RemovableLogs(logs)
	return plan, err
}

// showPlan prints the releases on stdout and how many logs go on stderr.
func (p *program) showPlan(plan deploy.Pruned) error {
	if text := upkeepText(plan.Upkeep); text != "" {
		fmt.Fprintf(p.stderr, "%s: also goes: %s\n", plan.App, strings.TrimPrefix(text, ", "))
	}
	return p.showVerdicts(plan.Verdicts)
}

// upkeepText is what was done besides releases, as the rest of a list.
func upkeepText(u deploy.Upkeep) string {
	text := ""
	for _, part := range []struct {
		n    int
		what string
	}{
		{len(u.Logs), "logs"}, {u.Deliveries, "deliveries"}, {u.Refs, "refs"},
		{u.Contents, "contents of Git LFS"}, {u.Leftovers, "leftovers"},
	} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	if u.Lines > 0 {
		text += fmt.Sprintf(", packed %d lines of the journal", u.Lines)
	}
	return text
}

// upkeepView is what a prune did besides releases, as JSON.
type upkeepView struct {
	Logs       []logView `json:"logs"`       // that went, or would
	Lines      int       `json:"lines"`      // of the journal that were packed
	Deliveries int       `json:"deliveries"` // that were forgotten
	Refs       int       `json:"refs"`       // of the source, of releases that are gone
	Contents   int       `json:"contents"`   // of Git LFS, likewise
	Leftovers  int       `json:"leftovers"`  // in the source, of programs that were killed
}

type logView struct {
	Deploy int            `json:"deploy"`
	Rule   retention.Rule `json:"rule"` // the key of [retention] that decided
	Reason string         `json:"reason"`
	Bytes  int64          `json:"bytes"`
}

func viewUpkeep(u deploy.Upkeep) upkeepView {
	view := upkeepView{[]logView{}, u.Lines, u.Deliveries, u.Refs, u.Contents, u.Leftovers}
	for _, v := range u.Logs {
		view.Logs = append(view.Logs, logView{v.Log.Deploy, v.Rule, v.Reason, v.Log.Bytes})
	}
	return view
}
