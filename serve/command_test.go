package serve_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"repoint/serve"
)

func TestParseCommand(t *testing.T) {
	t.Parallel()
	push := serve.Command{Name: "git-receive-pack", App: "blog"}
	fetch := serve.Command{Name: "git-upload-pack", App: "blog"}
	for line, want := range map[string]serve.Command{
		"git-receive-pack 'blog'":             push,
		"git-receive-pack '/blog'":            push,
		"git-receive-pack '/blog.git'":        push,
		"git receive-pack 'blog/repo.git'":    push,
		"git-upload-pack '/blog/repo.git'":    fetch,
		"git upload-pack 'blog'":              fetch,
		"status":                              {Name: "status"},
		"status blog --json":                  {Name: "status", App: "blog", Flags: []string{"--json"}},
		"  releases   --json blog ":           {Name: "releases", App: "blog", Flags: []string{"--json"}},
		"log -f blog d-1":                     {Name: "log", App: "blog", Args: []string{"d-1"}, Flags: []string{"-f"}},
		"deploy blog feature/x_1.2-rc":        {Name: "deploy", App: "blog", Args: []string{"feature/x_1.2-rc"}},
		"rollback 0-a":                        {Name: "rollback", App: "0-a"},
		"rollback " + strings.Repeat("a", 63): {Name: "rollback", App: strings.Repeat("a", 63)},
	} {
		got, err := serve.ParseCommand(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]serve.Role{
		"git-upload-pack 'a'": serve.RoleRead, "git-receive-pack 'a'": serve.RolePush,
		"status": serve.RoleRead, "releases a": serve.RoleRead, "log a": serve.RoleRead,
		"deploy a": serve.RoleOperate, "rollback a": serve.RoleOperate,
	} {
		c, err := serve.ParseCommand(line)
		check(t, err)
		if c.Needs() != want {
			t.Errorf("%s needs %s, want %s", line, c.Needs(), want)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	order := []serve.Role{"", serve.RoleRead, serve.RolePush, serve.RoleOperate}
	for has := range order {
		for need := 1; need < len(order); need++ {
			if got := order[has].May(order[need]); got != (has >= need) {
				t.Errorf("%q may %q: %v", order[has], order[need], got)
			}
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		"git-receive-pack 'blog'", "git upload-pack '/blog/repo.git'", "git-receive-pack 'a'\\''b'", "status --json", "log blog x -f",
		"deploy blog ../x", "rollback blog -f", "git-receive-pack '--x'", "deploy blog \x1b[0m", "status\tblog", "status blog",
	} {
		f.Add(seed)
	}
	app := regexp.MustCompile(`\A[a-z0-9][a-z0-9-]{0,62}\z`)
	arg := regexp.MustCompile(`\A[A-Za-z0-9._/][A-Za-z0-9._/-]*\z`)
	flag := regexp.MustCompile(`\A(--json|-f)\z`)
	f.Fuzz(func(t *testing.T, line string) {
		c, err := serve.ParseCommand(line)
		if err != nil {
			var refused *serve.RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("%q: %v is no refusal", line, err)
			}
			for _, text := range []string{refused.Problem, refused.Hint} {
				if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%q: cannot show %q", line, text)
				}
			}
			return
		}
		if !app.MatchString(c.App) && (c.App != "" || c.Name != "status") {
			t.Errorf("%q: app %q", line, c.App)
		}
		for _, a := range c.Args {
			if !arg.MatchString(a) || strings.Contains(a, "..") {
				t.Errorf("%q: argument %q", line, a)
			}
		}
		for _, a := range c.Flags {
			if !flag.MatchString(a) {
				t.Errorf("%q: flag %q", line, a)
			}
		}
		again, err := serve.ParseCommand(c.String())
		if err != nil || !cmp.Equal(again, c) {
			t.Errorf("%q: %q parses to %+v, %v", line, c.String(), again, err)
		}
	})
}
