package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"repoint/serve"
)

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Say who may push to the embedded SSH server", Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(p.keysAddCommand(), p.keysListCommand(), p.keysRemoveCommand())
	return cmd
}

func (p *program) keysAddCommand() *cobra.Command {
	var role string
	var apps []string
	cmd := &cobra.Command{
		Use:   "add NAME FILE",
		Short: "Let a public key in, FILE or - for standard input",
		Long: `Let the public key in FILE in, as NAME: that name stands in the journal for what
the key does. The role is read (fetch, status, log), push (also push) or operate
(also deploy and rollback). A server that runs sees the key at once.`,
		Example: "  repoint keys add ada ~/.ssh/id_ed25519.pub --app blog\n  repoint keys add ci ci.pub --app blog --app shop --role operate",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			checked, err := serve.ParseRole(role)
			if err != nil {
				return usageError{err}
			}
			public, err := p.readKeyFile(args[1])
			if err != nil {
				return err
			}
			key, err := serve.NewKey(args[0], public, checked, apps)
			if err != nil {
				return usageError{err}
			}
			dir, err := p.appsDir()
			if err != nil {
				return err
			}
			if err := serve.AddKey(dir, key); err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "%s may %s: %s\n", key.Name, key.Role, strings.Join(key.Apps, ", "))
			return nil
		},
	}
	cmd.Flags().StringVar(&role, "role", string(serve.RolePush), "read, push or operate")
	cmd.Flags().StringSliceVar(&apps, "app", []string{serve.AllApps}, "an app it may use; can be given again")
	return cmd
}

func (p *program) readKeyFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(p.stdin, 64<<10))
	}
	return os.ReadFile(name)
}

func (p *program) keysListCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "List the keys and what they may do",
		Example: "  repoint keys list --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := p.appsDir()
			if err != nil {
				return err
			}
			keys, err := serve.LoadKeys(dir)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(keyViews(keys))
			}
			rows := [][]string{{"NAME", "ROLE", "APPS", "FINGERPRINT"}}
			for _, key := range keys {
				rows = append(rows, []string{key.Name, string(key.Role), strings.Join(key.Apps, ","), key.Fingerprint})
			}
			return table(p.stdout, rows)
		},
	})
}

type keyView struct {
	Name        string     `json:"name"`
	Role        serve.Role `json:"role"`
	Apps        []string   `json:"apps"`
	Type        string     `json:"type"`
	Fingerprint string     `json:"fingerprint"`
}

func keyViews(keys []serve.Key) []keyView {
	views := []keyView{}
	for _, key := range keys {
		views = append(views, keyView{key.Name, key.Role, key.Apps, key.Type, key.Fingerprint})
	}
	return views
}

func (p *program) keysRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME",
		Short:   "Let a key in no longer",
		Example: "  repoint keys remove ada",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := p.appsDir()
			if err != nil {
				return err
			}
			key, err := serve.RemoveKey(dir, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "%s is out (%s)\n", key.Name, key.Fingerprint)
			return nil
		},
	}
}
