package releases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"repoint/internal/durable"
)

// Outcomes that the store itself writes or reads; the others are the deploy's.
const (
	Interrupted = "interrupted" // its process died
)

// Repair puts right what a process that died has left: temporary names, trees
// that were being built, uploads that were being received, a spare without a seal, a history without an
// end, a previous that was not moved along with current. It returns what it
// did, one sentence each, for people to read. Whoever takes the lock calls it
// before anything else; killed half-way it is simply run again.
func (l *Lock) Repair(now time.Time) ([]string, error) {
	var notes []string
	for _, step := range []func(time.Time) ([]string, error){
		l.makeDirs, l.sweepTemps, l.closeHistory, l.followLink, l.dropUnsealed, l.sweepUploads, l.sweepSpare, l.emptyTrash,
	} {
		done, err := step(now)
		notes = append(notes, done...)
		var link *LinkError
		if errors.As(err, &link) { // nothing that a deploy left
			return notes, err
		}
		if err != nil {
			return notes, fmt.Errorf("cleaning up after an earlier deploy: %w", err)
		}
	}
	return notes, nil
}

// makeDirs makes again what a restored backup may lack, being empty.
func (l *Lock) makeDirs(time.Time) (notes []string, err error) {
	for _, name := range stateDirs {
		if _, err := l.dir.Root().Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := l.dir.Mkdir(name, 0o700); err != nil {
			return notes, err
		}
		notes = append(notes, name+" was missing and is made again")
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
	for _, dir := range []string{".", stateDir, sealsDir, waitDir, spareDir} {
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

// closeHistory gives each deploy whose process died the end line it lacks, and
// removes its ticket. Without an end, without the lock, which we have, and
// without a ticket that somebody holds it is dead.
func (l *Lock) closeHistory(now time.Time) (notes []string, err error) {
	ids, err := l.unended()
	if err != nil {
		return nil, err
	}
	alive, dead, err := l.Tickets() // after the journal: a ticket is there first
	if err != nil {
		return nil, err
	}
	ids = append(ids, dead...)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if slices.ContainsFunc(alive, func(t Ticket) bool { return t.Deploy == id }) {
			continue
		}
		note, err := l.endDead(id, now)
		if err != nil {
			return notes, err
		}
		notes = append(notes, note...)
	}
	for _, id := range dead {
		if err := l.dir.Remove(ticketPath(id)); err != nil {
			return notes, err
		}
	}
	return notes, nil
}

func (l *Lock) endDead(id int, now time.Time) (notes []string, err error) {
	start, ended, err := l.Deploy(id) // again: it may just have ended
	if err != nil || start == nil || ended != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("deploy %d was interrupted: its process died", id)},
		l.Append(Line{Event: End, Time: now, Deploy: id, Outcome: Interrupted,
			Error: "its process died", Millis: now.Sub(start.Time).Milliseconds()})
}

// followLink makes the journal and the other links agree with current, which
// is believed: a switch whose process died before it could say so, or a link
// that somebody moved by hand.
func (l *Lock) followLink(now time.Time) ([]string, error) {
	links, err := l.Links()
	if err != nil || links.Current == "" {
		return nil, err
	}
	last, err := l.lastLive()
	if err != nil {
		return nil, err
	}
	if links.Current == last.Live {
		if links.Previous == links.Current { // a switch that was half undone
			return nil, l.setPrevious(links, last.From)
		}
		return nil, nil
	}
	if err := l.setPrevious(links, last.Live); err != nil {
		return nil, err
	}
	if links.Next == links.Current {
		if err := errors.Join(l.dir.Remove(Next), l.dir.Sync(".")); err != nil {
			return nil, err
		}
	}
	note := fmt.Sprintf("current was found on %s", links.Current.Short())
	if last.Live != "" {
		note += ", the journal had it on " + last.Live.Short()
	}
	return []string{note}, l.Append(Line{Event: Found, Time: now, Live: links.Current, From: last.Live})
}

// setPrevious points previous at what was live before, if that is a sealed
// release. In any case it does not stay on what is live.
func (l *Lock) setPrevious(links Links, to Name) error {
	var seal *Seal
	var err error
	if to != "" && to != links.Previous {
		seal, err = l.SealOf(to)
	}
	switch {
	case err != nil:
		return err
	case seal != nil:
		err = l.point(Previous, to)
	case links.Previous != "" && links.Previous == links.Current:
		err = l.dir.Remove(Previous)
	default:
		return nil
	}
	return errors.Join(err, l.dir.Sync("."))
}

// dropUnsealed removes trees that a deploy which failed or died was building,
// and seals and inventories whose tree is gone. A tree that the journal does not account for,
// or that a link points at, is not ours to remove.
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
		begun, err := l.begun(release.Name)
		if err != nil {
			return notes, err
		}
		if !begun {
			notes = append(notes, fmt.Sprintf("%s has no seal, and no deploy was building it: left alone", release.Name))
			continue
		}
		_, err = l.hide(string(release.Name)) // the trash is emptied next
		if stays := new(durable.NotRemovedError); errors.As(err, &stays) {
			notes = append(notes, fmt.Sprintf("%s was never finished: %v", release.Name.Short(), stays))
			continue
		}
		if err != nil {
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
		base := strings.TrimSuffix(strings.TrimSuffix(entry.Name(), ".json"), inventorySuffix)
		if name, ok := ParseName(base); ok && !trees[name] {
			if err := l.dir.Remove(path.Join(sealsDir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// emptyTrash deletes what little is in the trash; what is more is left there,
// and so is what cannot be deleted, which is said: it is out of sight, and no
// reason to fail a deploy.
func (l *Lock) emptyTrash(time.Time) (notes []string, err error) {
	if _, err := l.empty(context.Background(), durable.Pace{Most: smallTrash}); err != nil {
		notes = append(notes, fmt.Sprintf("cannot empty the trash: %v", err))
	}
	return notes, nil
}
