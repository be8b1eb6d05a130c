package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// taken is what one deploy took, from its start.
type taken struct {
	live time.Duration // until a reader saw the commit through the link
	tree time.Duration // from the first sight of the new tree until then
	end  time.Duration // until the command ended
}

// deploy deploys a commit and measures it.
func (s *site) deploy(c commit) (taken, error) {
	if s.way.before != nil {
		if err := s.way.before(s, c); err != nil {
			return taken{}, err
		}
	}
	return s.measure(s.way.deploy(s, c), c)
}

// goBack goes back to c, which was live before.
func (s *site) goBack(c commit) (taken, error) { return s.measure(s.way.back(s, c), c) }

// published pushes the commit to where the peer gets it from.
func (s *site) published(c commit) error {
	_, err := said(s.push(c))
	return err
}

func (s *site) measure(cmd *exec.Cmd, c commit) (taken, error) {
	link := filepath.Join(s.dir, s.way.live)
	dir := s.dir
	if info, err := os.Lstat(link); err == nil && info.IsDir() { // overwritten in place
		dir = link
	}
	s.w.settle()
	if s.way.live == "" {
		began := time.Now()
		_, err := said(cmd)
		return taken{end: time.Since(began)}, err
	}
	watch, err := newWatch(dir, func() bool { return c.shows(link) })
	if err != nil {
		return taken{}, err
	}
	began := time.Now()
	_, err = said(cmd)
	end := time.Since(began)
	seen := watch.wait()
	if err != nil {
		return taken{}, err
	}
	if seen.at.IsZero() {
		return taken{}, fmt.Errorf("%s: commit %d was never seen in %s", s.way.name, c.number, link)
	}
	t := taken{live: seen.at.Sub(began), end: end}
	if !seen.tree.IsZero() {
		t.tree = seen.at.Sub(seen.tree)
	}
	return t, nil
}
