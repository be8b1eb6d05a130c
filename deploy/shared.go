package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"repoint/hooks/buildhook"
	"repoint/internal/durable"
	"repoint/releases"
)

// linkShared replaces each shared path of the new tree by a link into the
// app's shared directory. What is shared is never overwritten; a path that is
// not there yet is seeded with what the tree carries.
func (r *run) linkShared(_ context.Context, name releases.Name) error {
	if len(r.config.Shared) == 0 {
		return nil
	}
	account, err := r.account()
	if err != nil {
		return err
	}
	app, err := r.app.env.Disk.Open(r.app.Dir)
	if err != nil {
		return r.app.diskFailure("cannot link shared paths", err)
	}
	defer app.Close()
	s := &sharer{app: app, tree: string(name), account: account}
	return r.timed("Shared", func() error {
		for _, shared := range r.config.Shared {
			if err := s.link(shared); err != nil {
				return r.app.diskFailure("cannot link the shared path "+shared, err)
			}
		}
		return nil
	}, func() string {
		for _, missing := range s.missing {
			r.tell(Warning, "", fmt.Sprintf("shared %s is not there yet: put it at %s/%s/%s",
				missing, r.app.Dir, sharedDir, missing), 0)
		}
		return strings.Join(r.config.Shared, ", ")
	})
}

// sharer links shared paths into one tree.
type sharer struct {
	app     *durable.Dir
	tree    string             // the release's directory, beneath the app's
	account *buildhook.Account // owns what is made; nil for the user of this process
	missing []string           // files that nobody has put into shared/ yet
}

func (s *sharer) link(shared string) error {
	name, isDir := strings.CutSuffix(shared, "/")
	inTree, inShared := path.Join(s.tree, name), path.Join(sharedDir, name)
	if err := s.parents(s.tree, name); err != nil {
		return err
	}
	if err := s.parents(sharedDir, name); err != nil {
		return err
	}
	treeInfo, err := s.look(inTree)
	if err != nil {
		return err
	}
	sharedInfo, err := s.look(inShared)
	if err != nil {
		return err
	}
	switch {
	case sharedInfo != nil && isDir && sharedInfo.Mode().IsRegular():
		return fmt.Errorf("%s is a file, but %q says it is a directory", inShared, shared)
	case sharedInfo == nil && treeInfo != nil: // the first release that carries it
		err = s.seed(inTree, inShared)
	case sharedInfo == nil && isDir:
		err = s.mkdir(inShared)
	case sharedInfo == nil:
		s.missing = append(s.missing, name)
	case treeInfo != nil:
		err = s.app.Root().RemoveAll(inTree)
	}
	if err != nil {
		return err
	}
	up := strings.Repeat("../", strings.Count(name, "/")+1)
	return s.app.Root().Symlink(up+inShared, inTree)
}

// seed moves what the tree carries to shared/, for good: should this deploy
// fail, the next one finds it there.
func (s *sharer) seed(inTree, inShared string) error {
	return errors.Join(s.app.Rename(inTree, inShared), s.app.Sync(path.Dir(inShared)))
}

func (s *sharer) parents(top, name string) error {
	if err := s.mkdirIfNone(top); err != nil {
		return err
	}
	for dir := range parentsOf(name) {
		if err := s.mkdirIfNone(path.Join(top, dir)); err != nil {
			return err
		}
	}
	return nil
}

// parentsOf yields the directories above name, the outermost first.
func parentsOf(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i, r := range name {
			if r == '/' && !yield(name[:i]) {
				return
			}
		}
	}
}

func (s *sharer) mkdirIfNone(name string) error {
	info, err := s.look(name)
	switch {
	case err != nil:
		return err
	case info == nil:
		return s.mkdir(name)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", name)
	}
	return nil
}

func (s *sharer) mkdir(name string) error {
	if err := s.app.Mkdir(name, 0o755); err != nil {
		return err
	}
	if s.account == nil {
		return nil
	}
	return s.app.Root().Lchown(name, int(s.account.UID), int(s.account.GID))
}

// look is Lstat; nil when nothing is there.
func (s *sharer) look(name string) (os.FileInfo, error) {
	info, err := s.app.Root().Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}
