package releases_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"repoint/internal/durable"
)

// errCut is what a step answers that was cut.
var errCut = errors.New("cut")

// fault is how a step goes wrong.
type fault struct {
	name   string
	dies   bool // with its process: no later step runs either
	stored bool // it is done, and then the error comes
	torn   bool // it is half done
}

var faults = []fault{
	{name: "dies before", dies: true},
	{name: "dies half-way", dies: true, torn: true},
	{name: "dies after", dies: true, stored: true},
	{name: "fails"},
	{name: "fails but is stored", stored: true},
}

// deaths are the faults that leave different things on the disk: to die after
// a step is to die before the next.
var deaths = faults[:2]

// cutter is a seam that lets one step go wrong: the at-th, counted from 0.
type cutter struct {
	fault
	at    int
	dir   string   // the app's
	steps []string // the labels so far
}

// reached reports whether the step that was to go wrong was met.
func (c *cutter) reached() bool { return len(c.steps) > c.at }

func (c *cutter) seam(label string, do func() error) error {
	n := len(c.steps)
	c.steps = append(c.steps, label)
	switch {
	case n < c.at || (n > c.at && !c.dies):
		return do()
	case n > c.at:
		return errCut
	}
	var err error
	switch {
	case c.stored:
		err = do()
	case c.torn:
		err = c.tear(label, do)
	}
	return errors.Join(errCut, err)
}

// tears reports whether a step can be done by half: most are one system call.
func tears(label string) bool {
	verb, name, _ := strings.Cut(label, " ")
	return verb == "append" || verb == "write" || strings.HasPrefix(name, "tree ")
}

// tear does half of what a step that tears does.
func (c *cutter) tear(label string, do func() error) error {
	verb, name, _ := strings.Cut(label, " ")
	path := filepath.Join(c.dir, name)
	switch verb {
	case "append":
		return errors.Join(do(), halve(filepath.Join(c.dir, ".repoint", name), lastLine))
	case "write":
		if _, err := os.Stat(path); err == nil && filepath.Base(path) == "lock" {
			return errors.Join(do(), halve(path, wholeFile))
		}
		err := do()
		temps, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".repoint-*"))
		for _, temp := range temps {
			err = errors.Join(err, halve(temp, wholeFile))
		}
		return err
	case "remove":
		if tree, ok := strings.CutPrefix(name, "tree "); ok {
			return os.RemoveAll(filepath.Join(c.dir, tree, filepath.Dir(treeFiles[1])))
		}
	}
	return nil
}

func wholeFile(text []byte) int { return 0 }

// lastLine says where the last line of text begins.
func lastLine(text []byte) int {
	return 1 + strings.LastIndexByte(strings.TrimSuffix(string(text), "\n"), '\n')
}

// halve cuts off half of what begins at from.
func halve(path string, from func(text []byte) int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	start := from(text)
	return os.Truncate(path, int64(start+(len(text)-start)/2))
}

// repair opens the app after a death as the next process does, and repairs.
func (a app) repair(seam durable.Seam) (notes []string, err error) {
	a.t.Helper()
	store := a.open(seam)
	defer store.Close()
	lock, free, err := store.TryLock()
	if err != nil || !free {
		a.t.Fatalf("taking the lock after a death: free %v, %v", free, err)
	}
	defer lock.Unlock()
	return lock.Repair(now)
}

// mustRepair repairs, and fails the test unless that leaves nothing to do.
func (a app) mustRepair() error {
	a.t.Helper()
	if _, err := a.repair(nil); err != nil {
		return err
	}
	store := a.open(nil)
	defer store.Close()
	before, _ := a.journal(store)
	notes, err := a.repair(nil)
	after, _ := a.journal(store)
	if len(notes) > 0 || len(after) != len(before) {
		err = errors.Join(err, fmt.Errorf("repaired twice: %q, %d lines after %d", notes, len(after), len(before)))
	}
	return err
}
