package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/releases"
)

func (p *program) verifyCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:   "verify APP [HASH]",
		Short: "Show which files of a release were edited since it was built",
		Long: `Compare the files of a release, the live one unless HASH is given, with what they
were when it was built. Exit code 1 means that something differs.`,
		Example:           "  repoint verify blog",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRelease(cmd.Context(), args, func(app *deploy.App, name releases.Name) error {
				differences, err := app.Verify(cmd.Context(), name)
				if err != nil {
					return err
				}
				return p.showDifferences(name, differences)
			})
		},
	})
}

func (p *program) showDifferences(name releases.Name, differences []deploy.Difference) error {
	if p.json {
		if err := p.printJSON(differences); err != nil {
			return err
		}
	} else {
		for _, d := range differences {
			fmt.Fprintf(p.stdout, "%s  %q\n", d.What, d.Name)
		}
	}
	if len(differences) > 0 {
		return &deploy.Failure{Reason: fmt.Sprintf("%d files of %s are not as they were built", len(differences), name.Short()),
			Cause: errDiffers}
	}
	fmt.Fprintf(p.stderr, "%s is as it was built\n", name.Short())
	return nil
}

var errDiffers = errors.New("the release differs from what was built")
