package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"repoint/serve"
)

func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Say which machines may use the embedded HTTP server", Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(p.tokenCreateCommand(), p.tokenListCommand(), p.tokenRevokeCommand())
	return cmd
}

func (p *program) tokenCreateCommand() *cobra.Command {
	var apps, acts []string
	var expires string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token for a machine and print it, this once",
		Long: `Make a token, as NAME: that name stands in the journal for what is done with it.
It may do the acts given with the apps given: read (fetch, logs), push (git
push), stage (upload a release that is staged) or deploy (upload one that goes
live, or stage it). Every token may read. A server that runs takes it at once.

The token is the only thing on stdout. It is kept nowhere: make another when it
is lost.`,
		Example: "  repoint token create ci --app blog --act deploy\n  repoint token create mirror --app blog --app shop --act push --expires 90d",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			until, err := p.parseExpires(expires)
			if err != nil {
				return usageError{err}
			}
			token, secret, err := serve.NewToken(args[0], apps, asActs(acts), p.now(), until)
			if err != nil {
				return usageError{err}
			}
			dir, err := p.appsDir()
			if err != nil {
				return err
			}
			if err := serve.AddToken(dir, token); err != nil {
				return err
			}
			fmt.Fprintln(p.stdout, secret)
			fmt.Fprintf(p.stderr, "%s may %s: %s%s\n", token.Name, joinActs(token.Acts, ", "), strings.Join(token.Apps, ", "), untilText(token))
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&apps, "app", nil, "an app it may use, or \"*\" for all; can be given again")
	cmd.Flags().StringSliceVar(&acts, "act", nil, "read, push, stage or deploy; can be given again")
	cmd.Flags().StringVar(&expires, "expires", "", "a duration (90d, 12h) or a time (2026-11-30T08:00:00Z) after which it is of no use")
	return cmd
}

func asActs(names []string) (acts []serve.Act) {
	for _, name := range names {
		acts = append(acts, serve.Act(name))
	}
	return acts
}

func joinActs(acts []serve.Act, between string) string {
	names := make([]string, len(acts))
	for i, act := range acts {
		names[i] = string(act)
	}
	return strings.Join(names, between)
}

func untilText(t serve.Token) string {
	if t.Expires.IsZero() {
		return ""
	}
	return ", until " + t.Expires.Format(time.RFC3339)
}

// parseExpires reads a time to come, or a duration from now, also in days. The
// zero time is never.
func (p *program) parseExpires(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(number); err == nil && days > 0 && days <= 100*365 {
			return p.now().AddDate(0, 0, days), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return p.now().Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !at.After(p.now()) {
		return time.Time{}, fmt.Errorf("--expires %q is neither a duration, such as 90d or 12h, nor a time to come, such as 2026-11-30T08:00:00Z", text)
	}
	return at, nil
}

func (p *program) tokenListCommand() *cobra.Command {
	return p.jsonFlag(&cobra.Command{
		Use:     "list",
		Short:   "List the tokens and what they may do, never the tokens themselves",
		Example: "  repoint token list --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := p.appsDir()
			if err != nil {
				return err
			}
			tokens, err := serve.LoadTokens(dir)
			if err != nil {
				return err
			}
			views := p.tokenViews(tokens)
			if p.json {
				return p.printJSON(views)
			}
			rows := [][]string{{"NAME", "ACTS", "APPS", "CREATED", "EXPIRES"}}
			for _, v := range views {
				rows = append(rows, []string{v.Name, joinActs(v.Acts, ","), strings.Join(v.Apps, ","), p.ago(v.Created), v.when()})
			}
			return table(p.stdout, rows)
		},
	})
}

type tokenView struct {
	Name    string      `json:"name"`
	Acts    []serve.Act `json:"acts"`
	Apps    []string    `json:"apps"`
	Created time.Time   `json:"created"`
	Expires *time.Time  `json:"expires,omitempty"`
	Expired bool        `json:"expired"`
}

func (p *program) tokenViews(tokens []serve.Token) []tokenView {
	views := []tokenView{}
	for _, t := range tokens {
		v := tokenView{Name: t.Name, Acts: t.Acts, Apps: t.Apps, Created: t.Created, Expired: t.Expired(p.now())}
		if !t.Expires.IsZero() {
			v.Expires = &t.Expires
		}
		views = append(views, v)
	}
	return views
}

func (v tokenView) when() string {
	switch {
	case v.Expires == nil:
		return "never"
	case v.Expired:
		return "expired"
	}
	return v.Expires.Format(time.RFC3339)
}

func (p *program) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   "Take a token no longer",
		Example: "  repoint token revoke ci",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := p.appsDir()
			if err != nil {
				return err
			}
			token, err := serve.RemoveToken(dir, args[0])
			if errors.Is(err, serve.ErrNoToken) {
				return hintedError{err, "see which there are with: repoint token list"}
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "the token of %s is taken no longer\n", token.Name)
			return nil
		},
	}
}
