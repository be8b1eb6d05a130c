package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

// spareCommand is the process that makes an app's spare.
func (p *program) spareCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "spare DIR",
		Short:  "Make what the next deploy of an app begins with",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := untilTold(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return deploy.MakeSpare(ctx, args[0], p.env())
		},
	}
}

// runSpare runs that process to its end. It is one of its own because all of it,
// git too, is to give way to others.
func (p process) runSpare(ctx context.Context, app string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var talk bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, "hook", "spare", app)
	cmd.Dir, cmd.Stderr = app, &talk
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("making the spare: %w: %s", err, bytes.TrimSpace(talk.Bytes()))
	}
	return ctx.Err()
}
