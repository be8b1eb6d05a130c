package main

import (
	"github.com/spf13/cobra"
	"repoint/internal/sshclient"
)

// sshCommand lets git use this binary as its ssh program, so that the demo
// needs none on the machine. Its arguments are git's.
func (p *program) sshCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "ssh [-p PORT] HOST COMMAND",
		Short:              "The small SSH client of the demo",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if status := sshclient.Run(cmd.Context(), args, p.getenv, p.stdin, p.stdout, p.stderr); status != 0 {
				return exitStatus(status)
			}
			return nil
		},
	}
}
