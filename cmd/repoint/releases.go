package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

func (p *program) releasesCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:               "releases APP",
		Short:             "List the releases on disk, the newest build first",
		Example:           "  repoint releases blog",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				views, err := app.Releases()
				if err != nil {
					return err
				}
				if p.json {
					return p.printJSON(views)
				}
				rows := [][]string{{"RELEASE", "STATE", "BUILT", "DEPLOY", "FILES", "SIZE", "SUBJECT"}}
				for _, view := range views {
					rows = append(rows, p.releaseRow(view))
				}
				return table(p.stdout, rows)
			})
		},
	})
}

func (p *program) releaseRow(v deploy.View) []string {
	if v.Built == nil {
		return []string{v.Release.Short(), v.State}
	}
	state := v.State
	if v.Pinned != nil {
		state = strings.TrimLeft(state+", pinned", ", ")
	}
	return []string{v.Release.Short(), state, p.ago(*v.Built), fmt.Sprint(v.Deploy),
		fmt.Sprint(v.Files), deploy.Bytes(v.Bytes), clip(v.Subject, 50)}
}
