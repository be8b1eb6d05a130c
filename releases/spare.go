package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"repoint/internal/durable"
)

// The spare is a tree that is made when nobody waits for it, for the next deploy
// to begin with. On disk: the directory .repoint/spare/set, and beside it
// seal.json, which says what it is. In the set lies the tree, and what else its
// maker has put there.
//
// It is filled as an [Upload] ([Upload.KeepSpare]) and becomes one again when it
// is taken ([Lock.TakeSpare]), so at any time it belongs to one process or to the
// app. Its seal is written after all of it is on the disk, and removed before any
// of it is changed. A set without a seal, or with a tree that is not the one that
// was sealed, is nobody's: it is never taken, and removed.
const (
	spareDir  = stateDir + "/spare"
	spareSet  = spareDir + "/set"
	spareSeal = spareDir + "/seal.json"

	// SpareTree is the name of the tree in the set.
	SpareTree = "tree"
)

// sealOfSpare is what seal.json holds.
type sealOfSpare struct {
	// Inode and Changed (st_ctime, in nanoseconds) are those of the tree's top. A
	// tree that was copied here from elsewhere has others, and so has one in whose
	// top something was made or removed.
	Inode   uint64          `json:"inode"`
	Changed int64           `json:"changed"`
	Of      json.RawMessage `json:"of"` // what it is, in the words of its maker
}

// KeepSpare makes the upload the app's spare, in the place of the one before; of
// says what it is. It must hold a directory called [SpareTree]. Everything is put
// on the disk first.
func (u *Upload) KeepSpare(of any) error {
	said, err := json.Marshal(of)
	if err == nil {
		err = u.store.dir.SyncFS()
	}
	if err == nil {
		err = u.keepSpare(said)
	}
	if err != nil {
		return fmt.Errorf("keeping the spare: %w", err)
	}
	return nil
}

func (u *Upload) keepSpare(of json.RawMessage) error {
	f, err := u.store.journal.lock()
	if err != nil {
		return err
	}
	defer unlock(f)
	if err := u.store.dropSpare(); err != nil {
		return err
	}
	if err := u.store.dir.Rename(u.rel, spareSet); err != nil {
		return err
	}
	seal := sealOfSpare{Of: of}
	if seal.Inode, seal.Changed, err = u.store.stampOfSpare(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(seal, "", "  ")
	if err != nil {
		return err
	}
	return u.store.dir.WriteFile(spareSeal, append(data, '\n'), 0o600)
}

// Spare returns what the app's spare is, as KeepSpare was told; nil when there is
// none that can be trusted.
func (s *Store) Spare() (json.RawMessage, error) {
	data, err := s.dir.Root().ReadFile(spareSeal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the seal of the spare: %w", err)
	}
	var seal sealOfSpare
	if json.Unmarshal(data, &seal) != nil {
		return nil, nil
	}
	inode, changed, err := s.stampOfSpare()
	if err != nil || inode != seal.Inode || changed != seal.Changed {
		return nil, ignoreMissing(err)
	}
	return seal.Of, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

func (s *Store) stampOfSpare() (inode uint64, changed int64, err error) {
	info, err := s.dir.Root().Lstat(path.Join(spareSet, SpareTree))
	if err != nil {
		return 0, 0, err
	}
	if !info.IsDir() {
		return 0, 0, fmt.Errorf("%s: %w", spareSet, unix.ENOTDIR)
	}
	is := info.Sys().(*syscall.Stat_t)
	return is.Ino, is.Ctim.Nano(), nil
}

// TakeSpare makes an upload of the app's spare, which is gone then; its tree can
// be adopted. Nil when there is none that can be trusted. Nothing is synced: a
// power cut leaves the spare as it was, or without its seal.
func (l *Lock) TakeSpare() (*Upload, json.RawMessage, error) {
	upload, of, err := l.takeSpare()
	if err != nil {
		return nil, nil, fmt.Errorf("taking the spare: %w", err)
	}
	return upload, of, nil
}

func (l *Lock) takeSpare() (*Upload, json.RawMessage, error) {
	f, err := l.journal.lock()
	if err != nil {
		return nil, nil, err
	}
	defer unlock(f)
	of, err := l.Spare()
	if err != nil || of == nil {
		return nil, nil, err
	}
	u := newUpload(l.Store)
	if err := l.dir.Remove(spareSeal); err != nil {
		return nil, nil, err
	}
	if err := l.dir.Rename(spareSet, u.rel); err != nil {
		return nil, nil, err
	}
	return u, of, u.hold()
}

// DropSpare moves the spare into the trash.
func (s *Store) DropSpare() error {
	f, err := s.journal.lock()
	if err != nil {
		return err
	}
	defer unlock(f)
	if err := s.dropSpare(); err != nil {
		return fmt.Errorf("dropping the spare: %w", err)
	}
	return nil
}

// dropSpare holds the journal's lock, as all do that move a spare.
func (s *Store) dropSpare() error {
	if there, err := s.spareLeft(); err != nil || !there {
		return err
	}
	if err := ignoreMissing(s.dir.Remove(spareSeal)); err != nil {
		return err
	}
	_, err := s.hide(spareSet)
	return ignoreMissing(err)
}

// spareLeft reports whether there is anything of a spare.
func (s *Store) spareLeft() (bool, error) {
	for _, name := range []string{spareSeal, spareSet} {
		if _, err := s.dir.Root().Lstat(name); err == nil || ignoreMissing(err) != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// HoldSpare lets one process at a time make a spare: false when another does.
// release lets go.
func (s *Store) HoldSpare() (release func(), held bool, err error) {
	f, err := s.dir.Root().OpenFile(spareDir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, false, ignoreMissing(err) // missing until the app is repaired, if an older version made it
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil
		}
		return nil, false, err
	}
	return func() { unlock(f) }, true, nil
}

// sweepSpare removes a spare that cannot be trusted.
func (l *Lock) sweepSpare(time.Time) ([]string, error) {
	f, err := l.journal.lock()
	if err != nil {
		return nil, err
	}
	defer unlock(f)
	of, err := l.Spare()
	if err != nil || of != nil {
		return nil, err
	}
	err = l.dropSpare()
	if stays := new(durable.NotRemovedError); errors.As(err, &stays) { // root has made it, and this is not root
		return []string{fmt.Sprintf("there is a spare that is no good: %v", stays)}, nil
	}
	return nil, err
}
