// Package durable is the only code that changes the disk outside a release's
// own tree.
//
// Every change is one labelled step, made beneath a directory handle that is
// held open, so that a parent that is swapped for a link in the meantime
// cannot lead it elsewhere. A name that readers know is only ever replaced by
// one rename of a complete, synced file or link; what a killed process leaves
// behind is a temporary name that [IsTemp] recognises and the next opening
// sweeps, or the rest of a tree that was being removed.
//
// A step that returned nil is done; it is also on the disk once the Sync that
// follows it has returned nil (rename(2) and fsync(2): a directory entry
// survives a power cut only after its directory was synced).
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Seam stands around every step. It gets the step's label and the step
// itself; returning without calling do is what a crash before the step looks
// like, and an error after do is "it failed, but was stored". Tests use it to
// stop at every step in turn; nil runs the steps as they are.
type Seam func(label string, do func() error) error

// Disk makes changes through a seam. The zero value is ready for use.
type Disk struct{ seam Seam }

// New returns a Disk whose every step goes through seam.
func New(seam Seam) Disk { return Disk{seam: seam} }

// Step runs do as a labelled step: for the few changes that another program
// makes on our behalf, such as git moving a branch.
func (d Disk) Step(label string, do func() error) error {
	if d.seam == nil {
		return do()
	}
	return d.seam(label, do)
}

// WriteFile replaces the file at name, an absolute or relative path, as
// [Dir.WriteFile] does.
func (d Disk) WriteFile(name string, data []byte, perm fs.FileMode) error {
	return d.in(name, func(dir *Dir, base string) error { return dir.WriteFile(base, data, perm) })
}

// Remove unlinks the file or link at name and syncs its directory.
func (d Disk) Remove(name string) error {
	return d.in(name, func(dir *Dir, base string) error {
		if err := dir.Remove(base); err != nil {
			return err
		}
		return dir.Sync(".")
	})
}

// SyncDir syncs the directory at name.
func (d Disk) SyncDir(name string) error {
	dir, err := d.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync("."), dir.Close())
}

// Link makes a new link at name, an absolute path, that points at target. It
// never replaces anything: what is at name already is an error.
func (d Disk) Link(name, target string) error {
	return d.in(name, func(dir *Dir, base string) error {
		if err := dir.Symlink(base, target); err != nil {
			return err
		}
		return dir.Sync(".")
	})
}

func (d Disk) in(name string, do func(dir *Dir, base string) error) error {
	dir, err := d.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(do(dir, filepath.Base(name)), dir.Close())
}

// Open opens the directory at name for changes beneath it.
func (d Disk) Open(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{disk: d, root: root}, nil
}

// Dir is an open directory. Names given to its methods are slash-separated
// paths beneath it; none of them is followed out of it.
type Dir struct {
	disk Disk
	root *os.Root
}

// Path returns the path the directory was opened with.
func (d *Dir) Path() string { return d.root.Name() }

// Disk returns the disk the directory was opened through.
func (d *Dir) Disk() Disk { return d.disk }

// Close closes the handle.
func (d *Dir) Close() error { return d.root.Close() }

// Root gives reading access beneath the directory.
func (d *Dir) Root() *os.Root { return d.root }

// Mkdir makes a directory. One that is there already is no error.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	return d.disk.Step("mkdir "+name, func() error {
		err := d.root.Mkdir(name, perm)
		if errors.Is(err, fs.ErrExist) {
			if info, statErr := d.root.Lstat(name); statErr == nil && info.IsDir() {
				return nil
			}
		}
		return err
	})
}

// MkdirNew makes a directory that must not be there yet.
func (d *Dir) MkdirNew(name string, perm fs.FileMode) error {
	return d.disk.Step("mkdir "+name, func() error { return d.root.Mkdir(name, perm) })
}

