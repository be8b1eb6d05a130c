package releases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

const (
	journalFile = stateDir + "/journal.jsonl"
	tornFile    = stateDir + "/journal.torn"
)

// journal appends to and reads the app's history. Appending takes a lock of
// its own, because requests that still wait for the app's lock write too. The
// lock is on the file, which [Lock.Compact] replaces by a shorter one.
type journal struct{ dir *durable.Dir }

// append writes the line that fill makes of the last one and syncs it. fill
// gets Seq and Top already counted on.
func (j journal) append(fill func(line *Line) error) (Line, error) {
	f, err := j.lock()
	if err != nil {
		return Line{}, fmt.Errorf("opening the journal: %w", err)
	}
	defer unlock(f)
	line, err := j.next(f)
	if err == nil {
		err = fill(&line)
	}
	if err != nil {
		return Line{}, err
	}
	data, err := json.Marshal(line)
	if err != nil {
		return Line{}, err
	}
	if line.Seq == 1 { // the file is new
		err = j.dir.Sync(stateDir)
	}
	if err == nil {
		err = j.dir.Append(f, append(data, '\n'))
	}
	if err != nil {
		return Line{}, fmt.Errorf("writing the journal: %w", err)
	}
	return line, nil
}

func (j journal) lock() (*os.File, error) {
	for {
		f, err := j.dir.Root().OpenFile(journalFile, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		if err := flock(f, unix.LOCK_EX); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		current, err := j.isCurrent(f)
		if current {
			return f, nil
		}
		if err := errors.Join(err, unlock(f)); err != nil { // else it was replaced while we waited
			return nil, err
		}
	}
}

// isCurrent reports whether f still has the journal's name.
func (j journal) isCurrent(f *os.File) (bool, error) {
	ours, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := j.dir.Root().Lstat(journalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(ours, there), err
}

// next returns the line to come, numbered, after the torn end of a writer that
// died was set aside.
func (j journal) next(f *os.File) (Line, error) {
	if err := j.setTornAside(f); err != nil {
		return Line{}, err
	}
	next := Line{Seq: 1}
	damaged, err := backwardsFile(f, func(last Line) bool {
		next = Line{Seq: last.Seq + 1, Top: last.Top}
		return false
	})
	next.Seq += int64(damaged) // each had a number, and may have given one out
	next.Top += damaged
	return next, err
}

func (j journal) setTornAside(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	whole, piece, err := lastPiece(f, size)
	if err != nil || len(piece) == 0 {
		return err
	}
	if err := j.dir.WriteFile(tornFile, piece, 0o600); err != nil {
		return err
	}
	return j.dir.Truncate(f, whole)
}

// lastPiece returns what follows the last line feed, and where it begins.
func lastPiece(f io.ReaderAt, size int64) (start int64, piece []byte, err error) {
	for start = size; start > 0; {
		n := min(start, chunk)
		buf := make([]byte, n)
		if _, err := f.ReadAt(buf, start-n); err != nil {
			return 0, nil, err
		}
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			return start - n + int64(i) + 1, append(buf[i+1:], piece...), nil
		}
		start, piece = start-n, append(buf, piece...)
	}
	return 0, piece, nil
}

// History calls each with the journal's lines, the newest first, until it
// returns false: those in the journal, then those in its archive. It returns how
// many complete lines could not be read: they are skipped, so that a damaged
// journal stops neither a deploy nor a roll back. A journal that is not there
// yet is empty.
func (s *Store) History(each func(Line) bool) (damaged int, err error) {
	var folded *Line
	done := false
	damaged, err = s.deciding(func(line Line) bool {
		if line.Event == Folded {
			folded = &line
			return false
		}
		done = !each(line)
		return !done
	})
	if err != nil || done || folded == nil {
		return damaged, err
	}
	more, err := s.archived(folded.Seq, each)
	return damaged + more, err
}

// deciding calls each with the lines that may still decide something, the newest
// first: all since the journal was compacted last, the line that says that it
// was, and what that kept of older ones, see [fold]. However long the history
// is, these are few.
func (s *Store) deciding(each func(Line) bool) (damaged int, err error) {
	f, err := s.dir.Root().Open(journalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the journal: %w", err)
	}
	defer f.Close()
	return backwardsFile(f, each)
}

func backwardsFile(f *os.File, each func(Line) bool) (damaged int, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	return backwards(f, size, each)
}

const chunk = 64 << 10

// backwards reads lines from the end of f in chunks, so that what was just
// written costs the same in a journal of any length.
func backwards(f io.ReaderAt, end int64, each func(Line) bool) (damaged int, err error) {
	var rest []byte // begins in the middle of a line unless end is 0
	torn := true    // what follows the last line feed was never acknowledged
	for end > 0 {
		n := min(end, chunk)
		buf := make([]byte, n, n+int64(len(rest)))
		if _, err := f.ReadAt(buf, end-n); err != nil {
			return damaged, err
		}
		end -= n
		lines := bytes.Split(append(buf, rest...), []byte("\n"))
		rest = lines[0]
		if end == 0 {
			lines = append([][]byte{nil}, lines...)
		}
		for i := len(lines) - 1; i > 0; i-- {
			if torn {
				torn = false
				continue
			}
			var line Line
			if json.Unmarshal(lines[i], &line) != nil || line.Seq == 0 {
				damaged++
			} else if !each(line) {
				return damaged, nil
			}
		}
	}
	return damaged, nil
}
