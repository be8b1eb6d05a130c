package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"repoint/config"
	"repoint/deploy"
	"repoint/fleet"
	"repoint/internal/durable"
)

func (p *program) fleetCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "fleet", Short: "Lead the machines that run an app together", Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(p.fleetTokenCommand(), p.fleetStatusCommand(), p.fleetDrainCommand(), p.fleetUndrainCommand(), p.fleetRemoveCommand())
	return cmd
}

func (p *program) fleetTokenCommand() *cobra.Command {
	var expires string
	var uses int
	cmd := &cobra.Command{
		Use:   "join-token APP",
		Short: "Make a token with which machines join an app's fleet, and print it, this once",
		Long: `Make a token for "repoint agent --join". It is good for one machine, or for --uses of
them, until it expires. Which machines then run the app is said by [fleet] agents
in its repoint.toml.

The token is the only thing on stdout, and a secret: hand it over as one.`,
		Example:           "  repoint fleet join-token blog > token\n  repoint fleet join-token blog --uses 1000 --expires 1d",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := p.parseExpires(expires)
			if err == nil && (uses < 1 || until.IsZero()) {
				err = errors.New("--uses and --expires must be more than nothing")
			}
			if err != nil {
				return usageError{err}
			}
			return p.withFleet(cmd.Context(), args[0], func(app *deploy.App, cfg config.Fleet, records *fleet.Records) error {
				home, err := fleet.OpenHome(durable.New(p.seam), filepath.Dir(app.Dir))
				if err != nil {
					return err
				}
				defer home.Close()
				joinToken, err := home.NewJoinToken(cmd.Context(), records, cfg, until, uses)
				if err != nil {
					return hintedError{err, "start it, so that it makes its keys: repoint serve --fleet :4222"}
				}
				fmt.Fprintln(p.stdout, joinToken)
				fmt.Fprintf(p.stderr, "%s may join the fleet of %s, until %s\n", machines(uses), app.Name, until.UTC().Format(time.RFC3339))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&expires, "expires", "1h", "a duration (1d, 12h) or a time (2026-11-30T08:00:00Z) after which it is of no use")
	cmd.Flags().IntVar(&uses, "uses", 1, "how many machines may join with it")
	return cmd
}

func machines(n int) string {
	if n == 1 {
		return "one machine"
	}
	return strconv.Itoa(n) + " machines"
}

// withFleet opens an app with its fleet's records.
func (p *program) withFleet(ctx context.Context, name string, do func(*deploy.App, config.Fleet, *fleet.Records) error) error {
	return p.withApp(ctx, name, func(app *deploy.App) error {
		cfg, err := app.Config(ctx, "")
		if err != nil {
			return err
		}
		if len(cfg.Fleet.Agents) == 0 {
			return hintedError{fmt.Errorf("%s has no fleet: %w", app.Name, deploy.ErrNotFound),
				"say which machines run it, in " + filepath.Join(app.Dir, deploy.ConfigFile) + ":  [fleet]  agents = [\"*\"]"}
		}
		records, err := fleet.OpenRecords(durable.New(p.seam), app.Dir)
		if err != nil {
			return err
		}
		defer records.Close()
		return do(app, cfg.Fleet, records)
	})
}

func (p *program) fleetStatusCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:   "status [APP]",
		Short: "Ask all agents what they run",
		Long: `Ask the agents of an app, or of all apps that have a fleet, how they are. One that
does not answer within two seconds "says nothing". An agent whose live commit
is another one than the hub's is marked.`,
		Example:           "  repoint fleet status blog\n  repoint fleet status --json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				led, err := p.led(cmd.Context())
				if err != nil {
					return err
				}
				args = led
			}
			all, err := p.survey(cmd.Context(), args)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(all)
			}
			for _, f := range all {
				if err := p.printFleet(f); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// survey asks the agents of apps. Where nobody can be asked that is said, and what is
// known without them is returned.
func (p *program) survey(ctx context.Context, apps []string) ([]fleet.Fleet, error) {
	all := []fleet.Fleet{}
	for _, name := range apps {
		err := p.withFleet(ctx, name, func(app *deploy.App, cfg config.Fleet, _ *fleet.Records) error {
			f, err := fleet.Survey(ctx, durable.New(p.seam), app, cfg)
			all = append(all, f)
			if err != nil {
				printError(p.stderr, fmt.Errorf("%s: nobody can be asked: %w", app.Name, err))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// led lists the apps that have a fleet.
func (p *program) led(ctx context.Context) (names []string, err error) {
	all, err := p.appNames()
	for _, name := range all {
		err := p.withFleet(ctx, name, func(*deploy.App, config.Fleet, *fleet.Records) error {
			names = append(names, name)
			return nil
		})
		if err != nil && !errors.Is(err, deploy.ErrNotFound) {
			return nil, err
		}
	}
	return names, err
}

func (p *program) printFleet(f fleet.Fleet) error {
	live := "nothing"
	if f.Live != "" {
		live = f.Live[:7]
	}
	fmt.Fprintf(p.stdout, "%s  %s live, generation %d, %d agents\n", f.App, live, f.Generation, len(f.Agents))
	rows := [][]string{{"AGENT", "IS", "LIVE", "JOINED", ""}}
	for _, v := range f.Agents {
		rows = append(rows, []string{v.Name, is(v), commitOf(v), p.ago(v.Joined), remark(v, f)})
	}
	return table(p.stdout, rows)
}

func is(v fleet.View) string {
	switch {
	case v.Drained:
		return "drained"
	case v.Report == nil:
		return "says nothing"
	case v.Report.Phase == "":
		return "at it"
	}
	return string(v.Report.Phase)
}

func commitOf(v fleet.View) string {
	if v.Report == nil || v.Report.Commit == "" {
		return "-"
	}
	return v.Report.Commit[:7]
}

func remark(v fleet.View, f fleet.Fleet) string {
	switch {
	case v.Report == nil:
		return strings.Join(v.Labels, " ")
	case v.Report.Reason != "":
		return v.Report.Reason
	case v.Report.Phase == fleet.Live && v.Report.Commit != f.Live:
		return "not what the hub has live"
	}
	return strings.Join(v.Labels, " ")
}

// changeAgent makes a command that changes what is known of one agent.
func (p *program) changeAgent(use, short, long, said string, change func(*fleet.Records, fleet.Member) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " APP AGENT", Short: short, Long: long,
		Example:           "  repoint fleet " + use + " blog web-1",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeApp(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withFleet(cmd.Context(), args[0], func(app *deploy.App, _ config.Fleet, records *fleet.Records) error {
				member, err := records.Member(args[1])
				if errors.Is(err, fs.ErrNotExist) {
					return hintedError{fmt.Errorf("%s has no agent %s: %w", app.Name, args[1], fs.ErrNotExist),
						"see which there are with: repoint fleet status " + app.Name}
				}
				if err == nil {
					err = change(records, member)
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stderr, "%s %s\n", args[1], said)
				return nil
			})
		},
	}
}

func (p *program) fleetDrainCommand() *cobra.Command {
	return p.changeAgent("drain", "Have an agent keep what it has, and wait for it no longer",
		"Have an agent keep what it has: deploys neither reach it nor wait for it, until\n\"repoint fleet undrain\". It is a matter of seconds while the hub's server runs.",
		"keeps what it has", func(records *fleet.Records, m fleet.Member) error {
			m.Drained = true
			return records.Keep(m)
		})
}

func (p *program) fleetUndrainCommand() *cobra.Command {
	return p.changeAgent("undrain", "Have an agent follow again", "Have an agent that was drained follow again: it catches up by itself.",
		"follows again", func(records *fleet.Records, m fleet.Member) error {
			m.Drained = false
			return records.Keep(m)
		})
}

func (p *program) fleetRemoveCommand() *cobra.Command {
	return p.changeAgent("remove", "Forget an agent, and let it in no more",
		"Forget an agent: its nkey is worth nothing from then on, and what it has stays on\nit. With NATS servers of your own, take its credentials away there too.",
		"is forgotten", func(records *fleet.Records, m fleet.Member) error { return records.Remove(m.Name) })
}
