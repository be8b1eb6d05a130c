package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ledWorld is a world whose app is a hub's, with two agents.
type ledWorld struct {
	*world
	agents []string // their apps' directories
}

func newLedWorld(t *testing.T) *ledWorld {
	t.Helper()
	w := &ledWorld{world: newWorld(t)}
	config := filepath.Join(w.app, "repoint.toml")
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, append(text, "[fleet]\nagents = [\"*\"]\nserve_here = false\n"...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	address := w.start("server", servingFleetAt.String(), "serve", "--ssh", "127.0.0.1:0", "--fleet", "127.0.0.1:0")
	for _, name := range []string{"web-1", "web-2"} {
		apps, token := filepath.Join(w.dir, name), filepath.Join(w.dir, name+".token")
		if err := os.Mkdir(apps, 0o755); err != nil {
			t.Fatal(err)
		}
		w.must("sh", "-c", "umask 077; repoint fleet join-token blog 2>&- > "+token)
		w.start(name, agentRuns.String(), "agent", "--apps", apps, "--hub", address, "--name", name, "--join", token)
		w.agents = append(w.agents, filepath.Join(apps, "blog"))
	}
	return w
}

// start starts repoint for as long as the test runs, and waits until it says
// something; it returns the pattern's first group, or all of it.
func (w *ledWorld) start(name, until string, args ...string) string {
	w.t.Helper()
	out, err := os.Create(filepath.Join(w.dir, name+".out"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command("repoint", args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it runs until now
		_ = cmd.Wait()
	})
	found, err := waitFor(out.Name(), regexp.MustCompile(until))
	if err != nil {
		w.t.Fatal(err)
	}
	return found[len(found)-1]
}

// deploys builds a commit anew and makes it live everywhere.
func (w *ledWorld) deploys(armed []string, commit int) (status int, said string) {
	w.t.Helper()
	return w.run(armed, "git", "-C", w.repo, "push", "-o", "rebuild", filepath.Join(w.app, "repo.git"), branchOf(commit)+":refs/deploy/live")
}

// follow wants all agents to have a commit live, and waits for it.
func (w *ledWorld) follow(commit int) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); ; <-tick.C {
		var has []string
		for _, app := range w.agents {
			data, err := os.ReadFile(filepath.Join(app, "current", "index.html"))
			has = append(has, fmt.Sprint(string(data), err))
		}
		want := fmt.Sprint(pages[commit], error(nil))
		if strings.Join(has, " ") == strings.Repeat(" "+want, len(has))[1:] {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("the hub has %q live, its agents %q", pages[commit], has)
		}
	}
}

// TestFleetKilledAtEveryStep kills the process that leads a fleet (kill -9) before
// each of the steps of a push. What the machines then have is what the hub's link
// says, without a command; and the same push goes through on all of them.
func TestFleetKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	const worlds = 4 // each takes one step of so many: the machines need a moment to follow
	for first := range worlds {
		t.Run(fmt.Sprintf("from step %d", first), func(t *testing.T) {
			t.Parallel()
			w := newLedWorld(t)
			if status, said := w.deploys(nil, 0); status != 0 {
				t.Fatal(said)
			}
			n := first
			for commit := 1; ; commit = 3 - commit {
				old := w.at("current")
				status, said := w.deploys([]string{fmt.Sprint(killEnv, "=", n)}, commit)
				at := w.at("current")
				if at != old && at != commit {
					t.Errorf("step %d: commit %d is live, neither %d nor %d: %s", n, at, old, commit, said)
				}
				w.follow(at)
				if status == 0 {
					break
				}
				if status, said := w.deploys(nil, commit); status != 0 || !strings.Contains(said, "Flip  2 live") {
					t.Errorf("again after step %d: it exited %d: %s", n, status, said)
				}
				w.follow(commit)
				n += worlds
			}
			if n < 30 {
				t.Errorf("a push has only %d steps", n)
			}
		})
	}
}
