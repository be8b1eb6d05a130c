package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// state is what the app's directory says, read without repoint.
type state struct {
	live, previous string // names of releases
	branch         string // a commit
	journal        []line
}

// line is what matters here of one line of the journal.
type line struct {
	Seq     int64  `json:"seq"`
	Top     int    `json:"top"`
	Event   string `json:"event"`
	Deploy  int    `json:"deploy"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Release string `json:"release"`
	Live    string `json:"live"`
	From    string `json:"from"`
}

func (w *world) look() (s state, err error) {
	if s.live, err = w.link("current"); err != nil {
		return s, err
	}
	if s.previous, err = w.link("previous"); err != nil {
		return s, err
	}
	if s.branch, err = w.branch(); err != nil {
		return s, err
	}
	s.journal, err = w.journal()
	return s, err
}

func (w *world) path(name string) string { return filepath.Join(w.app, name) }

func (w *world) link(name string) (string, error) {
	target, err := os.Readlink(w.path(name))
	if err == nil && w.find(target).id == "" {
		err = fmt.Errorf("%s points at %q, which is no release of a commit that was pushed", name, target)
	}
	return target, err
}

// find returns the commit of a release; the zero commit if there is none.
func (w *world) find(release string) commit {
	for _, c := range w.commits {
		if release == "code_"+c.id {
			return c
		}
	}
	return commit{}
}

// branch reads where main stands: in its own file, or packed.
func (w *world) branch() (string, error) {
	id, err := os.ReadFile(w.path("repo.git/refs/heads/main"))
	if !errors.Is(err, fs.ErrNotExist) {
		return strings.TrimSpace(string(id)), err
	}
	packed, err := os.ReadFile(w.path("repo.git/packed-refs"))
	for text := range strings.Lines(string(packed)) {
		if id, found := strings.CutSuffix(strings.TrimSpace(text), " refs/heads/main"); found {
			return id, nil
		}
	}
	return "", err
}

func (w *world) journal() (lines []line, err error) {
	data, err := os.ReadFile(w.path(".repoint/journal.jsonl"))
	if err != nil {
		return nil, err
	}
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		var next line
		if err := json.Unmarshal(scanner.Bytes(), &next); err != nil {
			return lines, fmt.Errorf("line %d of the journal: %w", len(lines)+1, err)
		}
		lines = append(lines, next)
	}
	return lines, nil
}

// How far a try had come when it was killed, as the disk shows it.
const (
	farNothing  = "not taken yet"
	farTaken    = "taken, nothing made"
	farBuilding = "checking out or building"
	farSealed   = "sealed, not live"
	farSwitched = "live, branch not moved"
	farMoved    = "live, branch moved"
	farRecorded = "recorded, not answered"
	farAnswered = "answered"
)

var distances = []string{farNothing, farTaken, farBuilding, farSealed, farSwitched, farMoved, farRecorded, farAnswered}

// progress says how far the try to make want live has come. Reading anything
// that a kill may have cut short is left to the check that follows.
func (w *world) progress(before state, want commit, status int) string {
	if status == 0 {
		return farAnswered
	}
	now, _ := w.look()
	added := now.journal[min(len(before.journal), len(now.journal)):]
	release := "code_" + want.id
	_, noTree := os.Lstat(w.path(release))
	_, noSeal := os.Lstat(w.path(".repoint/seals/" + release + ".json"))
	switch {
	case slices.ContainsFunc(added, line.success):
		return farRecorded
	case now.live == release && now.live != before.live && now.branch == want.id:
		return farMoved
	case now.live == release && now.live != before.live:
		return farSwitched
	case len(added) == 0:
		return farNothing
	case noTree != nil:
		return farTaken
	case noSeal != nil:
		return farBuilding
	}
	return farSealed
}

func (l line) success() bool {
	return l.Event == "end" && (l.Outcome == "success" || l.Outcome == "unchanged")
}
