package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"repoint/deploy"
)

// afterwardsCommand is the process that a deploy leaves behind.
func (p *program) afterwardsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "afterwards DIR ID",
		Short:  "Do what deploy ID has left to do: inventory, watch",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[1])
			if err != nil {
				return usageError{err}
			}
			outlive()
			ctx, stop := untilTold(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			logged := p.deployLog(filepath.Base(args[0]), p.stderr)
			defer logged.close()
			return deploy.Afterwards(ctx, args[0], p.env(), id, deploy.Tee(deploy.Printer(p.stderr), logged.sink))
		},
	}
}

// startAfterwards starts that process in a session of its own, with nothing
// that ties it to whoever started the deploy.
func (p process) startAfterwards(app string, id int) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, "hook", "afterwards", app, strconv.Itoa(id))
	cmd.Dir = app
	for _, name := range []string{"PATH", "HOME", "REPOINT_LOG", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"} {
		if value := p.getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", exe, err)
	}
	return cmd.Process.Release()
}
