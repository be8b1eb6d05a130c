package gitsrc

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"repoint/internal/durable"
)

// incomingDir is where objects wait until they are complete, each fetch in a
// folder of its own: git does not look there.
//
//	repo.git/incoming/.repoint-XXXX/pack/…     what git makes of the remote's pack
//	                               /shallow    git's boundaries, those of the remote too
//	                               /<oid>      a content of Git LFS that is being written
//
// A fetch holds the kernel's lock on its folder as long as it lives. A folder
// whose lock is free is what a killed fetch left; the next one removes it.
const incomingDir = "incoming"

// incoming is one such folder. It must be closed.
type incoming struct {
	repo *Repo
	disk *durable.Dir // the repository
	name string       // in it
	lock *os.File
}

// newIncoming makes a folder, and removes those of the dead.
func (r *Repo) newIncoming() (*incoming, error) {
	fail := func(err error) (*incoming, error) {
		return nil, fmt.Errorf("making a folder for what is fetched into %s: %w", r.dir, err)
	}
	disk, err := durable.Disk{}.Open(r.dir)
	if err != nil {
		return fail(err)
	}
	in := &incoming{repo: r, disk: disk, name: path.Join(incomingDir, durable.TempName())}
	if err := in.make(); err != nil {
		return fail(errors.Join(err, disk.Close()))
	}
	return in, nil
}

// make makes the folder and locks it. The lock on the parent sees to it that
// nobody takes it for a dead one in between.
func (in *incoming) make() error {
	if err := in.disk.Mkdir(incomingDir, 0o700); err != nil {
		return err
	}
	parent, err := in.flock(incomingDir, unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := in.sweepAll(parent); err != nil {
		return err
	}
	if err := in.disk.MkdirNew(in.name, 0o700); err != nil {
		return err
	}
	in.lock, err = in.flock(in.name, unix.LOCK_EX|unix.LOCK_NB)
	return err
}

// sweepAll removes the folders of the dead. The parent is locked.
func (in *incoming) sweepAll(parent *os.File) error {
	names, err := parent.Readdirnames(-1)
	for _, name := range names {
		in.sweep(path.Join(incomingDir, name))
	}
	return err
}

// sweep removes a folder that nobody holds. One that cannot be removed, because
// a git that is about to die still writes there, is left to the next fetch.
func (in *incoming) sweep(name string) {
	if !durable.IsTemp(path.Base(name)) {
		return
	}
	if held, err := in.flock(name, unix.LOCK_EX|unix.LOCK_NB); err == nil {
		_ = in.disk.RemoveTree(name)
		held.Close()
	}
}

func (in *incoming) flock(name string, how int) (*os.File, error) {
	f, err := in.disk.Root().Open(name)
	if err != nil {
		return nil, err
	}
	if err := again(func() error { return unix.Flock(int(f.Fd()), how) }); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	return f, nil
}

// close removes the folder and what was not adopted.
func (in *incoming) close() error {
	err := in.disk.RemoveTree(in.name)
	if err != nil {
		err = fmt.Errorf("removing %s from %s: %w", in.name, in.repo.dir, err)
	}
	return errors.Join(err, in.lock.Close(), in.disk.Close())
}

func (in *incoming) path(name string) string { return filepath.Join(in.repo.dir, in.name, name) }

// env makes git write new objects here and find the others where they are.
func (in *incoming) env() []string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(filepath.Join(in.repo.dir, "objects"))
	env := []string{
		"GIT_OBJECT_DIRECTORY=" + in.path(""),
		`GIT_ALTERNATE_OBJECT_DIRECTORIES="` + quoted + `"`,
	}
	if exists(in.path(shallowFile)) {
		env = append(env, "GIT_SHALLOW_FILE="+in.path(shallowFile))
	}
	return env
}

// bound tells git where the remote's histories end, if it is shallow itself.
func (in *incoming) bound(edge []Hash) error {
	if len(edge) == 0 {
		return nil
	}
	own, err := in.repo.readLines(shallowFile)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, id := range append(own, edge...) {
		text.WriteString(string(id) + "\n")
	}
	return in.disk.WriteFile(path.Join(in.name, shallowFile), []byte(text.String()), 0o600)
}
