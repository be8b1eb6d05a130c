package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

// Ticket is a request as those who wait beside it see it. On disk:
// .repoint/waiting/<deploy>.json, flocked by the process that waits; one that
// nobody holds belongs to the dead.
type Ticket struct {
	Deploy  int       `json:"deploy"`
	Action  string    `json:"action"`
	Ref     string    `json:"ref"`
	Commit  string    `json:"commit"`
	Actor   string    `json:"actor"`
	Forward bool      `json:"forward"` // a push that its pusher saw as a fast-forward
	Since   time.Time `json:"since"`
}

// Waiting is a request that has its number and waits for the lock.
type Waiting struct {
	Ticket
	store *Store
	file  *os.File
}

// Begin takes a request: it gets the next deploy number, its start line in the
// journal and its ticket. On an error it was not taken; what there is of it
// counts as a dead one's.
func (s *Store) Begin(start Line, ticket Ticket) (*Waiting, error) {
	w := &Waiting{Ticket: ticket, store: s}
	_, err := s.journal.append(func(line *Line) error {
		start.Seq, start.Top, start.Event = line.Seq, s.freeNumber(line.Top), Start
		start.Deploy, w.Deploy = start.Top, start.Top
		*line = start
		return w.write()
	})
	if err != nil {
		if w.file != nil {
			unlock(w.file) // a dead ticket: should the line have been stored after all, Repair ends it
		}
		return nil, err
	}
	return w, nil
}

// freeNumber returns the first number after top that has no ticket: one that
// died before its start line was written keeps its number until it is removed.
// The last holder of the lock had a number too, should the journal be lost.
func (s *Store) freeNumber(top int) int {
	for top = max(top, s.Holder().Deploy); ; {
		top++
		if _, err := s.dir.Root().Lstat(ticketPath(top)); err != nil {
			return top
		}
	}
}

// write makes the ticket's file. It gets its name only once it is locked, so
// that a ticket without a lock is always a dead one's.
func (w *Waiting) write() error {
	data, err := json.Marshal(w.Ticket)
	if err != nil {
		return err
	}
	dir, temp := w.store.dir, path.Join(waitDir, durable.TempName())
	err = dir.Disk().Step("write "+w.path(), func() error {
		w.file, err = dir.Root().OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = w.file.Write(data)
		return errors.Join(err, flock(w.file, unix.LOCK_EX))
	})
	if err != nil {
		return fmt.Errorf("writing the ticket of deploy %d: %w", w.Deploy, err)
	}
	return dir.Rename(temp, w.path())
}

// Done removes the ticket: the request has the lock, or has ended without it.
func (w *Waiting) Done() error {
	err := w.store.dir.Remove(w.path())
	return errors.Join(err, unlock(w.file))
}

func (w *Waiting) path() string { return ticketPath(w.Deploy) }

func ticketPath(deploy int) string { return path.Join(waitDir, strconv.Itoa(deploy)+".json") }

// Tickets returns the requests that wait, the oldest first, and the numbers of
// those whose process died.
func (s *Store) Tickets() (alive []Ticket, dead []int, err error) {
	entries, err := fs.ReadDir(s.dir.Root().FS(), waitDir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading who waits: %w", err)
	}
	for _, entry := range entries {
		number, ok := strings.CutSuffix(entry.Name(), ".json")
		id, err := strconv.Atoi(number)
		if !ok || err != nil {
			continue
		}
		ticket, state := s.readTicket(path.Join(waitDir, entry.Name()))
		switch state {
		case ticketHeld:
			ticket.Deploy = id
			alive = append(alive, ticket)
		case ticketDead:
			dead = append(dead, id)
		}
	}
	sort.Slice(alive, func(i, j int) bool { return alive[i].Deploy < alive[j].Deploy })
	return alive, dead, nil
}

type ticketState int

const (
	ticketGone ticketState = iota
	ticketHeld
	ticketDead
)

func (s *Store) readTicket(name string) (Ticket, ticketState) {
	f, err := s.dir.Root().Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Ticket{}, ticketGone // it got the lock or ended since
	}
	if err != nil {
		return Ticket{}, ticketHeld // nobody knows that it is dead
	}
	defer unlock(f)
	if flock(f, unix.LOCK_SH|unix.LOCK_NB) == nil {
		if _, err := s.dir.Root().Lstat(name); err != nil {
			return Ticket{}, ticketGone
		}
		return Ticket{}, ticketDead
	}
	var ticket Ticket
	if json.NewDecoder(f).Decode(&ticket) != nil {
		return Ticket{}, ticketHeld
	}
	return ticket, ticketHeld
}
