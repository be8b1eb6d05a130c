package releases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// Compact moves the journal's older lines to its archive once it has grown past
// a megabyte, and returns how many. Nothing is forgotten: [Store.History] goes on
// in the archive. What decides anything is read from the journal alone, which
// keeps of the older lines what still does; so that costs the same however long
// the history is.
//
// Killed at any step, the journal is the old one or the new one, and what is in
// the archive already is written there again. Who reads meanwhile has the one or
// the other.
func (l *Lock) Compact() (moved int, err error) {
	if moved, err = l.compact(keepBytes, mostBytes); err != nil {
		err = fmt.Errorf("compacting the journal: %w", err)
	}
	return moved, err
}

// compact holds the journal's lock: nobody writes a line meanwhile.
func (l *Lock) compact(room, most int64) (moved int, err error) {
	file, err := l.journal.lock()
	if err != nil {
		return 0, err
	}
	defer unlock(file)
	if err := l.journal.setTornAside(file); err != nil {
		return 0, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size <= most {
		return 0, err
	}
	text := make([]byte, size)
	if _, err := file.ReadAt(text, 0); err != nil {
		return 0, err
	}
	there, err := l.there()
	if err != nil {
		return 0, err
	}
	f := fold(entriesOf(text), there, int(room))
	if len(f.move) == 0 {
		return 0, nil
	}
	if err := l.archive(f); err != nil {
		return 0, err
	}
	journal, err := f.journal()
	if err != nil {
		return 0, err
	}
	return len(f.move), l.dir.WriteFile(journalFile, journal, 0o600)
}

// there lists what has a release's name, and what a link points at.
func (l *Lock) there() (names []Name, err error) {
	links, err := l.Links()
	if err != nil {
		return nil, err
	}
	for _, name := range []Name{links.Current, links.Previous, links.Next} {
		if name != "" {
			names = append(names, name)
		}
	}
	entries, err := fs.ReadDir(l.dir.Root().FS(), ".")
	for _, entry := range entries {
		if name, ok := ParseName(entry.Name()); ok {
			names = append(names, name)
		}
	}
	return names, err
}

// archive writes what moves. What a compaction that died has written is replaced;
// anything else that stands there belongs to another journal and stays.
func (l *Lock) archive(f folding) error {
	if err := l.clearArchive(f); err != nil {
		return err
	}
	first, next := f.first, f.first
	var text []byte
	for i, e := range f.move {
		next++
		if e.ok {
			next = e.line.Seq + 1
		}
		text = append(text, e.text...)
		if last := i == len(f.move)-1; last || len(text)+len(f.move[i+1].text) > archiveBytes {
			if err := l.writeArchive(first, text); err != nil {
				return err
			}
			first, text = next, nil
		}
	}
	return nil
}

// clearArchive makes sure that what the archive has from here on was copied from
// this very journal, and removes it.
func (l *Lock) clearArchive(f folding) error {
	firsts, err := l.archives()
	if err != nil {
		return err
	}
	from := slices.IndexFunc(firsts, func(first int64) bool { return first >= f.first })
	if from < 0 {
		return nil
	}
	var ours []byte
	for _, e := range slices.Concat(f.move, f.stay) {
		ours = append(ours, e.text...)
	}
	for _, first := range firsts[from:] {
		text, err := l.readArchive(first)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(ours, text) {
			return fmt.Errorf("%s has lines of another journal: move it away", archivePath(first))
		}
		ours = ours[len(text):]
	}
	for _, first := range slices.Backward(firsts[from:]) {
		if err := l.dir.Remove(archivePath(first)); err != nil {
			return err
		}
	}
	return nil
}

// journal is the text of the new journal.
func (f folding) journal() ([]byte, error) {
	var text []byte
	for _, line := range append(f.keep, f.mark) {
		data, err := json.Marshal(line)
		if err != nil {
			return nil, err
		}
		text = append(append(text, data...), '\n')
	}
	for _, e := range f.stay {
		text = append(text, e.text...)
	}
	return text, nil
}
