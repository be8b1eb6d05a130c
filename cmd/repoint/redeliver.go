package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/internal/deliveries"
	"repoint/internal/durable"
)

func (p *program) redeliverCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:   "redeliver [APP] ID",
		Short: "Do again what a webhook asked for",
		Long: `Fetch the ref of a delivery again and deploy its tip, as "repoint fetch" does: also
when it was deployed before and gone back from. ID may be shortened; without APP,
it is looked for in all apps.`,
		Example:           "  repoint deliveries blog\n  repoint redeliver 6f1c9a20",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, id := "", args[0]
			if len(args) == 2 {
				app, id = args[0], args[1]
			}
			app, found, err := p.findDelivery(app, id)
			if err != nil {
				return err
			}
			return p.withApp(cmd.Context(), app, func(opened *deploy.App) error {
				return p.redeliver(cmd.Context(), opened, found)
			})
		},
	})
}

// findDelivery looks for a delivery in one app, or in all of them.
func (p *program) findDelivery(app, id string) (in string, found []deliveries.Delivery, err error) {
	apps := []string{app}
	if app == "" {
		if apps, err = p.appNames(); err != nil {
			return "", nil, err
		}
	}
	for _, name := range apps {
		list, err := p.deliveriesOf(name, func(f *deliveries.File) ([]deliveries.Delivery, error) { return f.Find(id) })
		var many *deliveries.AmbiguousError
		switch {
		case errors.Is(err, deliveries.ErrNotFound):
			continue
		case errors.As(err, &many):
			err = usageError{err}
		}
		if err == nil && in != "" {
			err = hintedError{usageError{fmt.Errorf("%q is in %s and in %s", id, in, name)}, "name the app, too"}
		}
		if err != nil {
			return "", nil, err
		}
		in, found = name, list
	}
	if in == "" {
		return "", nil, hintedError{fmt.Errorf("there is no delivery %s: %w", id, deploy.ErrNotFound),
			"see what there is with: repoint deliveries APP"}
	}
	return in, found, nil
}

func (p *program) deliveriesOf(app string, read func(*deliveries.File) ([]deliveries.Delivery, error)) ([]deliveries.Delivery, error) {
	dir, err := p.appDir(app)
	if err != nil {
		return nil, err
	}
	file, err := deliveries.Open(durable.New(p.seam), dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return read(file)
}

// redeliver fetches each ref of a delivery, and writes down what came of it.
func (p *program) redeliver(ctx context.Context, app *deploy.App, found []deliveries.Delivery) error {
	var errs []error
	for _, d := range found {
		req := deploy.FetchRequest{Ref: d.Ref, Reason: "redelivered " + d.ID}
		if hash, err := gitsrc.ParseHash(d.Commit); err == nil {
			req.Asked = hash
		}
		got, err := p.fetch(ctx, app, req, false)
		errs = append(errs, err, p.noteDelivery(app, d, got, err))
	}
	return errors.Join(errs...)
}

func (p *program) noteDelivery(app *deploy.App, d deliveries.Delivery, got deploy.Fetched, err error) error {
	verdict, id := got.Verdict, 0
	if verdict == "" && err != nil {
		verdict = "failed: " + err.Error()
	}
	if got.Result != nil {
		id = got.Result.Deploy
	}
	file, err := deliveries.Open(durable.New(p.seam), filepath.Clean(app.Dir))
	if err != nil {
		return err
	}
	return errors.Join(file.Update(d.ID, d.Ref, verdict, id), file.Close())
}
