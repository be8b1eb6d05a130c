package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"repoint/internal/durable"
)

// Outcomes that the store itself writes or reads; the others are the deploy's.
const (
	Interrupted = "interrupted" // its process died
)

// Repair puts right what a process that died has left: temporary names, trees
// that were being built, a history without an end, a previous that was not
// moved along with current. It returns what it did, one sentence each, for
// people to read. Whoever takes the lock calls it before anything else; killed
// half-way it is simply run again.
func (l *Lock) Repair(now time.Time) ([]string, error) {
	var notes []string
	for _, step := range []func(time.Time) ([]string, error){
		l.sweepTemps, l.closeHistory, l.followLink, l.dropUnsealed, l.emptyTrash,
	} {
		done, err := step(now)
		notes = append(notes, done...)
		if err != nil {
			return notes, fmt.Errorf("cleaning up after an earlier deploy: %w", err)
		}
	}
	return notes, nil
}

// sweepTemps removes temporary names. Requests that are just being taken make
// theirs under the journal's lock, so it is held meanwhile.
func (l *Lock) sweepTemps(time.Time) ([]string, error) {
	f, err := l.journal.lock()
	if err != nil {
		return nil, err
	}
	defer unlock(f)
	for _, dir := range []string{".", stateDir, sealsDir, waitDir} {
		entries, err := fs.ReadDir(l.dir.Root().FS(), dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if durable.IsTemp(entry.Name()) {
				if err := l.dir.Remove(path.Join(dir, entry.Name())); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, nil
}

// closeHistory gives each deploy whose process died the end line it lacks.
func (l *Lock) closeHistory(now time.Time) (notes []string, err error) {
	_, dead, err := l.Tickets()
	if err != nil {
		return nil, err
	}
	waited := len(dead)
	if before := l.before.Deploy; before != 0 {
		dead = append(dead, before)
	}
	for i, id := range dead {
		started, ended, err := l.Deploy(id)
		if err != nil {
			return notes, err
		}
		if started != nil && ended == nil {
			err = l.Append(Line{Event: End, Time: now, Deploy: id, Outcome: Interrupted,
				Error: "its process died", Millis: now.Sub(started.Time).Milliseconds()})
			notes = append(notes, fmt.Sprintf("deploy %d was interrupted: its process died", id))
		}
		if err == nil && i < waited {
			err = l.dir.Remove(path.Join(waitDir, fmt.Sprintf("%d.json", id)))
		}
		if err != nil {
			return notes, err
		}
	}
	return notes, nil
}

// followLink makes the journal and previous agree with current, which is
// believed: a switch whose process died before it could say so, or a link
// that somebody moved by hand.
func (l *Lock) followLink(now time.Time) ([]string, error) {
	links, err := l.Links()
	if err != nil {
		return nil, err
	}
	said, known, err := l.LiveInJournal()
	if err != nil || links.Current == "" || links.Current == said {
		return nil, err
	}
	if known && links.Previous != said {
		if seal, err := l.SealOf(said); err != nil {
			return nil, err
		} else if seal != nil {
			if err := errors.Join(l.point(Previous, said), l.dir.Sync(".")); err != nil {
				return nil, err
			}
		}
	}
	note := fmt.Sprintf("current was found on %s", links.Current.Short())
	if known {
		note += ", the journal had it on " + said.Short()
	}
	return []string{note}, l.Append(Line{Event: Found, Time: now, Live: links.Current, From: said})
}

// dropUnsealed removes trees that a dead deploy was building, and seals whose
// tree is gone. A tree that no journal line accounts for, or that a link
// points at, is not ours to remove.
func (l *Lock) dropUnsealed(time.Time) (notes []string, err error) {
	list, err := l.List()
	if err != nil {
		return nil, err
	}
	trees := map[Name]bool{}
	for _, release := range list {
		trees[release.Name] = true
		if release.Seal != nil || release.Live || release.Previous || release.Next {
			continue
		}
		known, err := l.everStarted(release.Name.Commit())
		if err != nil {
			return notes, err
		}
		if !known {
			notes = append(notes, fmt.Sprintf("%s has no seal and is in no journal line: left alone", release.Name))
			continue
		}
		if err := l.Discard(release.Name); err != nil {
			return notes, err
		}
		notes = append(notes, fmt.Sprintf("removed %s, which was never finished", release.Name.Short()))
	}
	return notes, l.dropSeals(trees)
}

func (l *Lock) dropSeals(trees map[Name]bool) error {
	entries, err := fs.ReadDir(l.dir.Root().FS(), sealsDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		base, _ := strings.CutSuffix(entry.Name(), ".json")
		if name, ok := ParseName(base); ok && !trees[name] {
			if err := l.dir.Remove(path.Join(sealsDir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// emptyTrash deletes what is in the trash. What cannot be deleted stays there
// and is said: it is out of sight, and no reason to fail a deploy.
func (l *Lock) emptyTrash(time.Time) (notes []string, err error) {
	entries, err := fs.ReadDir(l.dir.Root().FS(), trashDir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if err := l.dir.RemoveTree(path.Join(trashDir, entry.Name())); err != nil {
			notes = append(notes, fmt.Sprintf("cannot empty the trash: %v", err))
		}
	}
	return notes, nil
}
