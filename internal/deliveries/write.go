package deliveries

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// change is a write that waits for its turn.
type change struct {
	lines   func() ([]Delivery, error) // called with the file locked and read to its end
	settled bool
	err     error
}

// write puts a change into the queue and waits until it is on the disk. The
// first who gets the file writes for all that wait by then, with one sync.
func (f *File) write(lines func() ([]Delivery, error)) error {
	c := &change{lines: lines}
	f.queue.Lock()
	f.waiting = append(f.waiting, c)
	f.queue.Unlock()

	f.mu.Lock()
	defer f.mu.Unlock()
	if !c.settled {
		f.commit()
	}
	return c.err
}

// commit writes all that waits.
func (f *File) commit() {
	f.queue.Lock()
	batch := f.waiting
	f.waiting = nil
	f.queue.Unlock()
	var err error
	if f.full() {
		err = f.locked(unix.LOCK_EX, f.makeRoom)
	}
	if err == nil {
		err = f.locked(unix.LOCK_EX, func() error { return f.append(batch) })
	}
	for _, c := range batch {
		c.settled = true
		if err != nil {
			c.err = fmt.Errorf("writing the deliveries: %w", err)
		}
	}
}

// makeRoom replaces the file by one that holds what is kept, unless another
// process just did. The lock is then on the file that is gone.
func (f *File) makeRoom() error {
	if !f.full() {
		return nil
	}
	data, err := f.keep()
	if err != nil {
		return err
	}
	err = f.dir.WriteFile(name, data, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // whoever repairs the app just swept the new file: the next writer makes it
		return nil
	}
	return err
}

// append writes the batch behind the last whole line. When that fails the
// lines are taken back, so that a forge that tries again is heard.
func (f *File) append(batch []*change) error {
	if f.size > f.at { // the line of a writer that died
		if err := f.dir.Truncate(f.seen, f.at); err != nil {
			return err
		}
		f.size = f.at
	}
	data := f.apply(batch)
	if len(data) == 0 {
		return nil
	}
	err := f.syncNew()
	if err == nil {
		err = f.dir.Append(f.seen, data)
	}
	if err != nil {
		err = errors.Join(err, f.dir.Truncate(f.seen, f.at))
		f.forget()
		return err
	}
	f.at += int64(len(data))
	f.size = f.at
	return nil
}

// apply takes the batch into the index, each change on top of those before it,
// and returns the lines to write. A change that is refused writes nothing.
func (f *File) apply(batch []*change) (data []byte) {
	for _, c := range batch {
		list, err := c.lines()
		var text []byte
		for _, d := range list {
			one, lineErr := line(d)
			text, err = append(text, one...), errors.Join(err, lineErr)
		}
		if c.err = err; err != nil {
			continue
		}
		for _, d := range list {
			f.put(d)
		}
		data = append(data, text...)
	}
	return data
}

// syncNew makes the name of a new file last.
func (f *File) syncNew() error {
	if f.at > 0 {
		return nil
	}
	return f.dir.Sync(path.Dir(name))
}
