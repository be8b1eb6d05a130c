package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	maxWriters = 4        // more do not help: they wait for the same disk
	leastShare = 256      // files that are worth a writer of their own
	fileCost   = 32 << 10 // bytes that take as long to write as making a file does
)

// writer puts a judged tree on the disk.
type writer struct {
	repo    *Repo
	root    int // handle of the empty directory
	entries []entry
	links   []linkTarget
	owner   *Owner
	early   *early
	shared  map[string]bool // folders that more than one share needs; made beforehand
}

// write makes the files, several at a time, then the links, and last hands the
// folders to their owner; until then nobody else can meddle in them.
func (w *writer) write(ctx context.Context) error {
	shares := divide(w.entries, min(maxWriters, runtime.GOMAXPROCS(0)))
	if err := w.makeShared(shares); err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	for _, share := range shares {
		group.Go(func() error { return w.writeShare(inner, share) })
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = w.writeLinks()
	}
	if err == nil && w.owner != nil {
		err = w.giveFolders(func(yield func(string) bool) {
			for _, e := range w.entries {
				if dir, _ := split(e.path); !yield(dir) {
					return
				}
			}
		})
	}
	return err
}

// divide divides a listing into at most n runs of about the same work.
func divide(entries []entry, n int) [][]entry {
	n = max(1, min(n, len(entries)/leastShare))
	total := int64(0)
	for _, e := range entries {
		total += fileCost + e.size
	}
	var shares [][]entry
	start, done := 0, int64(0)
	for i, e := range entries {
		done += fileCost + e.size
		if done*int64(n) >= total*int64(len(shares)+1) {
			shares = append(shares, entries[start:i+1])
			start = i + 1
		}
	}
	return shares
}

// makeShared makes the folders that a share begins in the middle of. Every
// other folder has all its files in one share.
func (w *writer) makeShared(shares [][]entry) error {
	w.shared = make(map[string]bool)
	dirs := &folders{root: w.root, enter: func(parent int, name, path string) error {
		w.shared[path] = true
		return w.makeFolder(parent, name, path)
	}}
	for i := 1; i < len(shares); i++ {
		last := shares[i-1][len(shares[i-1])-1].path
		dir, _ := split(shares[i][0].path)
		for dir != "" && !strings.HasPrefix(last, dir+"/") {
			dir, _ = split(dir)
		}
		if _, err := dirs.at(dir); err != nil {
			return errors.Join(err, dirs.close())
		}
	}
	return dirs.close()
}

