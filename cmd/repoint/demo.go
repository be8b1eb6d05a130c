package main

import (
	"os"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"repoint/internal/demo"
)

func (p *program) demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole story on this machine: real server, real pushes",
		Long: `Start a server on a free port of this machine, make a small site, and push it:
a first release, a second one while visitors read, a build that breaks, and the
way back. Only git is needed, and nothing stays behind.`,
		Example: "  repoint demo\n  repoint demo --once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
			return demo.Run(ctx, demo.Options{Exe: exe, Env: p.env(), Getenv: p.getenv, Out: p.stdout, Log: zerolog.Nop(), Once: once})
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the story; the exit code says whether each act went as told")
	return cmd
}
