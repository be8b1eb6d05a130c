package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"repoint/gitsrc"
	"repoint/serve"
)

func (p *program) serveCommand() *cobra.Command {
	var config serve.Config
	var create bool
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
			return p.serve(cmd.Context(), config)
		},
	}
	cmd.Flags().StringVar(&config.SSH, "ssh", ":2222", "the address to listen on for SSH; \"\" for none")
	cmd.Flags().StringVar(&config.HTTP, "http", "", "the address to listen on for HTTP, such as 127.0.0.1:8484")
	cmd.Flags().StringVar(&config.Cert, "cert", "", "the file with the certificate (chain), for HTTP with TLS")
	cmd.Flags().StringVar(&config.Key, "key", "", "the file with the certificate's key")
	cmd.Flags().BoolVar(&create, "create", false, "a first push to a new name makes the app")
	return cmd
}

func (p *program) serve(ctx context.Context, config serve.Config) error {
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
	return server.Serve(ctx)
}
