package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/releases"
)

func (p *program) diffCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:   "diff APP [A] [B]",
		Short: "Show what lies between two releases: commits and files",
		Long: `Show what came with B since A. Without B it is what is live; without A too, it is
what was live before against what is live.`,
		Example:           "  repoint diff blog\n  repoint diff blog 1a2b3c4",
		Args:              cobra.RangeArgs(1, 3),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd.Context(), args[0], func(app *deploy.App) error {
				from, to, err := diffEnds(app, args[1:])
				if err != nil {
					return err
				}
				return p.showDiff(cmd.Context(), app, from, to)
			})
		},
	})
}

func diffEnds(app *deploy.App, args []string) (from, to releases.Name, err error) {
	if len(args) == 2 {
		to, err = app.Find(args[1])
	} else {
		to, err = live(app)
	}
	if err != nil {
		return "", "", err
	}
	if len(args) > 0 {
		from, err = app.Find(args[0])
		return from, to, err
	}
	links, err := app.Store().Links()
	if err == nil && links.Previous == "" {
		err = &deploy.Failure{Reason: "nothing was live before", Cause: deploy.ErrNotFound,
			Hint: "name a release: repoint diff " + app.Name + " HASH"}
	}
	return links.Previous, to, err
}

func (p *program) showDiff(ctx context.Context, app *deploy.App, from, to releases.Name) error {
	diff, err := app.Diff(ctx, from, to)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(diff)
	}
	fmt.Fprintf(p.stdout, "%s -> %s\n", from.Short(), to.Short())
	p.printCommits("+", diff.Ahead)
	p.printCommits("-", diff.Back)
	rows := [][]string{}
	for _, file := range diff.Files {
		change := "not text"
		if file.Added >= 0 {
			change = fmt.Sprintf("+%d -%d", file.Added, file.Removed)
		}
		rows = append(rows, []string{" " + file.Name, change})
	}
	return table(p.stdout, rows)
}

func (p *program) printCommits(sign string, commits []gitsrc.Commit) {
	for _, commit := range commits {
		fmt.Fprintf(p.stdout, "%s %s %s (%s)\n", sign, commit.Hash.Short(), commit.Subject, commit.Author)
	}
}
