package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"repoint/fleet"
	"repoint/internal/durable"
	"repoint/internal/ownfile"
	"repoint/serve"
)

// lookEvery is how often an agent reads what it is to have, whatever it was told.
const lookEvery = 30 * time.Second

func (p *program) agentCommand() *cobra.Command {
	var id fleet.Identity
	var labels []string
	var join string
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run the apps of a hub on this machine, and flip with its fleet",
		Long: `Keep the apps that have joined a fleet as their hub says: fetch what is pushed there,
get it ready, and make it live when all the others are. Each app is a directory
beneath --apps as any other, without a repo.git: status, releases, log, verify
and rollback work here, whether the hub can be reached or not, and a repoint.toml
here says what concerns this machine.

The first time, and for each further app, --join names the file with a token that
"repoint fleet join-token APP" has printed on the hub ("-": standard input). What
the machine is to the hub is kept then; a token that was used changes nothing.

The log goes to stderr: JSON, or text on a terminal.`,
		Example: "  repoint agent --hub tls://deploy.example.com:4222 --name web-1 --apps /srv --join /root/token\n  repoint agent --apps /srv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			apps, err := p.appsDir()
			if err != nil {
				return err
			}
			outlive()
			ctx, stop := untilTold(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if join != "" {
				if err := p.joinFleet(ctx, apps, join, id, labels); err != nil {
					return err
				}
			}
			return p.runAgent(ctx, apps, id)
		},
	}
	cmd.Flags().StringVar(&id.Hub, "hub", "", "the address of the hub's messaging server: tls://HOST:4222")
	cmd.Flags().StringVar(&id.Name, "name", "", "what this machine is called in the fleet")
	cmd.Flags().StringVar(&join, "join", "", "the file with a token to join with; \"-\" for standard input")
	cmd.Flags().StringSliceVar(&labels, "label", nil, "a label, for [fleet] agents = [\"@LABEL\"]; given when joining; can be given again")
	cmd.Flags().StringVar(&id.Creds, "nats-creds", "", "for NATS servers of your own: the file with credentials, or an nkey's seed")
	cmd.Flags().StringVar(&id.CA, "nats-ca", "", "for NATS servers of your own: the file with the certificates that theirs are signed with")
	return cmd
}

// joinFleet joins with the token in a file.
func (p *program) joinFleet(ctx context.Context, apps, file string, id fleet.Identity, labels []string) error {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(p.stdin, 64<<10))
	} else {
		text, err = ownfile.Load(file, 64<<10, ownfile.Read)
	}
	if err != nil {
		return fmt.Errorf("reading the token: %w", err)
	}
	joinToken, err := fleet.ParseJoinToken(string(text))
	if err != nil {
		return usageError{err}
	}
	if err := fleet.Join(ctx, durable.New(p.seam), p.env(), apps, id, labels, joinToken); err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "this machine runs %s for its hub, in %s\n", joinToken.App, apps)
	return nil
}

func (p *program) runAgent(ctx context.Context, apps string, given fleet.Identity) error {
	id, err := fleet.LoadIdentity(apps)
	if errors.Is(err, fs.ErrNotExist) {
		return hintedError{fmt.Errorf("this machine has joined no fleet, with apps in %s", apps),
			"on the hub: repoint fleet join-token APP; here: repoint agent --hub tls://HUB:4222 --name NAME --join FILE"}
	}
	if err != nil {
		return err
	}
	if given.Name != "" && given.Name != id.Name {
		return usageError{fmt.Errorf("this machine is agent %s, with apps in %s", id.Name, apps)}
	}
	if given.Hub != "" {
		id.Hub = given.Hub
	}
	leave, err := fleet.Alone(apps)
	if err != nil {
		return err
	}
	defer leave()
	login, err := id.Login()
	if err != nil {
		return err
	}
	agent := &fleet.Agent{Name: id.Name, Apps: apps, Login: login, Env: p.env(), Disk: durable.New(p.seam), Every: lookEvery,
		Log: p.logger(p.stderr).With().Str("agent", id.Name).Logger()}
	fmt.Fprintf(p.stderr, "agent %s of %s, apps in %s\n", id.Name, id.Hub, apps)
	return p.runAndPrune(ctx, agent)
}

// runAndPrune runs the agent until it is told to stop, and prunes its apps meanwhile,
// as a server does where there is one.
func (p *program) runAndPrune(ctx context.Context, agent *fleet.Agent) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var pruning sync.WaitGroup
	pruning.Go(func() {
		serve.PruneOnSchedule(ctx, serve.Config{Apps: agent.Apps, Exe: exe, Getenv: p.getenv, Schedules: p.schedules, Log: agent.Log})
	})
	err = agent.Run(ctx)
	if told := ctx.Err() != nil; told {
		pruning.Wait()
		return nil
	}
	return err
}
