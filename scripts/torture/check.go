package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// check returns all that is wrong with the app once repoint status has
// answered. One of the allowed commits must be live.
func (w *world) check(status []byte, allowed []commit) []string {
	now, err := w.look()
	if err != nil {
		return []string{err.Error()}
	}
	problems := w.checkLive(now, allowed)
	problems = append(problems, w.checkReleases(now)...)
	problems = append(problems, checkJournal(now)...)
	problems = append(problems, checkStatus(status, now)...)
	return append(problems, w.checkLitter()...)
}

// checkAnswered checks what must hold when a try has exited with 0, before
// anything had the chance to repair it.
func (w *world) checkAnswered(want commit) []string {
	now, err := w.look()
	if err != nil {
		return []string{"after exit status 0: " + err.Error()}
	}
	var problems []string
	for _, problem := range w.checkLive(now, []commit{want}) {
		problems = append(problems, "after exit status 0: "+problem)
	}
	return problems
}

func (w *world) checkLive(now state, allowed []commit) (problems []string) {
	live := w.find(now.live)
	if now.branch != live.id {
		problems = append(problems, fmt.Sprintf("main stands on %.7s, the link on %.7s", now.branch, live.id))
	}
	var names []string
	for _, c := range allowed {
		if c.id == live.id {
			return problems
		}
		names = append(names, c.id[:7])
	}
	return append(problems, fmt.Sprintf("live is %.7s, not %s", live.id, strings.Join(names, " or ")))
}

// checkReleases checks that each tree has a seal and each seal a tree, and
// that what the links point at is complete.
func (w *world) checkReleases(now state) (problems []string) {
	trees, _ := filepath.Glob(w.path("code_*"))
	seals, _ := filepath.Glob(w.path(".repoint/seals/*.json"))
	if len(trees) != len(seals) {
		problems = append(problems, fmt.Sprintf("there are %d trees and %d seals", len(trees), len(seals)))
	}
	for _, path := range trees {
		name := filepath.Base(path)
		var seal struct{ Release, Commit string }
		data, err := os.ReadFile(w.path(".repoint/seals/" + name + ".json"))
		if err == nil {
			err = json.Unmarshal(data, &seal)
		}
		if err != nil || seal.Release != name || "code_"+seal.Commit != name {
			problems = append(problems, fmt.Sprintf("the seal of %s says %+v: %v", name, seal, err))
		}
	}
	for _, name := range []string{now.live, now.previous} {
		is, err := readTree(w.path(name))
		if err != nil {
			problems = append(problems, err.Error())
		} else if fault := is.differs(w.find(name).tree); fault != "" {
			problems = append(problems, name+": "+fault)
		}
	}
	return problems
}

func checkJournal(now state) (problems []string) {
	starts, ends, live := map[int]int{}, map[int]int{}, ""
	for i, line := range now.journal {
		if line.Seq != int64(i)+1 {
			problems = append(problems, fmt.Sprintf("line %d of the journal has number %d", i+1, line.Seq))
		}
		switch line.Event {
		case "start":
			starts[line.Deploy]++
		case "end":
			ends[line.Deploy]++
		}
		if line.Live != "" {
			live = line.Live
		}
	}
	for id := 1; id <= max(len(starts), len(ends)); id++ {
		if starts[id] != 1 || ends[id] != 1 {
			problems = append(problems, fmt.Sprintf("deploy %d has %d starts and %d ends in the journal", id, starts[id], ends[id]))
		}
	}
	if live != now.live {
		problems = append(problems, fmt.Sprintf("live is %s by the journal, %s by the link", live, now.live))
	}
	return problems
}

// checkStatus checks that repoint tells what the disk shows.
func checkStatus(status []byte, now state) (problems []string) {
	type release struct{ Release string }
	var said struct {
		Live, Previous release
		Next, Running  *struct{}
		Waiting        []struct{}
		Warnings       []string
		Last           struct{ Outcome string }
	}
	if err := json.Unmarshal(status, &said); err != nil {
		return []string{"repoint status --json: " + err.Error()}
	}
	if said.Live.Release != now.live || said.Previous.Release != now.previous || said.Last.Outcome == "" ||
		said.Next != nil || said.Running != nil || len(said.Waiting) > 0 || len(said.Warnings) > 0 {
		problems = append(problems, fmt.Sprintf("repoint status says %s", bytes.Join(bytes.Fields(status), []byte(" "))))
	}
	return problems
}

// checkLitter looks for what must not be left. What a receive-pack of git that
// was killed leaves among the objects is git's own to remove (git gc).
func (w *world) checkLitter() (problems []string) {
	for _, dir := range []string{".repoint/trash", ".repoint/waiting"} {
		entries, err := os.ReadDir(w.path(dir))
		if err != nil || len(entries) > 0 {
			problems = append(problems, fmt.Sprintf("%s has %v (%v)", dir, entries, err))
		}
	}
	err := filepath.WalkDir(w.app, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case strings.HasPrefix(name, ".repoint-") || strings.HasSuffix(name, ".lock"):
			problems = append(problems, "left over: "+path)
		case d.IsDir() && (strings.HasPrefix(name, "code_") || name == "objects"):
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}
