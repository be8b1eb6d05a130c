package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
)

func (p *program) fetchCommand() *cobra.Command {
	var req deploy.FetchRequest
	var asked string
	var report bool
	cmd := &cobra.Command{
		Use:   "fetch APP [REF]",
		Short: "Deploy what the app's remote has, if it is something new",
		Long: `Fetch REF from the remote that [webhook] names, and deploy it unless it is live
already or older than that. REF is a branch or a full ref such as
refs/tags/v1.2; without it, it is the app's branch. A branch of stage is staged.

This is what a webhook does; run by a timer it makes webhooks unnecessary.`,
		Example:           "  repoint fetch blog\n  repoint fetch blog refs/tags/v1.2",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				req.Ref = args[1]
			}
			if asked != "" {
				hash, err := gitsrc.ParseHash(asked)
				if err != nil {
					return usageError{err}
				}
				req.Asked = hash
			}
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				_, err := p.fetch(cmd.Context(), app, req, report)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&req.Reason, "message", "m", "", "why")
	flags.StringVar(&asked, "commit", "", "the commit that a webhook spoke of, for the journal")
	flags.BoolVar(&req.New, "new", false, "leave alone what the last deploy of REF was of, however that ended")
	flags.BoolVar(&report, "report", false, "print the deploy's number as soon as it has one, and the verdict, as JSON lines")
	_ = flags.MarkHidden("commit") // a webhook's; they exist
	_ = flags.MarkHidden("report")
	return p.jsonFlag(cmd)
}

// fetched is one line for the server that started the fetch: first the deploy's
// number, if there is a deploy, and last how it all ended.
type fetched struct {
	Deploy  int            `json:"deploy,omitempty"`
	Outcome deploy.Outcome `json:"outcome,omitempty"`
	Verdict string         `json:"verdict,omitempty"`
}

// fetch runs a fetch and the deploy that comes of it. Ctrl-C stops it until the
// link has moved.
func (p *program) fetch(ctx context.Context, app *deploy.App, req deploy.FetchRequest, report bool) (deploy.Fetched, error) {
	outlive()
	ctx, stop := untilTold(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	req.Actor, req.Via = p.actor(), p.via("fetch")
	logged := p.deployLog(app.Name, p.stderr)
	defer logged.close()
	sink := deploy.Tee(deploy.Printer(p.stderr), logged.sink)
	if report {
		sink = deploy.Tee(sink, p.reportNumber)
	}
	got, err := app.Fetch(ctx, req, sink)
	if report {
		return got, errors.Join(p.reportEnd(got, err), err)
	}
	if err != nil {
		return got, err
	}
	if got.Result == nil {
		deploy.Printer(p.stderr)(deploy.Event{Kind: deploy.Success, Text: got.Verdict})
	}
	if p.json {
		err = p.printJSON(got)
	}
	if got.Result != nil && got.Result.Failure != nil {
		err = errors.Join(err, toldError{got.Result.Failure})
	}
	return got, err
}

func (p *program) reportNumber(e deploy.Event) {
	if e.Kind == deploy.Title && e.Deploy != 0 {
		_ = json.NewEncoder(p.stdout).Encode(fetched{Deploy: e.Deploy}) // the end is told again
	}
}

func (p *program) reportEnd(got deploy.Fetched, err error) error {
	end := fetched{Verdict: got.Verdict}
	switch {
	case err != nil:
		end.Verdict = "failed: " + err.Error()
	case got.Result != nil:
		end.Deploy, end.Outcome = got.Result.Deploy, got.Result.Outcome
	}
	return json.NewEncoder(p.stdout).Encode(end)
}
