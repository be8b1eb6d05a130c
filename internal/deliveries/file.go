package deliveries

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"repoint/internal/durable"
)

const name = ".repoint/deliveries.jsonl"

// File is the deliveries of one app, with an index in memory that follows the
// file. It may be used by several goroutines.
type File struct {
	dir *durable.Dir

	queue   sync.Mutex // guards waiting
	waiting []*change

	mu sync.Mutex // guards all below, and is held while the file is written
	index
	seen *os.File // the file that was read last, open so that its inode is nobody else's
	at   int64    // where the next line of it begins
	size int64    // its size then: more than at when a writer died in a line
}

// Close closes what is open of the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.dir.Close()
	if f.seen != nil {
		err = errors.Join(err, f.seen.Close())
	}
	return err
}

// refresh takes in what others have written. Without news it costs one stat.
func (f *File) refresh() error {
	if f.seen != nil {
		current, size, err := f.current(f.seen)
		if err == nil && current && size == f.size {
			return nil
		}
	}
	err := f.locked(unix.LOCK_SH, func() error { return nil })
	if errors.Is(err, fs.ErrNotExist) {
		f.forget()
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the deliveries: %w", err)
	}
	return nil
}

// locked runs do with the file locked and read to its end. The lock is on the
// file itself, so a file that was replaced while we waited is the wrong one.
func (f *File) locked(how int, do func() error) error {
	for {
		file, err := f.open(how)
		if err != nil {
			return err
		}
		current := false
		if err = flock(file, how); err == nil {
			current, _, err = f.current(file)
		}
		if err == nil && current {
			err = f.follow(file)
			if err == nil {
				err = do()
			}
			// Explicitly: a child that is just being started has the file too.
			return errors.Join(err, flock(file, unix.LOCK_UN))
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
}

func (f *File) open(how int) (*os.File, error) {
	if how == unix.LOCK_SH {
		return f.dir.Root().Open(name)
	}
	return f.dir.Root().OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
}

// current reports whether file is the one that has the name, and its size.
func (f *File) current(file *os.File) (bool, int64, error) {
	there, err := f.dir.Root().Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, err
	}
	ours, err := file.Stat()
	return err == nil && os.SameFile(ours, there), there.Size(), err
}

// follow reads what file has and the index has not. It keeps file.
func (f *File) follow(file *os.File) error {
	if f.seen != nil {
		current, _, err := f.current(f.seen)
		if err != nil || !current {
			f.forget()
		}
		f.seen.Close() // only read, or written and synced
	}
	f.seen = file
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if f.size = info.Size(); f.size < f.at {
		size := f.size
		f.forget()
		f.size = size
	}
	whole, err := f.read(io.NewSectionReader(file, f.at, f.size-f.at))
	f.at += whole
	return err
}

// forget empties the index; it is read anew.
func (f *File) forget() {
	f.index, f.at, f.size = index{}, 0, -1
}

// flock is flock(2), tried again when a signal interrupts it.
func flock(file *os.File, how int) error {
	for {
		err := unix.Flock(int(file.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
