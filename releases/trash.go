package releases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"path/filepath"

	"repoint/internal/durable"
)

// smallTrash is how many names are deleted at once, under the app's lock. More
// is left to EmptyTrash, so that nobody waits for it.
const smallTrash = 1000

// EmptyTrash deletes what is in the trash until ctx ends, at most pace.Most
// names of it. It needs no lock: a deploy may go on meanwhile, and another
// process may empty the trash too. What comes in meanwhile may be left for the
// next call, and what a killed process leaves certainly is.
//
// What cannot be deleted stays, and all else goes: the error wraps a
// [*durable.NotRemovedError], which has the remedies. It is no reason to fail
// anything: it is out of sight.
func (s *Store) EmptyTrash(ctx context.Context, pace durable.Pace) (durable.Removed, error) {
	removed, err := s.empty(ctx, pace)
	if err != nil {
		err = fmt.Errorf("emptying the trash: %w", err)
	}
	return removed, err
}

// Settle waits until the disk has all that was changed. Some file systems give
// deleted space back only then.
func (s *Store) Settle() error { return s.dir.SyncFS() }

// TrashPath returns the absolute path of the directory that [Store.EmptyTrash]
// empties.
func (s *Store) TrashPath() string { return filepath.Join(s.Dir(), trashDir) }

// checkTrash refuses what is no directory in the trash's place: a link could lead
// anywhere. What is missing is made by whoever makes directories.
func (s *Store) checkTrash() error {
	info, err := s.dir.Root().Lstat(trashDir)
	if err == nil && !info.IsDir() {
		path := filepath.Join(s.Dir(), trashDir)
		return fmt.Errorf("%s is not a directory (move it away, and it is made again: mv %s %s.old)", path, path, path)
	}
	return nil
}

// TrashLeft reports whether there is something for EmptyTrash to do.
func (s *Store) TrashLeft() bool {
	entries, err := fs.ReadDir(s.dir.Root().FS(), trashDir)
	return err == nil && len(entries) > 0
}

// empty deletes the trees in the trash in any order, so that several processes
// mostly work on different ones.
func (s *Store) empty(ctx context.Context, pace durable.Pace) (durable.Removed, error) {
	all := durable.Removed{Whole: true}
	if err := s.checkTrash(); err != nil {
		return durable.Removed{}, err
	}
	entries, err := fs.ReadDir(s.dir.Root().FS(), trashDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return durable.Removed{}, err
	}
	rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	var left durable.NotRemovedError
	var others []error
	for _, entry := range entries {
		rest := pace
		if pace.Most > 0 {
			rest.Most -= int(all.Names)
		}
		if rest.Most <= 0 && pace.Most > 0 {
			all.Whole = false
			break
		}
		removed, err := s.dir.RemoveTreePaced(ctx, path.Join(trashDir, entry.Name()), rest)
		all.Add(removed)
		other := left.Add(err)
		if ctx.Err() != nil {
			others = append(others, context.Cause(ctx))
			all.Whole = false
			break
		}
		others = append(others, other)
	}
	if left.Count > 0 {
		others = append(others, &left)
	}
	return all, errors.Join(others...)
}
