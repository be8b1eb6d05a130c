package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"repoint/internal/durable"
	"repoint/releases"
)

// checkSound looks at an app from outside, when nothing runs in it: nothing
// half-done is left, and link, branch, seals and journal tell the same story.
func checkSound(app string) error {
	store, err := releases.Open(durable.Disk{}, app)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := checkUnlocked(store); err != nil {
		return err
	}
	links, err := store.Links()
	if err != nil {
		return err
	}
	return errors.Join(
		checkLeftoversOfAll(app),
		checkTrees(store, links),
		checkRefs(app, links),
		checkJournal(app, links),
	)
}

// checkLeftoversOfAll is checkLeftovers once nothing is being done any more, or
// while what is left of deploys goes on and leaves nothing: a watch does.
func checkLeftoversOfAll(app string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); ; <-tick.C {
		busy := len(afterwardsIn(app)) > 0
		err := checkLeftovers(app)
		if err == nil || !busy || time.Now().After(end) {
			return err
		}
	}
}

// checkLeftovers finds what only exists while something is being done.
func checkLeftovers(app string) error {
	var problems []error
	for _, dir := range []string{".", ".repoint", ".repoint/seals", ".repoint/logs", "repo.git", "repo.git/hooks", "shared"} {
		entries, err := os.ReadDir(filepath.Join(app, dir))
		if err != nil {
			problems = append(problems, err)
		}
		for _, entry := range entries {
			if durable.IsTemp(entry.Name()) || filepath.Ext(entry.Name()) == ".lock" {
				problems = append(problems, fmt.Errorf("%s is left in %s", entry.Name(), dir))
			}
		}
	}
	for _, dir := range []string{".repoint/trash", ".repoint/waiting"} {
		entries, err := os.ReadDir(filepath.Join(app, dir))
		if err != nil || len(entries) > 0 {
			problems = append(problems, fmt.Errorf("%s is not empty: %v %v", dir, entries, err))
		}
	}
	return errors.Join(problems...)
}

// checkTrees wants a seal for each tree, a tree for each seal, and links only
// to such.
func checkTrees(store *releases.Store, links releases.Links) error {
	list, err := store.List()
	if err != nil {
		return err
	}
	var problems []error
	sealed := map[releases.Name]bool{"": true}
	for _, release := range list {
		if release.Seal == nil {
			problems = append(problems, fmt.Errorf("%s has no seal", release.Name))
		}
		sealed[release.Name] = release.Seal != nil
	}
	for _, link := range []releases.Name{links.Current, links.Previous, links.Next} {
		if !sealed[link] {
			problems = append(problems, fmt.Errorf("a link points at %s, which is no sealed release", link))
		}
	}
	seals, err := filepath.Glob(filepath.Join(store.Dir(), ".repoint", "seals", "*.json"))
	if err != nil || len(seals) != len(list) {
		problems = append(problems, fmt.Errorf("%d seals of %d releases: %v", len(seals), len(list), err))
	}
	inventories, err := filepath.Glob(filepath.Join(store.Dir(), ".repoint", "seals", "*.files"))
	for _, name := range inventories {
		if release := releases.Name(strings.TrimSuffix(filepath.Base(name), ".files")); !sealed[release] {
			problems = append(problems, fmt.Errorf("an inventory is left of %s", release))
		}
	}
	return errors.Join(append(problems, err)...)
}

// checkRefs wants the refs where the links are. HEAD names the app's branch.
func checkRefs(app string, links releases.Links) error {
	repo := filepath.Join(app, "repo.git")
	out, err := exec.Command("git", "--git-dir="+repo, "for-each-ref", "--format=%(refname) %(objectname)").Output()
	if err != nil {
		return err
	}
	head, err := os.ReadFile(filepath.Join(repo, "HEAD"))
	if err != nil {
		return err
	}
	at := map[string]string{}
	for line := range strings.Lines(string(out)) {
		ref, hash, _ := strings.Cut(strings.TrimSpace(line), " ")
		at[ref] = hash
	}
	var problems []error
	for ref, to := range map[string]releases.Name{
		strings.TrimSpace(strings.TrimPrefix(string(head), "ref: ")): links.Current,
		"refs/repoint/live": links.Current, "refs/repoint/previous": links.Previous, "refs/repoint/next": links.Next,
	} {
		if at[ref] != to.Commit() {
			problems = append(problems, fmt.Errorf("%s is on %q, its link on %q", ref, at[ref], to.Commit()))
		}
	}
	return errors.Join(problems...)
}

// checkJournal wants whole lines, numbers without gaps, one end for each start,
// and the last word about what is live to be true.
func checkJournal(app string, links releases.Links) error {
	data, err := os.ReadFile(filepath.Join(app, ".repoint", "journal.jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		return errors.New("the journal's last line is torn")
	}
	var live releases.Name
	var folded releases.Line
	starts, ends := map[int]int{}, map[int]int{}
	packed := bytes.Contains(data, []byte(`"event":"folded"`)) // older lines come first, with gaps
	for i, text := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		if len(data) == 0 {
			break
		}
		var line releases.Line
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&line); err != nil {
			return fmt.Errorf("journal line %d: %w: %s", i+1, err, text)
		}
		if line.Event == releases.Folded {
			packed, folded, folded.Seq = false, line, line.Seq-int64(i+1)
		}
		if !packed && line.Seq != folded.Seq+int64(i+1) {
			return fmt.Errorf("journal line %d has the number %d", i+1, line.Seq)
		}
		switch {
		case packed:
		case line.Event == releases.Start:
			starts[line.Deploy]++
		case line.Event == releases.End && line.Deploy > folded.Top: // else its start was packed
			ends[line.Deploy]++
		}
		if line.Live != "" {
			live = line.Live
		}
	}
	return errors.Join(checkPairs(starts, ends), checkSaid(live, links.Current))
}

func checkPairs(starts, ends map[int]int) error {
	for id := range starts {
		if starts[id] != 1 || ends[id] != 1 {
			return fmt.Errorf("deploy %d has %d starts and %d ends in the journal", id, starts[id], ends[id])
		}
	}
	if len(ends) > len(starts) {
		return fmt.Errorf("the journal has %d ends and %d starts", len(ends), len(starts))
	}
	return nil
}

func checkSaid(said, is releases.Name) error {
	if said != is {
		return fmt.Errorf("the journal has %q live, the link %q", said, is)
	}
	return nil
}

// checkUnlocked waits for the lock: a git hook has it until it exits, a moment
// after its pusher may have heard how the deploy ended.
func checkUnlocked(store *releases.Store) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); time.Now().Before(end); <-tick.C {
		lock, free, err := store.TryLock()
		if err != nil {
			return err
		}
		if free {
			return lock.Unlock()
		}
	}
	return fmt.Errorf("the app's lock is still held by %+v", store.Holder())
}
