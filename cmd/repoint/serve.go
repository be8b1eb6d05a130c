package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"repoint/fleet"
	"repoint/gitsrc"
	"repoint/internal/durable"
	"repoint/serve"
)

func (p *program) serveCommand() *cobra.Command {
	var config serve.Config
	var create bool
	var fleetAddr string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Take pushes and uploads over an embedded SSH and HTTP server",
		Long: `Serve every app in the apps directory, over SSH to the keys that were let in with
"repoint keys add", over HTTP to the tokens of "repoint token create". Deploys
that run when it is stopped go on to their end. Apps are pruned as the schedule of
their [retention] says; what was missed meanwhile is made up for at the start.

Over HTTP there are:

  /git/APP                                  git push (act push) and git fetch (read)
  PUT /v1/apps/APP/releases/COMMIT          a release built elsewhere, as an archive (deploy);
      ?stage=1 stages it (stage), ?rebuild=1 takes the place of the same commit's
  GET /v1/apps/APP/deploys/ID/log           what a deploy printed (read); ?follow=1 to its end
  GET /healthz                              "ok"

Tokens are taken over TLS (--cert, --key), or from a reverse proxy on the same
machine, and nowhere else.

With --fleet it also is the hub of fleets: agents (repoint agent) log in there, over
TLS, with keys that "repoint fleet join-token" lets them join with.

The server's log goes to stderr: JSON, or text on a terminal. What the deploys
do is logged to the file that $REPOINT_LOG names, if any.`,
		Example: "  repoint serve --apps /srv --ssh :2222\n  repoint serve --http 127.0.0.1:8484\n  repoint serve --ssh \"\" --http :8443 --cert fullchain.pem --key privkey.pem",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			apps, err := p.appsDir()
			if err != nil {
				return err
			}
			config.Apps, config.Exe, config.Getenv, config.Log = apps, exe, p.getenv, p.logger(p.stderr)
			config.Schedules = p.schedules
			if create {
				config.Create = func(ctx context.Context, app string) error {
					return p.create(ctx, filepath.Join(apps, app), "main")
				}
			}
			if err := config.Check(); err != nil {
				return usageError{err}
			}
			return p.serve(cmd.Context(), config, fleetAddr)
		},
	}
	cmd.Flags().StringVar(&config.SSH, "ssh", ":2222", "the address to listen on for SSH; \"\" for none")
	cmd.Flags().StringVar(&config.HTTP, "http", "", "the address to listen on for HTTP, such as 127.0.0.1:8484")
	cmd.Flags().StringVar(&config.Cert, "cert", "", "the file with the certificate (chain), for HTTP with TLS")
	cmd.Flags().StringVar(&config.Key, "key", "", "the file with the certificate's key")
	cmd.Flags().StringVar(&fleetAddr, "fleet", "", "the address to listen on for agents, such as :4222")
	cmd.Flags().BoolVar(&create, "create", false, "a first push to a new name makes the app")
	return cmd
}

func (p *program) serve(ctx context.Context, config serve.Config, fleetAddr string) error {
	outlive()
	ctx, stop := untilTold(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := gitsrc.CheckGit(ctx); err != nil {
		return err
	}
	server, err := serve.Listen(config)
	if err != nil {
		return err
	}
	if addr := server.Addr(); addr != nil {
		fmt.Fprintf(p.stderr, "serving %s on ssh://%s\n", config.Apps, addr)
	}
	if addr := server.HTTPAddr(); addr != nil {
		scheme := "http"
		if config.Cert != "" {
			scheme = "https"
		}
		fmt.Fprintf(p.stderr, "serving %s on %s://%s\n", config.Apps, scheme, addr)
	}
	leave, err := p.leadFleets(ctx, config, fleetAddr)
	if err != nil {
		return err
	}
	defer leave()
	return server.Serve(ctx)
}

// leadFleets looks after the fleets of all apps, until leave is called; with an
// address it also runs the messaging server for them.
func (p *program) leadFleets(ctx context.Context, config serve.Config, addr string) (leave func(), err error) {
	disk := durable.New(p.seam)
	home, err := fleet.OpenHome(disk, config.Apps)
	if err != nil {
		return nil, err
	}
	steward := &fleet.Steward{Apps: config.Apps, Home: home, Env: p.env(), Disk: disk, Log: config.Log}
	if addr != "" {
		if steward.Server, err = home.Serve(addr); err != nil {
			return nil, errors.Join(err, home.Close())
		}
		fmt.Fprintf(p.stderr, "serving the fleets of %s on tls://%s\n", config.Apps, steward.Server.Addr())
	}
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { steward.Run(ctx) })
	return func() {
		stop()
		work.Wait()
		if steward.Server != nil {
			steward.Server.Stop()
		}
		home.Close()
	}, nil
}