// writeShare writes the files of one share, and makes the folders of its links.
func (w *writer) writeShare(ctx context.Context, share []entry) error {
	dirs := &folders{root: w.root, enter: func(parent int, name, path string) error {
		if w.shared[path] {
			return nil
		}
		return w.makeFolder(parent, name, path)
	}}
	err := w.repo.readBlobs(ctx, share, onlyFiles, func(in *blobs) error {
		for _, e := range share {
			dir, name := split(e.path)
			parent, err := dirs.at(dir)
			if err == nil && e.mode != link {
				err = w.writeFile(parent, name, e, w.source(ctx, e, in))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, dirs.close())
}

// source is where the content of e comes from: git, or what Git LFS keeps.
func (w *writer) source(ctx context.Context, e entry, in *blobs) contents {
	if e.lfs != nil {
		return stored{ctx, w.repo}
	}
	return in
}

func (w *writer) makeFolder(parent int, name, path string) error {
	err := makeFolder(parent, name)
	if errors.Is(err, unix.EEXIST) {
		return w.clash(path)
	}
	return errorAt("making folder", path, err)
}

// contents gives the contents of files one after the other.
type contents interface {
	// copy writes the content of e, which must be next, to out.
	copy(e entry, out io.Writer) error
}

// writeFile makes one file, which must not be there.
func (w *writer) writeFile(parent int, name string, e entry, in contents) error {
	perm := uint32(0o644)
	if e.mode == program {
		perm = 0o755
	}
	out := &openFile{fd: -1, early: w.early}
	err := again(func() (err error) {
		out.fd, err = unix.Openat(parent, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
		return err
	})
	if errors.Is(err, unix.EEXIST) {
		return w.clash(e.path)
	}
	if err == nil {
		err = in.copy(e, out)
		if err == nil {
			err = out.finish(perm, e.size, w.owner)
		}
		if closed := unix.Close(out.fd); err == nil { // some file systems say only here that the disk is full
			err = closed
		}
	}
	return errorAt("writing", e.path, err)
}

// openFile is a file being written.
type openFile struct {
	fd    int
	early *early
}

// Write writes all of p.
func (f *openFile) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(f.fd, p[done:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	f.early.wrote(done)
	return done, nil
}

// finish sets owner and mode, which the umask or an inherited ACL may have
// changed, and checks what has come of the file.
func (f *openFile) finish(perm uint32, size int64, owner *Owner) error {
	if owner != nil {
		if err := unix.Fchown(f.fd, owner.UID, owner.GID); err != nil {
			return fmt.Errorf("giving it to user %d, group %d: %w", owner.UID, owner.GID, err)
		}
	}
	var is unix.Stat_t
	if err := unix.Fstat(f.fd, &is); err != nil {
		return err
	}
	if is.Size != size {
		return fmt.Errorf("it has %d bytes instead of %d", is.Size, size)
	}
	if is.Mode&0o7777 == perm {
		return nil
	}
	return unix.Fchmod(f.fd, perm)
}

// writeLinks makes the links, when all files and folders are there.
func (w *writer) writeLinks() error {
	dirs := &folders{root: w.root}
	for _, l := range w.links {
		if err := w.writeLink(dirs, l); err != nil {
			return errors.Join(err, dirs.close())
		}
	}
	return dirs.close()
}

func (w *writer) writeLink(dirs *folders, l linkTarget) error {
	dir, name := split(l.path)
	parent, err := dirs.at(dir)
	if err != nil {
		return err
	}
	err = again(func() error { return unix.Symlinkat(l.target, parent, name) })
	if errors.Is(err, unix.EEXIST) {
		return w.clash(l.path)
	}
	if err == nil && w.owner != nil {
		err = unix.Fchownat(parent, name, w.owner.UID, w.owner.GID, unix.AT_SYMLINK_NOFOLLOW)
	}
	return errorAt("making link", l.path, err)
}

// giveFolders sets the owner of the folders, which come in the order of a
// listing, those inside first, and of all that they are in.
func (w *writer) giveFolders(list iter.Seq[string]) error {
	give := func(folder int) error { return unix.Fchown(folder, w.owner.UID, w.owner.GID) }
	dirs := &folders{root: w.root, leave: give}
	for dir := range list {
		if _, err := dirs.at(dir); err != nil {
			return errors.Join(err, dirs.close())
		}
	}
	err := dirs.close()
	if err == nil {
		err = give(w.root)
	}
	if err != nil {
		return fmt.Errorf("giving the folders to user %d, group %d: %w", w.owner.UID, w.owner.GID, err)
	}
	return nil
}

// clash says which two names the file system took for one.
func (w *writer) clash(path string) error {
	refused := &RefusedError{}
	refused.add("rename one of them", "%s and %s are the same name on this file system", shown(path), twin(w.entries, path))
	return refused
}

// twin finds a name in the list, or the folder of one, that differs from path
// in case only. It returns it quoted.
func twin(entries []entry, path string) string {
	names := strings.Count(path, "/") + 1
	for _, e := range entries {
		other := e.path
		for strings.Count(other, "/") >= names {
			other, _ = split(other)
		}
		if other != path && strings.EqualFold(other, path) {
			return shown(other)
		}
	}
	return "another one"
}

// errorAt says what was being done to which path of the tree; nil stays nil.
func errorAt(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, shown(path), err)
}
