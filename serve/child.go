package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// cleanPath is the PATH of children when the server has none.
const cleanPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// order is a command that is allowed, and whose it is.
type order struct {
	Command
	actor    string   // the name of a key or of a token
	via      string   // "ssh" or "http"
	protocol string   // git's, for GIT_PROTOCOL; "" for the first
	flags    []string // for git's service, of our own making
}

// child is a program to run for a client.
type child struct {
	argv  []string
	dir   string
	env   []string // all of it
	input bool     // gets what the client sends; else nothing
	whole bool     // is stopped, and never sees the end of its input, when that breaks off
	keeps bool     // changes something: runs to its end, client or not
}

// child makes the program for an order. git's services need the app's
// repository, which is made now if that is wanted.
func (s *Server) child(ctx context.Context, o order) (child, error) {
	if !o.Git() {
		p := s.verb(o.actor, o.via, o.words()...)
		p.keeps = o.Needs() != RoleRead
		return p, nil
	}
	repo, err := s.repository(ctx, o.Command)
	if err != nil {
		return child{}, err
	}
	p := child{dir: s.config.Apps, env: s.environ(o.actor, o.via), input: true, keeps: o.Needs() != RoleRead}
	p.argv = append(append([]string{"git", o.Name[len("git-"):]}, o.flags...), repo)
	p.env = append(p.env,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		// The owner was looked at by repository, whose rule allows root too.
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0="+repo)
	if o.protocol != "" {
		p.env = append(p.env, "GIT_PROTOCOL="+o.protocol)
	}
	return p, nil
}

// verb makes the program for a command of repoint itself.
func (s *Server) verb(actor, via string, words ...string) child {
	argv := append([]string{s.config.Exe, "--apps", s.config.Apps}, words...)
	return child{argv: argv, dir: s.config.Apps, env: s.environ(actor, via)}
}

// environ is what every child gets. Nothing of it comes from the client but
// the name of its key or token.
func (s *Server) environ(actor, via string) []string {
	env := []string{"LC_ALL=C", "REPOINT_ACTOR=" + actor, "REPOINT_VIA=" + via}
	path := s.config.Getenv("PATH")
	if path == "" {
		path = cleanPath
	}
	env = append(env, "PATH="+path)
	for _, name := range []string{"HOME", "REPOINT_LOG"} {
		if value := s.config.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// repository returns the path of the app's repository.
func (s *Server) repository(ctx context.Context, c Command) (string, error) {
	s.creating.Lock()
	defer s.creating.Unlock()
	repo := filepath.Join(s.config.Apps, c.App, "repo.git")
	info, err := os.Stat(repo)
	if errors.Is(err, fs.ErrNotExist) && s.config.Create != nil && c.Name == receivePack {
		if err := s.config.Create(ctx, c.App); err != nil {
			return "", fmt.Errorf("making app %s: %w", c.App, err)
		}
		info, err = os.Stat(repo)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", noApp(c.App, filepath.Join(s.config.Apps, c.App))
	}
	if err != nil {
		return "", fmt.Errorf("looking for app %s: %w", c.App, err)
	}
	// git would run the git hooks of whoever owns the repository as us.
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || (int(stat.Uid) != os.Geteuid() && stat.Uid != 0) {
		return "", refuse("on the server: chown -R "+fmt.Sprint(os.Geteuid())+" "+repo,
			"the repository of %s belongs to another user than the server's", c.App)
	}
	return repo, nil
}

func noApp(app, dir string) *RefusedError {
	return &RefusedError{Problem: "there is no app " + app, Hint: "on the server: repoint init " + dir, status: exitNotFound}
}
