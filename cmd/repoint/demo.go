package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"repoint/internal/demo"
)

// mostMachines is how many one process is asked to be.
const mostMachines = 200

func (p *program) demoCommand() *cobra.Command {
	var once bool
	var fleet int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole story on this machine: real server, real pushes",
		Long: `Start a server on a free port of this machine, make a small site, and push it:
a first release, a second one while visitors read, a build that breaks, and the
way back. Only git is needed, and nothing stays behind.

With --fleet the server is the hub of that many machines, all in this process, and
they flip together: a first release, a second one while visitors read all of
them, a machine that cannot prove the new code, and the way back.`,
		Example: "  repoint demo\n  repoint demo --once\n  repoint demo --fleet 5",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fleet < 0 || fleet > mostMachines {
				return usageError{fmt.Errorf("--fleet must be a number from 0 to %d", mostMachines)}
			}
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			if err := needGit(); err != nil {
				return err
			}
			outlive()
			ctx, stop := untilTold(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return demo.Run(ctx, demo.Options{Exe: exe, Env: p.env(), Getenv: p.getenv, Out: p.stdout, Log: zerolog.Nop(), Once: once, Fleet: fleet})
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the story; the exit code says whether each act went as told")
	cmd.Flags().IntVar(&fleet, "fleet", 0, "how many machines to lead; 0 tells the story of one")
	return cmd
}
