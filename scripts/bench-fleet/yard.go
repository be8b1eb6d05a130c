package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// yard is a hub, its agents, and who pushes to it.
type yard struct {
	ctx      context.Context
	dir      string
	server   *exec.Cmd
	children []*exec.Cmd
	commits  int
}

func newYard(ctx context.Context, agents, per int) (_ *yard, err error) {
	dir, err := os.MkdirTemp("", "repoint-bench-fleet-")
	if err != nil {
		return nil, err
	}
	y := &yard{ctx: ctx, dir: dir}
	defer func() {
		if err != nil {
			y.close()
		}
	}()
	if _, err := y.run("", "go", "build", "-trimpath", "-o", y.path("repoint"), "./cmd/repoint"); err != nil {
		return nil, err
	}
	if err := y.makeHub(); err != nil {
		return nil, err
	}
	hub, err := y.serve()
	if err != nil {
		return nil, err
	}
	token, err := y.repoint("fleet", "join-token", "blog", "--uses", strconv.Itoa(agents))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(y.path("token"), []byte(token), 0o600); err != nil {
		return nil, err
	}
	for from := 0; from < agents; from += per {
		if err := y.start(from, min(from+per, agents), hub); err != nil {
			return nil, err
		}
	}
	_, err = y.push() // the first one, which nothing can be a patch of
	return y, err
}

const config = `[fleet]
agents = ["*"]
serve_here = false
[retention]
min_free = 0
`

func (y *yard) makeHub() error {
	for _, dir := range []string{"apps", "agents", "work"} {
		if err := os.Mkdir(y.path(dir), 0o755); err != nil {
			return err
		}
	}
	if _, err := y.repoint("init", y.path("apps/blog")); err != nil {
		return err
	}
	if err := os.WriteFile(y.path("apps/blog/repoint.toml"), []byte(config), 0o644); err != nil {
		return err
	}
	_, err := y.run("work", "git", "init", "--quiet", "--initial-branch=main")
	return err
}

var servingAt = regexp.MustCompile(`serving the fleets of \S+ on (tls://\S+)`)

// serve starts the hub's server, and returns the address for agents.
func (y *yard) serve() (string, error) {
	y.server = y.command("", y.path("repoint"), "serve", "--apps", y.path("apps"), "--ssh", "127.0.0.1:0", "--fleet", "127.0.0.1:0")
	said, err := y.server.StderrPipe()
	if err == nil {
		err = y.server.Start()
	}
	if err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if found := servingAt.FindStringSubmatch(lines.Text()); found != nil {
			go func() { // so that it never waits for us
				for lines.Scan() {
				}
			}()
			return found[1], nil
		}
	}
	return "", errors.New("the hub does not serve")
}

// start starts a process with some of the agents, and waits until they have joined.
func (y *yard) start(from, to int, hub string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	child := y.command("", exe, "child", y.path("agents"), strconv.Itoa(from), strconv.Itoa(to), hub, y.path("token"))
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		return err
	}
	y.children = append(y.children, child)
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || line != "joined\n" {
		return fmt.Errorf("agents %d to %d have not joined: %q, %w", from, to, line, err)
	}
	return nil
}

// took is what one deploy's steps took.
type took struct{ ready, flip, spread time.Duration }

// tooks is took of many.
type tooks struct{ ready, flip, spread []time.Duration }

// rounds pushes so many commits, one after the other.
func (y *yard) rounds(n int) (all tooks, err error) {
	for range n {
		is, err := y.push()
		if err != nil {
			return all, err
		}
		all.ready, all.flip, all.spread = append(all.ready, is.ready), append(all.flip, is.flip), append(all.spread, is.spread)
	}
	return all, nil
}

// push commits one changed file and pushes it.
func (y *yard) push() (took, error) {
	y.commits++
	if err := os.WriteFile(y.path("work/index.html"), []byte(strconv.Itoa(y.commits)), 0o644); err != nil {
		return took{}, err
	}
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message", "change"},
		{"push", "--quiet", y.path("apps/blog/repo.git"), "HEAD:main"}} {
		if _, err := y.run("work", "git", args...); err != nil {
			return took{}, err
		}
	}
	return y.last()
}

var spreadIn = regexp.MustCompile(`spread (\S+)\)`)

// last reads from the structured log what the steps of the last deploy took.
func (y *yard) last() (is took, err error) {
	data, err := os.ReadFile(y.path("log"))
	for line := range bytes.Lines(data) {
		var step struct {
			Step, Message string
			Took          float64 // milliseconds
		}
		if json.Unmarshal(line, &step) != nil {
			continue
		}
		switch d := time.Duration(step.Took * 1e6); step.Step {
		case "Fleet":
			is.ready = d
		case "Flip":
			is.flip = d
			if found := spreadIn.FindStringSubmatch(step.Message); found != nil {
				is.spread, _ = time.ParseDuration(found[1])
			}
		}
	}
	if err == nil && is.flip == 0 {
		err = errors.New("the log has no flip")
	}
	return is, err
}

// random writes a file of bytes that do not compress.
func (y *yard) random(name string, size int) error {
	data := make([]byte, size)
	rand.Read(data)
	return os.WriteFile(y.path("work/"+name), data, 0o644)
}

// memory is what processes take together, in bytes.
func memory(all ...*exec.Cmd) (sum int64) {
	for _, cmd := range all {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if _, rest, ok := strings.Cut(string(data), "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			sum += kb << 10
		}
	}
	return sum
}

// loopback is how many bytes have gone over it.
func loopback() int64 {
	data, _ := os.ReadFile("/sys/class/net/lo/statistics/tx_bytes")
	n, _ := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n
}

func (y *yard) path(name string) string { return filepath.Join(y.dir, name) }

func (y *yard) repoint(args ...string) (string, error) {
	return y.run("", y.path("repoint"), append(args, "--apps", y.path("apps"))...)
}

// run runs a program to its end, and returns its output.
func (y *yard) run(dir, name string, args ...string) (string, error) {
	cmd := y.command(dir, name, args...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, talk.Bytes())
	}
	return string(out), err
}

func (y *yard) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(y.ctx, name, args...)
	if dir != "" {
		cmd.Dir = y.path(dir)
	}
	cmd.Env = append(os.Environ(), "REPOINT_LOG="+y.path("log"), "GIT_CONFIG_GLOBAL=/dev/null", "CGO_ENABLED=0",
		"GIT_AUTHOR_NAME=you", "GIT_AUTHOR_EMAIL=you@example.com", "GIT_COMMITTER_NAME=you", "GIT_COMMITTER_EMAIL=you@example.com")
	return cmd
}

// close ends all of it.
func (y *yard) close() {
	for _, cmd := range append(y.children, y.server) {
		if cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
			_ = cmd.Wait()
		}
	}
	_ = os.RemoveAll(y.dir)
}
