package releases

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"repoint/internal/durable"
)

// Begin makes the empty tree in which a commit is built: code_<hash>, or the
// next free code_<hash>.N when sealed builds of the commit are there already.
// Until it is sealed it cannot be switched to, and whoever opens the app after
// a crash removes it.
func (l *Lock) Begin(commit string) (Name, error) {
	return l.newTree(commit, func(name string) error {
		if err := l.dir.MkdirNew(name, 0o755); err != nil {
			return err
		}
		return l.dir.Root().Chmod(name, 0o755) // whatever the umask
	})
}

// newTree lets create make a tree of the first name that is free.
func (l *Lock) newTree(commit string, create func(name string) error) (Name, error) {
	for build := 1; ; build++ {
		name, err := NewName(commit, build)
		if err != nil {
			return "", err
		}
		err = create(string(name))
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("making %s: %w", name, err)
		}
		return name, nil
	}
}

// Discard removes a tree that was never sealed: out of sight by one rename
// first, then deleted. Of a large one a part is left in the trash, for
// [Store.EmptyTrash], and so is what is left by a process that is killed.
func (l *Lock) Discard(name Name) error {
	seal, err := l.SealOf(name)
	if err != nil {
		return err
	}
	if seal != nil {
		return fmt.Errorf("discarding %s: it is sealed", name)
	}
	trash, err := l.hide(string(name))
	if err == nil {
		_, err = l.dir.RemoveTreePaced(context.Background(), trash, durable.Pace{Most: smallTrash})
	}
	if err != nil {
		return fmt.Errorf("discarding %s: %w", name, err)
	}
	return nil
}

// hide moves a tree into the trash. One that cannot be moved, which is nothing
// that others have to wait for, is a [*durable.NotRemovedError].
func (s *Store) hide(name string) (trash string, err error) {
	trash = path.Join(trashDir, durable.TempName())
	if err := s.checkTrash(); err != nil {
		return "", err
	}
	return trash, s.dir.MoveAway(name, trash)
}
