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
	var ssh string
	var create bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Take pushes over an embedded SSH server",
		Long: `Serve every app in the apps directory over SSH, to the keys that were let in with
"repoint keys add". Deploys that run when it is stopped go on to their end.

The server's log goes to stderr: JSON, or text on a terminal. What the deploys
do is logged to the file that $REPOINT_LOG names, if any.`,
		Example: "  repoint serve --apps /srv --ssh :2222",
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
			config := serve.Config{Apps: apps, SSH: ssh, Exe: exe, Getenv: p.getenv, Log: p.logger(p.stderr)}
			if create {
				config.Create = func(ctx context.Context, app string) error {
					return p.create(ctx, filepath.Join(apps, app), "main")
				}
			}
			return p.serve(cmd.Context(), config)
		},
	}
	cmd.Flags().StringVar(&ssh, "ssh", ":2222", "the address to listen on for SSH")
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
	fmt.Fprintf(p.stderr, "serving %s on ssh://%s\n", config.Apps, server.Addr())
	return server.Serve(ctx)
}
