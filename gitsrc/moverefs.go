package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"repoint/internal/durable"
)

// RefChange says where a ref is to stand.
type RefChange struct {
	Ref string // full name
	New Hash   // the empty Hash deletes the ref
}

// MoveRefs makes all changes, or none. It asks for no old values: the caller
// holds the lock under which these refs may move, so whatever a killed git left
// in their way (a lock file, an empty ref file) is stale and is removed.
// Changes that are made already cost no process. When it returns nil the refs
// are on the disk.
//
// A commit whose parents were never sent (a shallow push) is recorded as such
// first; otherwise git would call the repository damaged. While such a push is
// under way git does that itself, once the git hook has said yes, and fails the
// push when somebody else did; so MoveRefs only notes the commits then, and the
// next call makes up for a git that died.
func (r *Repo) MoveRefs(ctx context.Context, changes []RefChange) error {
	if err := r.settleShallow(ctx); err != nil {
		return err
	}
	pending, err := r.pending(changes)
	if err != nil || len(pending) == 0 {
		return err
	}
	if err := r.completeShallow(ctx, newTips(changes, pending)); err != nil {
		return err
	}
	if err := r.updateRefs(ctx, pending); err != nil {
		return err
	}
	return r.syncRefs(pending)
}

// newTips lists the commits on which refs will stand, without those on which one
// of the refs in question stands already: they were looked at then.
func newTips(changes, pending []RefChange) (tips []Hash) {
	for _, c := range pending {
		stands := slices.ContainsFunc(changes, func(other RefChange) bool {
			return other.New == c.New && !slices.Contains(pending, other)
		})
		if !c.New.IsZero() && !stands && !slices.Contains(tips, c.New) {
			tips = append(tips, c.New)
		}
	}
	return tips
}

// pending returns the changes that are not made yet, and removes broken ref
// files of the refs in question.
func (r *Repo) pending(changes []RefChange) ([]RefChange, error) {
	var left []RefChange
	for _, c := range changes {
		if err := checkRef(c.Ref); err != nil {
			return nil, fmt.Errorf("moving refs of %s: %w", r.dir, err)
		}
		if c.New.IsZero() {
			c.New = ""
		} else if err := c.New.check(); err != nil {
			return nil, fmt.Errorf("moving %s of %s: %w", c.Ref, r.dir, err)
		}
		broken, err := r.brokenRef(c.Ref)
		if err == nil && broken {
			err = durable.Disk{}.Remove(filepath.Join(r.dir, c.Ref))
		}
		if err != nil {
			return nil, fmt.Errorf("moving %s of %s: %w", c.Ref, r.dir, err)
		}
		at, _, err := r.Ref(c.Ref)
		if err != nil {
			return nil, err
		}
		if at != c.New {
			left = append(left, c)
		}
	}
	return left, nil
}

// updateRefs makes the changes in one transaction. Git waits a moment for lock
// files; those it still finds are stale.
func (r *Repo) updateRefs(ctx context.Context, changes []RefChange) error {
	var script strings.Builder
	for _, c := range changes {
		script.WriteString("option no-deref\x00")
		if c.New == "" {
			fmt.Fprintf(&script, "delete %s\x00\x00", c.Ref)
		} else {
			fmt.Fprintf(&script, "update %s\x00%s\x00\x00", c.Ref, c.New)
		}
	}
	for tries := 0; ; tries++ {
		_, err := r.runCommand(ctx, command{
			stdin: strings.NewReader(script.String()),
			args:  []string{"update-ref", "--stdin", "-z"},
		})
		if err == nil || ctx.Err() != nil || tries > 0 {
			return err
		}
		cleared, clearErr := r.clearLocks(changes)
		if clearErr != nil || !cleared {
			return errors.Join(err, clearErr)
		}
	}
}

// clearLocks removes the lock files of these refs, and that of HEAD, which git
// takes when HEAD's branch moves. It says whether there were any.
func (r *Repo) clearLocks(changes []RefChange) (bool, error) {
	names := []string{"HEAD"}
	for _, c := range changes {
		names = append(names, c.Ref)
	}
	cleared := false
	for _, name := range names {
		err := durable.Disk{}.Remove(filepath.Join(r.dir, name+".lock"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return cleared, fmt.Errorf("removing the stale lock of %s: %w", name, err)
		}
		cleared = true
	}
	return cleared, nil
}

// syncRefs puts moved refs on the disk: their files, and every directory that
// git may have changed for them.
func (r *Repo) syncRefs(changes []RefChange) error {
	dirs := []string{"."}
	for _, c := range changes {
		if c.New != "" {
			if err := syncFile(filepath.Join(r.dir, c.Ref)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("syncing %s: %w", c.Ref, err)
			}
		}
		for dir := path.Dir(c.Ref); dir != "."; dir = path.Dir(dir) {
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	for _, dir := range dirs {
		err := durable.Disk{}.SyncDir(filepath.Join(r.dir, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // git removes directories that became empty
			return fmt.Errorf("syncing %s of %s: %w", dir, r.dir, err)
		}
	}
	return nil
}
