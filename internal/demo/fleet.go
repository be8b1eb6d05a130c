package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"repoint/deploy"
)

// fleetActs are the acts of the story that n machines tell together.
func fleetActs(n int) []act {
	return []act{
		{"The first release, on " + together(n) + " at once", firstRelease},
		{"A second one, while visitors read all machines", secondRelease},
		{"A machine that cannot prove the new code: all go back", failingMachine},
		{"Going back on all of them: nothing is built", goBack},
	}
}

// together names n machines.
func together(n int) string {
	if n == 1 {
		return "the one machine"
	}
	return fmt.Sprintf("all %d machines", n)
}

// failingMachine has one machine's services refuse the third version.
func failingMachine(ctx context.Context, w *world) error {
	last := w.machines.all[len(w.machines.all)-1]
	if err := os.WriteFile(filepath.Join(last.app(), deploy.ConfigFile), []byte(refuseThree), 0o644); err != nil {
		return err
	}
	w.say("%s has a repoint.toml of its own:\n%s", last.name, refuseThree)
	if _, err := w.commit(ctx, "Hello, three", page("three")); err != nil {
		return err
	}
	if err := w.pushes(ctx, 1, "main"); err != nil {
		return err
	}
	if !strings.Contains(w.said, "[remote rejected]") || !strings.Contains(w.said, last.name+": reload failed") {
		return errors.New("git did not say which machine, and why")
	}
	return w.shows("two", w.second)
}
