// Package gitsrc turns a commit of a bare repository into files.
//
// It fetches commits from remotes, with their submodules and what Git LFS keeps,
// resolves names to commits, checks a commit's tree out into an empty
// directory, and moves refs. It also writes a tree that was built elsewhere and
// comes as a tar stream, by the same rules ([Unpack]). What it promises:
//
//   - Exact. A checked out tree holds what `git ls-tree -r` lists: every name
//     byte for byte, every content proved against git's own object id, modes
//     0644 and 0755 whatever the umask. Attributes and filters of the pushed
//     tree (export-ignore, eol, filter) change nothing.
//   - Safe. The whole tree is judged before its first byte is written; a tree
//     that is refused leaves the directory empty ([RefusedError]). Writing goes
//     through directory handles and never through a link.
//   - No programs. git is started here without git hooks, filters, network
//     (that is ours), prompts, replaced objects or anybody's configuration but the
//     repository's own.
//   - Fetched whole or not at all. What a remote sends waits beside the
//     repository until git has looked at every object and found nothing missing;
//     it is bounded, and a killed fetch leaves only what the next one removes.
//   - Credentials stay home. A remote is believed by its host key or certificate
//     alone, and no other host sees the token.
//   - Refs move together or not at all, and are on the disk when [Repo.MoveRefs]
//     returns nil. What a killed git left in their way is cleared.
//
// It does not lock: the caller makes sure that one process at a time moves the
// refs it owns. It has the disk begin with the trees that it writes, but to make
// them durable is for the owner of their directory, who also removes what a failed
// [Repo.Checkout] left there. It needs git 2.29 or newer and SHA-1 repositories.
package gitsrc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/go-git/go-git/v5"
)

// ErrNotFound is wrapped by errors about a revision, commit or folder that the
// repository does not have.
var ErrNotFound = errors.New("not found")

// Repo is a bare repository. Its methods may be used by several goroutines.
type Repo struct {
	dir  string
	refs *git.Repository // used for refs and configuration, never for objects
	idle atomic.Pointer[batch]

	surveyed surveyed
}

// Open opens the bare repository at dir. A missing one is an error that wraps
// fs.ErrNotExist.
func Open(dir string) (*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening repository %s: %w", dir, err)
	}
	if err := checkBare(abs); err != nil {
		return nil, fmt.Errorf("opening repository %s: %w", abs, err)
	}
	opened, err := git.PlainOpen(abs)
	if err != nil {
		return nil, fmt.Errorf("opening repository %s: %w", abs, err)
	}
	return &Repo{dir: abs, refs: opened}, nil
}

// Close ends the git that is kept for the next question. The repository can be
// used again.
func (r *Repo) Close() {
	if b := r.idle.Swap(nil); b != nil {
		b.end()
	}
}

// Dir returns the repository's absolute path.
func (r *Repo) Dir() string { return r.dir }

// checkBare tells what a directory that is no bare repository is instead.
func checkBare(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("it does not exist: %w", fs.ErrNotExist)
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("it is not a directory")
	}
	if exists(filepath.Join(dir, ".git")) {
		return errors.New("it is a working copy, not a bare repository")
	}
	for _, part := range []string{"HEAD", "objects", "refs"} {
		if !exists(filepath.Join(dir, part)) {
			return fmt.Errorf("it is not a bare repository: %s is missing", part)
		}
	}
	return nil
}

// exists says whether something is at name; what cannot be looked at counts as
// being there, so that nothing is made in its place.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
