package demo

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"repoint/deploy"
	"repoint/gitsrc"
	"repoint/hooks/githook"
	"repoint/serve"
)

const appName = "sample"

// world is all that the story happens in: one directory with the server's
// apps, the pusher's repository, both sides' keys, and the machines' apps.
type world struct {
	Options
	dir      string
	app      string // the app's directory
	work     string // the pusher's repository
	site     *site
	server   *serve.Server
	machines *machines  // nil: the server serves the site itself
	ended    chan error // what the server returned
	stop     context.CancelFunc
	said     string // what git printed in the last push

	first, second gitsrc.Hash
}

func newWorld(ctx context.Context, o Options) (_ *world, err error) {
	w := &world{Options: o}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp(o.Getenv("TMPDIR"), "repoint-demo-"); err != nil {
		return nil, err
	}
	apps := filepath.Join(w.dir, "apps")
	w.app, w.work = filepath.Join(apps, appName), filepath.Join(w.dir, "work")
	for _, dir := range []string{apps, w.work, filepath.Join(w.dir, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := deploy.Create(ctx, o.Env, w.app, "main", githook.Script(o.Exe)); err != nil {
		return nil, err
	}
	if err := w.serve(ctx, apps); err != nil {
		return nil, err
	}
	if o.Fleet > 0 {
		if err := w.lead(ctx, apps); err != nil {
			return nil, err
		}
	}
	if w.site, err = newSite(w.serving()); err != nil {
		return nil, err
	}
	return w, w.clone(ctx)
}

// serve starts the embedded SSH server, with one key that may push.
func (w *world) serve(ctx context.Context, apps string) error {
	public, err := w.newKey()
	if err != nil {
		return err
	}
	key, err := serve.NewKey("you", public, serve.RolePush, []string{appName})
	if err != nil {
		return err
	}
	if err := serve.AddKey(apps, key); err != nil {
		return err
	}
	w.server, err = serve.Listen(serve.Config{Apps: apps, SSH: "127.0.0.1:0", Exe: w.Exe, Getenv: w.Getenv, Log: w.Log})
	if err != nil {
		return err
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.ended = make(chan error, 1)
	go func() { w.ended <- w.server.Serve(ctx) }()
	return os.WriteFile(w.path("host.pub"), ssh.MarshalAuthorizedKey(w.server.HostKey()), 0o644)
}

// newKey makes the pusher's key and returns its public half.
func (w *world) newKey() ([]byte, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "you")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.path("key"), pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	sshPublic, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	return ssh.MarshalAuthorizedKey(sshPublic), nil
}

// clone makes the pusher's repository. Its own configuration names the SSH
// program and the keys, so that whoever looks at the demo can push there too.
func (w *world) clone(ctx context.Context) error {
	host, port, err := net.SplitHostPort(w.server.Addr().String())
	if err != nil {
		return err
	}
	client := fmt.Sprintf("REPOINT_SSH_KEY=%s REPOINT_SSH_HOST_KEY=%s %s ssh",
		quote(w.path("key")), quote(w.path("host.pub")), quote(w.Exe))
	for _, args := range [][]string{
		{"init", "--quiet", "--template=", "--initial-branch=main"},
		{"config", "user.name", "You"},
		{"config", "user.email", "you@example.com"},
		{"config", "core.sshCommand", client},
		{"config", "ssh.variant", "ssh"},
		{"remote", "add", "production", fmt.Sprintf("ssh://git@%s:%s/%s", host, port, appName)},
	} {
		if _, err := w.git(ctx, args...); err != nil {
			return err
		}
	}
	return w.write(sample)
}

// commit commits files and returns the commit.
func (w *world) commit(ctx context.Context, subject string, files map[string]string) (gitsrc.Hash, error) {
	if err := w.write(files); err != nil {
		return "", err
	}
	if _, err := w.git(ctx, "add", "--all"); err != nil {
		return "", err
	}
	if _, err := w.git(ctx, "commit", "--quiet", "--message", subject); err != nil {
		return "", err
	}
	out, err := w.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	return gitsrc.ParseHash(strings.TrimSpace(out))
}

func (w *world) write(files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(w.work, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pushes really pushes, shows it, and checks git's exit status.
func (w *world) pushes(ctx context.Context, want int, args ...string) error {
	args = append([]string{"push", "production"}, args...)
	w.say("$ git %s\n", strings.Join(args, " "))
	var said bytes.Buffer
	cmd := w.command(ctx, args...)
	cmd.Stdout = io.MultiWriter(w.Out, &said)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	w.said = said.String()
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	w.say("(git exited %d)\n", got)
	if got != want {
		return fmt.Errorf("git push exited %d, not %d", got, want)
	}
	return nil
}

func (w *world) git(ctx context.Context, args ...string) (string, error) {
	out, err := w.command(ctx, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// command is git in the pusher's repository, with nobody's configuration but
// that repository's.
func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = w.work
	cmd.Env = []string{
		"PATH=" + w.Getenv("PATH"), "HOME=" + w.path("home"), "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
	}
	return cmd
}

// serving is what visitors read: the server's app, or each machine's.
func (w *world) serving() []served {
	if w.machines == nil {
		return []served{{"/", w.app}}
	}
	return w.machines.serving()
}

// showing says that visitors read a version everywhere.
func (w *world) showing(version string) string {
	if w.machines == nil {
		return "the site shows version " + version
	}
	return "version " + version + " is on " + together(len(w.machines.all))
}

type where struct{ live, branch gitsrc.Hash }

func (w *world) status() (where, error) {
	target, err := os.Readlink(filepath.Join(w.app, "current"))
	if err != nil {
		return where{}, err
	}
	repo, err := gitsrc.Open(filepath.Join(w.app, deploy.RepoDir))
	if err != nil {
		return where{}, err
	}
	branch, _, err := repo.Ref("refs/heads/main")
	return where{live: gitsrc.Hash(strings.TrimPrefix(target, "code_")), branch: branch}, err
}

func (w *world) sayWhere() {
	w.say("\n=== Where everything lies\n")
	lines := [][2]string{
		{"the app", w.app}, {"what is live", filepath.Join(w.app, "current")},
		{"the journal", filepath.Join(w.app, ".repoint", "journal.jsonl")},
		{"your repository", w.work}, {"the site", w.site.pages[0]},
	}
	tries := []string{w.Exe + " status " + w.app}
	if w.machines != nil {
		lines = append(lines, [2]string{"the machines", w.machines.where()})
		tries = append(tries, w.Exe+" fleet status "+appName+" --apps "+filepath.Dir(w.app))
	}
	for _, line := range lines {
		w.say("%-16s %s\n", line[0], line[1])
	}
	for _, try := range tries {
		w.say("try: %s\n", try)
	}
	w.say("try: cd %s && git push production main\n", w.work)
}

func (w *world) say(format string, args ...any) { fmt.Fprintf(w.Out, format, args...) }

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// close stops the server and removes everything.
func (w *world) close() {
	if w.stop != nil {
		w.stop()
		<-w.ended
	}
	if w.machines != nil {
		w.machines.close()
	}
	if w.site != nil {
		w.site.server.Close()
	}
	if w.dir != "" {
		w.remove()
	}
}

// remove removes everything. A process that a deploy has left to do the rest
// may still be writing there.
func (w *world) remove() {
	for range 100 {
		if os.RemoveAll(w.dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// quote quotes s for the shell that git hands core.sshCommand to.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
