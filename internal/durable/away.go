package durable

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MoveAway renames a directory that is to be deleted into another one. It may be
// read-only: its owner is given rights, which the kernel asks for because ".."
// changes. A directory that stays where it is, because it belongs to somebody
// else, is immutable or has something mounted on it, is a [*NotRemovedError], with
// what helps. Not synced.
func (d *Dir) MoveAway(name, to string) error {
	return d.disk.Step("rename "+to, func() error {
		err := d.root.Rename(name, to)
		if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EBUSY) {
			return err
		}
		parent, opened := d.handleOf(path.Dir(name), name)
		if opened != nil {
			return errors.Join(err, opened)
		}
		defer unix.Close(parent)
		f := &folder{handle: parent, name: filepath.Join(d.Path(), path.Dir(name))}
		base := path.Base(name)
		if errors.Is(err, unix.EACCES) && openUp(f, base) {
			err = d.root.Rename(name, to)
		}
		if err == nil {
			return nil
		}
		var link interface{ Unwrap() error } // of os.Root, which names paths that say nothing here
		if errors.As(err, &link) {
			err = link.Unwrap()
		}
		return fmt.Errorf("moving it away: %w", &NotRemovedError{Left: []Left{explain(f, base, err)}, Count: 1})
	})
}
