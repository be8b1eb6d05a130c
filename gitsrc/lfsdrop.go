package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"time"

	"repoint/internal/durable"
)

// DropContents removes the contents of Git LFS that a checkout of none of these
// commits would write, unless they came since before. It returns how many there
// were and the bytes that are free now. While it is unknown what a commit needs
// nothing is removed. A content that is needed again is fetched again.
func (r *Repo) DropContents(ctx context.Context, keep []Hash, o CheckoutOptions, before time.Time) (contents int, bytes int64, err error) {
	disk, err := durable.Disk{}.Open(r.dir)
	if err != nil {
		return 0, 0, fmt.Errorf("opening %s: %w", r.dir, err)
	}
	defer disk.Close()
	old, err := oldContents(disk, before)
	if err == nil && len(old) > 0 {
		err = r.leaveNeeded(ctx, old, keep, o)
	}
	for name, size := range old {
		if err != nil {
			break
		}
		if err = disk.Remove(name); err == nil {
			contents, bytes = contents+1, bytes+size
			_ = disk.Remove(path.Dir(name)) // unless others are in it
		}
	}
	if err != nil {
		err = fmt.Errorf("dropping what Git LFS keeps in %s: %w", r.dir, err)
	}
	return contents, bytes, err
}

// oldContents lists contents by name, with what they take on the disk.
func oldContents(disk *durable.Dir, before time.Time) (map[string]int64, error) {
	old := map[string]int64{}
	err := fs.WalkDir(disk.Root().FS(), "lfs/objects", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		oid := entry.Name()
		if len(oid) != 64 || name != (pointer{oid: oid}).storedName() {
			return nil // nothing of ours
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && info.ModTime().Before(before) {
			old[name] = stat.Blocks * 512
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return old, err
}

// leaveNeeded takes out of the list what commits need.
func (r *Repo) leaveNeeded(ctx context.Context, old map[string]int64, keep []Hash, o CheckoutOptions) error {
	o.LFS = true
	for _, commit := range keep {
		l, err := r.survey(ctx, commit, o)
		if err != nil {
			return fmt.Errorf("listing %s: %w", commit.Short(), err)
		}
		for _, e := range l.entries {
			if e.lfs != nil {
				delete(old, e.lfs.storedName())
			}
		}
	}
	return nil
}
