package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"repoint/releases"
)

// checkExtraLinks refuses, before anything changes, a path of links where
// something else stands.
func (r *run) checkExtraLinks() error {
	for _, link := range r.config.Links {
		target, err := os.Readlink(link)
		switch {
		case errors.Is(err, fs.ErrNotExist) || target == r.currentPath():
			continue
		case err != nil:
			return &Failure{Reason: link + " is not a link", Hint: fmt.Sprintf("move it away, then deploy again: mv %s %s.before-repoint", link, link), Cause: err}
		}
		return &Failure{Reason: fmt.Sprintf("%s points at %s", link, target),
			Hint: fmt.Sprintf("if it is this app's, point it there yourself: ln -sfn %s %s", r.currentPath(), link)}
	}
	return nil
}

// makeExtraLinks makes the links that are not there yet. They point at
// current, so that one rename moves them all.
func (r *run) makeExtraLinks() error {
	for _, link := range r.config.Links {
		if _, err := os.Lstat(link); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := r.app.env.Disk.Link(link, r.currentPath()); err != nil {
			return r.app.diskFailure("cannot make the link "+link, err)
		}
	}
	return nil
}

func (r *run) currentPath() string { return filepath.Join(r.app.Dir, releases.Current) }