// WriteFile replaces the file name by one that holds data: written beside it
// under a temporary name, synced, renamed, and the directory synced. Readers
// see the old content or the new, after a power cut too. What root writes belongs
// to whom the old file or, of a new one, the directory belongs: root looking after
// somebody's app must not lock them out.
func (d *Dir) WriteFile(name string, data []byte, perm fs.FileMode) error {
	temp := path.Join(path.Dir(name), TempName())
	err := d.disk.Step("write "+name, func() error { return d.writeNew(temp, data, perm, d.owner(name)) })
	if err == nil {
		err = d.Rename(temp, name)
	}
	if err != nil {
		d.Remove(temp) // the error above is the one to report; the next opening sweeps
		return err
	}
	return d.Sync(path.Dir(name))
}

// owner returns whose file root is about to write; nil when that cannot be
// chosen, or not be seen.
func (d *Dir) owner(name string) *syscall.Stat_t {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := d.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		if info, err = d.root.Stat(path.Dir(name)); err != nil {
			return nil
		}
	}
	stat, _ := info.Sys().(*syscall.Stat_t)
	return stat
}

func (d *Dir) writeNew(name string, data []byte, perm fs.FileMode, owner *syscall.Stat_t) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && owner != nil {
		err = f.Chown(int(owner.Uid), int(owner.Gid))
	}
	if err == nil {
		err = f.Chmod(perm) // whatever the umask
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Symlink makes a new link that must not be there yet. Not synced.
func (d *Dir) Symlink(name, target string) error {
	return d.disk.Step("link "+name, func() error { return d.root.Symlink(target, name) })
}

// ReplaceLink points the link name at target with one rename of a link made
// under a fresh name, so that a reader finds the old target or the new at
// every instant. Not synced: the caller syncs the directory once for all that
// it changed there.
func (d *Dir) ReplaceLink(name, target string) error {
	temp := path.Join(path.Dir(name), TempName())
	err := d.disk.Step("link "+name, func() error { return d.root.Symlink(target, temp) })
	if err == nil {
		err = d.Rename(temp, name)
	}
	if err != nil {
		d.Remove(temp)
	}
	return err
}

// Rename renames old to new beneath the directory. Not synced.
func (d *Dir) Rename(old, new string) error {
	return d.disk.Step("rename "+new, func() error { return d.root.Rename(old, new) })
}

// Remove unlinks a file, a link or an empty directory. Not synced.
func (d *Dir) Remove(name string) error {
	return d.disk.Step("remove "+name, func() error { return d.root.Remove(name) })
}

// Sync syncs the directory name ("." for the directory itself).
func (d *Dir) Sync(name string) error {
	return d.disk.Step("sync "+name, func() error {
		f, err := d.root.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// SyncFS writes everything on the directory's file system to the disk,
// syncfs(2). One call costs far less than a sync of each file of a tree.
func (d *Dir) SyncFS() error {
	return d.disk.Step("syncfs", func() error {
		f, err := d.root.Open(".")
		if err != nil {
			return err
		}
		err = unix.Syncfs(int(f.Fd()))
		if err != nil {
			err = fmt.Errorf("syncfs %s: %w", d.Path(), err)
		}
		return errors.Join(err, f.Close())
	})
}

// Append adds data at the end of f and syncs it.
func (d *Dir) Append(f *os.File, data []byte) error {
	return d.disk.Step("append "+path.Base(f.Name()), func() error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		return unix.Fdatasync(int(f.Fd()))
	})
}

// Truncate cuts f to size bytes and syncs it.
func (d *Dir) Truncate(f *os.File, size int64) error {
	return d.disk.Step("truncate "+path.Base(f.Name()), func() error {
		return errors.Join(f.Truncate(size), f.Sync())
	})
}

const tempPrefix = ".repoint-"

// TempName returns a name that nothing has yet and [IsTemp] recognises.
func TempName() string { return tempPrefix + rand.Text() }

// IsTemp reports whether a directory entry is a temporary name of this
// package: free to be removed by whoever holds the app's lock.
func IsTemp(name string) bool { return strings.HasPrefix(name, tempPrefix) }
