package gitsrc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"repoint/internal/durable"
)

// Maintain has git look after the repository's objects, as git itself does after
// a push that it takes: packs what lies about, and drops what no ref has reached
// for two weeks. When and what is for the repository's own settings to say
// (gc.auto and others); mostly there is nothing to do. Pushes and checkouts may go
// on meanwhile. Refs are not touched, so that nobody finds one locked. When ctx
// ends git is stopped, and what it has done stays done. Called by root, git runs as
// the repository's owner, who has to be able to go on with what it makes.
func (r *Repo) Maintain(ctx context.Context) error {
	_, err := r.runCommand(ctx, command{upkeep: true,
		args: []string{"-c", "gc.autoDetach=false", "-c", "gc.packRefs=false", "gc", "--auto", "--quiet"}})
	return err
}

// owner is who root starts git as; nil is whoever we are.
func (r *Repo) owner() *syscall.Credential {
	info, err := os.Stat(r.dir)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	return &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid}
}

// Refs returns where the refs stand whose full names begin with prefix.
func (r *Repo) Refs(ctx context.Context, prefix string) (map[string]Hash, error) {
	p, err := r.start(ctx, command{args: []string{"for-each-ref", "--format=%(objectname) %(refname)", prefix}})
	if err != nil {
		return nil, err
	}
	refs := map[string]Hash{}
	lines := bufio.NewScanner(p.out)
	for lines.Scan() {
		id, name, _ := strings.Cut(lines.Text(), " ")
		refs[name] = Hash(id)
	}
	if err := lines.Err(); err != nil {
		return nil, p.failed(err)
	}
	return refs, p.wait()
}

// RemoveLeftovers removes what killed programs have left in the repository and
// nobody uses: our temporary files and folders of fetches, and git's for objects,
// unless they were written to since before. It returns how many there were.
func (r *Repo) RemoveLeftovers(before time.Time) (removed int, err error) {
	disk, err := durable.Disk{}.Open(r.dir)
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", r.dir, err)
	}
	defer disk.Close()
	l := &leftovers{disk: disk, before: before}
	err = errors.Join(
		l.remove(".", durable.IsTemp),
		l.remove("hooks", durable.IsTemp),
		l.remove("objects", isQuarantine),
		l.remove("objects/pack", isUnfinishedPack),
		l.remove("lfs/objects", durable.IsTemp),
		r.sweepIncoming(disk),
	)
	if err != nil {
		err = fmt.Errorf("removing leftovers from %s: %w", r.dir, err)
	}
	return l.removed, err
}

// isQuarantine recognises where git keeps the objects of a push until it takes
// them, in older versions too, and an object that is being written.
func isQuarantine(name string) bool {
	return strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, "incoming-")
}

func isUnfinishedPack(name string) bool {
	return strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-")
}

type leftovers struct {
	disk    *durable.Dir
	before  time.Time
	removed int
}

func (l *leftovers) remove(dir string, is func(name string) bool) error {
	entries, err := fs.ReadDir(l.disk.Root().FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if !is(entry.Name()) || l.inUse(name) {
			continue
		}
		if err := l.disk.RemoveTree(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		l.removed++
	}
	return errors.Join(append(errs, err)...)
}

// inUse reports whether something in a tree is new. What cannot be seen counts
// as that.
func (l *leftovers) inUse(name string) bool {
	err := fs.WalkDir(l.disk.Root().FS(), name, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && !info.ModTime().Before(l.before) {
			err = errNew
		}
		return err
	})
	return err != nil
}

var errNew = errors.New("it is new")

// sweepIncoming removes the folders of fetches that died.
func (r *Repo) sweepIncoming(disk *durable.Dir) error {
	in := &incoming{repo: r, disk: disk}
	parent, err := in.flock(incomingDir, unix.LOCK_EX)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	return in.sweepAll(parent)
}
