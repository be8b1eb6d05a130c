package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/internal/deliveries"
	"repoint/internal/durable"
)

func (p *program) deliveriesCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "deliveries APP",
		Short: "Show the webhooks of an app, and what became of each",
		Long: `List the webhooks that the app's forge has sent and that were believed, the newest
first, with what followed from each. What was refused stands in the server's log.`,
		Example:           "  repoint deliveries blog\n  repoint deliveries blog -n 100 --json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				return p.listDeliveries(app, limit)
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "number", "n", 20, "how many webhooks to list; 0 lists all")
	return p.jsonFlag(cmd)
}

func (p *program) listDeliveries(app *deploy.App, limit int) error {
	file, err := deliveries.Open(durable.New(p.seam), app.Dir)
	if err != nil {
		return err
	}
	defer file.Close()
	all, damaged, err := file.List(0)
	if err != nil {
		return err
	}
	if damaged > 0 {
		fmt.Fprintf(p.stderr, "warning: %d lines of the deliveries cannot be read and are skipped\n", damaged)
	}
	list := all
	if limit > 0 && limit < len(all) {
		list = all[:limit]
	}
	if p.json {
		return p.printJSON(list)
	}
	rows := [][]string{{"ID", "TIME", "PROVIDER", "EVENT", "REF", "COMMIT", "BY", "VERDICT"}}
	for _, d := range list {
		rows = append(rows, []string{shortID(d.ID, all), p.ago(d.Time), d.Provider, d.Event,
			strings.TrimPrefix(d.Ref, "refs/heads/"), gitsrc.Hash(d.Commit).Short(), clip(d.Actor, 20), clip(verdict(d), 60)})
	}
	return table(p.stdout, rows)
}

func verdict(d deliveries.Delivery) string {
	switch {
	case !d.Done:
		return "under way"
	case d.Deploy > 0:
		return fmt.Sprintf("deploy %d: %s", d.Deploy, d.Verdict)
	}
	return d.Verdict
}

// shortID shortens an id as far as it still means one of the deliveries.
func shortID(id string, among []deliveries.Delivery) string {
	n := min(8, len(id))
	for n < len(id) && slices.ContainsFunc(among, func(d deliveries.Delivery) bool {
		return d.ID != id && strings.HasPrefix(d.ID, id[:n])
	}) {
		n++
	}
	return id[:n]
}
