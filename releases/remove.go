package releases

import (
	"errors"
	"fmt"
	"io/fs"
)

// KeptError says why a release may not be removed.
type KeptError struct {
	Release Name
	Why     string // as in "it is live"
}

func (e *KeptError) Error() string { return e.Release.Short() + " is kept: " + e.Why }

// Remove takes a release away: its tree is moved into the trash, out of sight by
// one rename, and then its seal and inventory are removed. The trash keeps the
// disk space until [Store.EmptyTrash].
//
// What a link points at and what is pinned is refused with a [*KeptError], and
// a tree that is not there with fs.ErrNotExist; one that cannot be moved is a
// [*durable.NotRemovedError]. Whether a process uses the tree
// is for the caller to ask. Killed at any step, the release is whole and sealed,
// or none: [Lock.Repair] removes a seal without a tree.
func (l *Lock) Remove(name Name) error {
	if err := l.remove(name); err != nil {
		return fmt.Errorf("removing %s: %w", name, err)
	}
	return nil
}

// remove holds the journal's lock, under which releases are pinned and
// inventories written.
func (l *Lock) remove(name Name) error {
	f, err := l.journal.lock()
	if err != nil {
		return err
	}
	defer unlock(f)
	if err := l.mayGo(name); err != nil {
		return err
	}
	if _, err := l.hide(string(name)); err != nil {
		return err
	}
	if err := l.dir.Sync("."); err != nil { // or after a power cut the tree may be back without its seal
		return err
	}
	for _, path := range []string{sealPath(name), inventoryPath(name)} {
		if err := l.dir.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return l.dir.Sync(sealsDir)
}

func (l *Lock) mayGo(name Name) error {
	if _, ok := ParseName(string(name)); !ok {
		return errors.New("it is not the name of a release")
	}
	links, err := l.Links()
	if err != nil {
		return err
	}
	switch name {
	case links.Current:
		return &KeptError{name, "it is live"}
	case links.Previous:
		return &KeptError{name, "it was live before"}
	case links.Next:
		return &KeptError{name, "it is staged"}
	}
	pins, err := l.Pins()
	if err != nil {
		return err
	}
	if pin, pinned := pins[name]; pinned {
		return &KeptError{name, "it is pinned by " + pin.By}
	}
	return nil
}
