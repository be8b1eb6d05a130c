package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The ways of removing trees; resting removes nothing.
const (
	pruning = "prune"
	remove  = "rm -rf"
	resting = "idle"
)

var ways = []string{pruning, remove, resting}

// world is an app with one live release, which is also what the trees are copied
// from.
type world struct {
	dir, exe, app, live string
	seal                map[string]any // of the live release
	made                int            // trees so far
}

func newWorld(ctx context.Context, files int) (*world, error) {
	dir, err := os.MkdirTemp("", "repoint-bench-")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, exe: filepath.Join(dir, "repoint"), app: filepath.Join(dir, "apps", "blog")}
	if err := w.make(ctx, files); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return w, nil
}

func (w *world) make(ctx context.Context, files int) error {
	tree := filepath.Join(w.dir, "tree")
	for n := range files {
		name := filepath.Join(tree, fileName(n))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(strings.Repeat(name, 20)), 0o644); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Dir(w.app), 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"go", "build", "-o", w.exe, "repoint/cmd/repoint"},
		{w.exe, "init", w.app},
		{w.exe, "upload", w.app, tree, "--commit", commit(0)},
	} {
		if err := run(ctx, args...); err != nil {
			return err
		}
	}
	w.live = filepath.Join(w.app, "current")
	data, err := os.ReadFile(w.sealPath(commit(0)))
	if err == nil {
		err = json.Unmarshal(data, &w.seal)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.app, "repoint.toml"), []byte("[retention]\nkeep = 0\nfailed_keep = 0\nmin_free = 0\ngrace = \"0\"\n"), 0o644)
}

// fileName has fifty files in a directory, as packages of a language have.
func fileName(n int) string { return fmt.Sprintf("package%d/lib/%d.js", n/50, n) }

func commit(n int) string { return fmt.Sprintf("%040x", n+1) }

func (w *world) sealPath(commit string) string {
	return filepath.Join(w.app, ".repoint", "seals", "code_"+commit+".json")
}

// prepare makes the trees, and returns what removes them.
func (w *world) prepare(ctx context.Context, way string, trees int) (func() error, error) {
	switch way {
	case resting:
		return func() error {
			time.Sleep(3 * time.Second)
			return nil
		}, nil
	case remove:
		dir := filepath.Join(w.dir, "same")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		for n := range trees {
			if err := w.copyTree(ctx, filepath.Join(dir, fmt.Sprint(n))); err != nil {
				return nil, err
			}
		}
		return func() error { return run(ctx, "rm", "-rf", dir) }, nil
	}
	for range trees {
		w.made++
		if err := w.makeRelease(ctx, commit(w.made)); err != nil {
			return nil, err
		}
	}
	return func() error { return w.prune(ctx, trees) }, nil
}

func (w *world) copyTree(ctx context.Context, to string) error {
	return run(ctx, "cp", "-a", filepath.Join(w.dir, "tree"), to)
}

// makeRelease makes a release that was built and never was live.
func (w *world) makeRelease(ctx context.Context, commit string) error {
	w.seal["release"], w.seal["commit"] = "code_"+commit, commit
	data, err := json.Marshal(w.seal)
	if err == nil {
		err = os.WriteFile(w.sealPath(commit), data, 0o600)
	}
	if err != nil {
		return err
	}
	return w.copyTree(ctx, filepath.Join(w.app, "code_"+commit))
}

func (w *world) prune(ctx context.Context, trees int) error {
	if err := run(ctx, w.exe, "prune", w.app); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(w.app, "code_*"))
	trash, err2 := os.ReadDir(filepath.Join(w.app, ".repoint", "trash"))
	if err != nil || err2 != nil || len(left) != 1 || len(trash) > 0 {
		return fmt.Errorf("after pruning %d trees %d and %d in the trash are left: %v, %v", trees, len(left), len(trash), err, err2)
	}
	return nil
}

func run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
