package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// port is where the hub listens for agents, on the bridge's address.
const port = "4222"

// rules are a [fleet] to push under.
type rules struct {
	text string
	all  bool // a push that succeeds has reached all agents
}

// The rules that pushes are done under. A push under strict gives up soon, since
// agents may be gone for good; one under patient is for when all are well.
var (
	usual   = rules{text: "skip_down = \"3s\"\nready_within = \"20s\"\nlive_within = \"20s\"\n"}
	strict  = rules{text: "wait = \"all\"\nskip_down = \"0\"\nready_within = \"6s\"\nlive_within = \"6s\"\n", all: true}
	lenient = rules{text: "wait = \"50%\"\nmax_failed = 1000\nskip_down = \"1s\"\nready_within = \"20s\"\nlive_within = \"20s\"\n"}
	waves   = rules{text: "waves = [\"1\", \"30%\"]\npause = \"100ms\"\nskip_down = \"3s\"\nready_within = \"20s\"\nlive_within = \"20s\"\n"}
	patient = rules{text: "wait = \"all\"\nskip_down = \"0\"\nready_within = \"20s\"\nlive_within = \"20s\"\n", all: true}
)

// anyRules are those of a push that something may come between.
func anyRules(random *rand.Rand) rules {
	return []rules{usual, usual, usual, strict, strict, lenient, waves}[random.IntN(7)]
}

const hubConfig = `[retention]
schedule = "* * * * *"
keep = 3
grace = "1m"

[fleet]
agents = ["*"]
serve_here = false
`

// hub is the machine that is pushed to.
type hub struct {
	daemon
	w     *world
	apps  string
	spare string // where an older copy of what NATS keeps is
}

func (w *world) newHub() *hub {
	h := &hub{w: w, apps: filepath.Join(w.dir, "hub"), spare: filepath.Join(w.dir, "nats-before")}
	h.daemon = daemon{name: "hub", log: filepath.Join(w.dir, "hub.log"), launch: (*exec.Cmd).Start}
	return h
}

func (h *hub) app() string { return filepath.Join(h.apps, app) }

func (h *hub) address() string { return h.w.net.hub() + ":" + port }

// create makes the app.
func (h *hub) create(ctx context.Context) error {
	if err := os.Mkdir(h.apps, 0o755); err != nil {
		return err
	}
	if err := quiet(h.w.command(ctx, h.w.exe, "init", h.app())); err != nil {
		return err
	}
	return h.rule(usual)
}

// rule has the next pushes done under these rules.
func (h *hub) rule(r rules) error {
	file := filepath.Join(h.app(), "repoint.toml")
	if err := os.WriteFile(file+".new", []byte(hubConfig+r.text), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// token makes what lets n agents join, and returns the file that has it.
func (h *hub) token(ctx context.Context, n int) (string, error) {
	out, err := h.w.command(ctx, h.w.exe, "fleet", "join-token", app, "--apps", h.apps, "--uses", fmt.Sprint(n)).Output()
	if err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	file := filepath.Join(h.w.dir, "token")
	return file, os.WriteFile(file, out, 0o600)
}

// serve starts the hub, and returns when agents can reach it.
func (h *hub) serve(ctx context.Context) error {
	err := h.start(h.w.env(), h.w.exe, "serve", "--apps", h.apps, "--ssh", "127.0.0.1:0", "--fleet", h.address())
	if err != nil {
		return err
	}
	up := func() bool { return strings.Contains(h.said(), "serving the fleets") }
	if !await(ctx, patience, func() bool { return up() || !h.runs() }) || !up() {
		return fmt.Errorf("the hub does not serve: %s", h.said())
	}
	return nil
}

func (h *hub) kill() error { return h.daemon.kill() }

// forget stops the hub and takes away what its NATS keeps.
func (h *hub) forget() error {
	if err := h.stop(); err != nil {
		return err
	}
	return os.RemoveAll(h.nats())
}

// putBack stops the hub and puts back what its NATS kept when that was done last.
func (h *hub) putBack() error {
	if err := h.stop(); err != nil {
		return err
	}
	now := h.spare + "-next"
	_, err := os.Stat(h.nats())
	if err == nil {
		err = os.Rename(h.nats(), now)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Mkdir(now, 0o700)
	}
	if err == nil {
		err = os.CopyFS(h.nats(), os.DirFS(h.spare))
	}
	if err == nil {
		err = os.RemoveAll(h.spare)
	}
	if err != nil {
		return fmt.Errorf("putting back what NATS kept: %w", err)
	}
	return os.Rename(now, h.spare)
}

// copyStore begins the row of copies, with the hub stopped in between.
func (h *hub) copyStore(ctx context.Context) error {
	if err := h.stop(); err != nil {
		return err
	}
	if err := os.CopyFS(h.spare, os.DirFS(h.nats())); err != nil {
		return err
	}
	return h.serve(ctx)
}

func (h *hub) nats() string { return filepath.Join(h.apps, ".repoint/fleet/nats") }
