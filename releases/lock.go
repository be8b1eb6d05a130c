package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Holder says who has, or last had, the app's lock. It is written into the
// lock file by whoever takes it.
type Holder struct {
	Deploy int    `json:"deploy"`
	Ticket Ticket `json:"ticket"`
	PID    int    `json:"pid"`
	Mark   string `json:"mark"` // in the environment of every process its build hooks start
}

// Lock is the app's lock, held. It is a kernel flock on .repoint/lock: it ends
// with Unlock or with the process, and no file has to be removed for the next
// one to get it.
type Lock struct {
	*Store
	file   *os.File
	before Holder
}

// TryLock takes the app's lock and reports whether it was free. What a dead
// holder left is not yet repaired: see [Lock.Repair].
func (s *Store) TryLock() (*Lock, bool, error) {
	f, err := s.dir.Root().OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("taking the lock: %w", err)
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("taking the lock: %w", err)
	}
	return &Lock{Store: s, file: f, before: readHolder(f)}, true, nil
}

// Before returns who had the lock before: the zero Holder if nobody.
func (l *Lock) Before() Holder { return l.before }

// Hold writes who has the lock now. It is not synced: after a power cut there
// is no holder left to know about.
func (l *Lock) Hold(h Holder) error {
	h.PID = os.Getpid()
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return l.dir.Disk().Step("write "+lockFile, func() error {
		if err := l.file.Truncate(0); err != nil {
			return err
		}
		_, err := l.file.WriteAt(data, 0)
		return err
	})
}

// Unlock releases the lock.
func (l *Lock) Unlock() error { return unlock(l.file) }

// Holder returns who has, or last had, the lock.
func (s *Store) Holder() Holder {
	f, err := s.dir.Root().Open(lockFile)
	if err != nil {
		return Holder{}
	}
	defer f.Close()
	return readHolder(f)
}

func readHolder(f *os.File) Holder {
	var h Holder
	buf := make([]byte, 64<<10)
	n, _ := f.ReadAt(buf, 0)
	if json.Unmarshal(buf[:n], &h) != nil {
		return Holder{} // half written by a holder that died: the journal knows more
	}
	return h
}

// flock is flock(2), tried again when a signal interrupts it.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unlock ends the flock and closes f. Closing alone is not enough: a child that
// another goroutine is just starting has the descriptor too, until it calls
// exec.
func unlock(f *os.File) error {
	return errors.Join(flock(f, unix.LOCK_UN), f.Close())
}
