package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/CLI.md anew")

const cliDoc = "../../docs/CLI.md"

// docs/CLI.md is made from the commands' own help:
//
//	go test ./cmd/repoint -run TestCLIDoc -update
func TestCLIDoc(t *testing.T) {
	t.Parallel()
	want := cliText((&program{process: process{getenv: func(string) string { return "" }}}).root())
	if *update {
		if err := os.WriteFile(cliDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(cliDoc)
	if err != nil || string(got) != want {
		t.Errorf("docs/CLI.md is not current (%v): go test ./cmd/repoint -run TestCLIDoc -update", err)
	}
}

const cliIntro = `# The command line

What scripts may rely on. This page is made from the commands' own help.

stdout carries what was asked for: tables, JSON, logs. stderr carries talk: progress, warnings, errors
and hints. Nothing asks a question. Nothing is coloured. Every error is a line that begins with ` + "`error: `" + `,
and a ` + "`hint: `" + ` line where the intent can be guessed.

APP is a name in the apps directory or a path with a "/" in it. HASH is a commit's hash, which may be
shortened as long as it is clear. JSON keys are only ever added.

`

func cliText(root *cobra.Command) string {
	var out strings.Builder
	out.WriteString(cliIntro)
	fmt.Fprintf(&out, "```\n%s\n```\n", exitHelp)
	writeCommand(&out, root)
	return out.String()
}

func writeCommand(out *strings.Builder, cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
			continue
		}
		if sub.Runnable() && !sub.HasAvailableSubCommands() {
			writeOne(out, sub)
		}
		writeCommand(out, sub)
	}
}

func writeOne(out *strings.Builder, cmd *cobra.Command) {
	path := strings.TrimSuffix(cmd.CommandPath(), cmd.Name()) + cmd.Use
	fmt.Fprintf(out, "\n## %s\n\n%s.\n", path, cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(out, "\n%s\n", cmd.Long)
	}
	var flags []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if f.Name != "help" {
			flags = append(flags, fmt.Sprintf("| `%s` | %s |", name, f.Usage))
		}
	})
	if len(flags) > 0 {
		fmt.Fprintf(out, "\n| flag | |\n|---|---|\n%s\n", strings.Join(flags, "\n"))
	}
	fmt.Fprintf(out, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimLeft(cmd.Example, " "), "\n  ", "\n"))
}
