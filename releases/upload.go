package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

// Upload is a tree that is filled before its deploy's turn comes: with what was
// built elsewhere, while another deploy may be running. On disk: a directory in
// .repoint/uploads/, flocked by the process that fills it; one that nobody holds
// belongs to the dead. Any number may be there at a time. [Lock.Adopt] makes a
// release of it.
type Upload struct {
	store *Store
	rel   string
	held  *os.File
}

// NewUpload makes an empty one, which nobody but this process's user can reach.
// It needs no lock. The caller calls Discard in any case.
func (s *Store) NewUpload() (*Upload, error) {
	u := newUpload(s)
	if err := u.create(); err != nil {
		return nil, fmt.Errorf("making a directory for the upload: %w", err)
	}
	return u, nil
}

func newUpload(s *Store) *Upload {
	return &Upload{store: s, rel: path.Join(uploadsDir, durable.TempName())}
}

// create makes the directory and holds it. Until it is held it looks like a dead
// one's, so whoever sweeps those is kept out by the journal's lock.
func (u *Upload) create() error {
	dir := u.store.dir
	f, err := u.store.journal.lock()
	if err != nil {
		return err
	}
	defer unlock(f)
	if err := dir.Mkdir(uploadsDir, 0o700); err != nil { // missing until the app is repaired, if an older version made it
		return err
	}
	if err := dir.MkdirNew(u.rel, 0o755); err != nil {
		return err
	}
	if err := dir.Root().Chmod(u.rel, 0o755); err != nil { // whatever the umask
		return err
	}
	return u.hold()
}

func (u *Upload) hold() (err error) {
	if u.held, err = u.store.dir.Root().Open(u.rel); err != nil {
		return err
	}
	if err := flock(u.held, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.Join(err, u.held.Close())
	}
	return nil
}

// Path returns the absolute path of the tree, until it is adopted.
func (u *Upload) Path() string { return filepath.Join(u.store.Dir(), u.rel) }

// Rel returns the tree's path inside the app: what [Lock.Adopt] wants.
func (u *Upload) Rel() string { return u.rel }

// Hide moves the directory into the trash, with what was not adopted of it, and
// lets go of it. It costs one rename; who calls it sees to it that the trash is
// emptied ([Store.EmptyTrash]).
func (u *Upload) Hide() error {
	_, err := u.store.hide(u.rel)
	if err = errors.Join(ignoreMissing(err), unlock(u.held)); err != nil {
		return fmt.Errorf("discarding %s: %w", u.rel, err)
	}
	u.held = nil
	return nil
}

// Discard removes the tree, unless it was adopted or kept, and lets go of it: of
// an adopted one too, which else counts as used by this process. The second time
// it does nothing.
func (u *Upload) Discard() error {
	if u.held == nil {
		return nil
	}
	var err error
	if _, missing := u.store.dir.Root().Lstat(u.rel); !errors.Is(missing, fs.ErrNotExist) {
		err = u.store.dir.RemoveTree(u.rel)
	}
	err = errors.Join(err, unlock(u.held))
	u.held = nil
	if err != nil {
		return fmt.Errorf("discarding an upload: %w", err)
	}
	return nil
}

// Adopt makes a release of the tree at from, an upload's Rel, or the tree of a
// spare in it: what [Lock.Begin] makes, but full. It takes one rename, which replaces nothing: names that are
// taken are passed over, and the kernel renames no directory onto anything but
// an empty directory.
func (l *Lock) Adopt(commit, from string) (Name, error) {
	upload := from
	if path.Base(from) == SpareTree {
		upload = path.Dir(from)
	}
	if path.Dir(upload) != uploadsDir || !durable.IsTemp(path.Base(upload)) {
		return "", fmt.Errorf("adopting %q: it is no upload of this app", from)
	}
	if info, err := l.dir.Root().Lstat(from); err != nil || !info.IsDir() {
		return "", errors.Join(fmt.Errorf("adopting %s: it is not a directory", from), err)
	}
	return l.newTree(commit, func(name string) error {
		if _, err := l.dir.Root().Lstat(name); err == nil {
			return fs.ErrExist
		}
		return l.dir.Rename(from, name)
	})
}

// sweepUploads moves the trees of uploads whose process died into the trash.
func (l *Lock) sweepUploads(time.Time) (notes []string, err error) {
	f, err := l.journal.lock()
	if err != nil {
		return nil, err
	}
	defer unlock(f)
	entries, err := fs.ReadDir(l.dir.Root().FS(), uploadsDir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := path.Join(uploadsDir, entry.Name())
		if !durable.IsTemp(entry.Name()) || l.uploading(name) {
			continue
		}
		_, err := l.hide(name)
		if errors.Is(err, fs.ErrNotExist) { // its process has just removed it
			continue
		}
		if err != nil {
			return notes, err
		}
		notes = append(notes, "removed an upload or a spare that was never finished")
	}
	return notes, nil
}

// uploading reports whether somebody holds an upload. What cannot be told
// counts as held.
func (l *Lock) uploading(name string) bool {
	f, err := l.dir.Root().OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return true
	}
	defer unlock(f)
	return flock(f, unix.LOCK_EX|unix.LOCK_NB) != nil
}
