package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// measureCache looks when the build hook starts, when node_modules is cached.
func (b *bench) measureCache() error {
	modules, err := b.w.newSample(b.largest())
	if err != nil {
		return err
	}
	from, err := b.w.newSample(b.sizes[0])
	if err != nil {
		return err
	}
	ctl := b.w.path("cache")
	unpack := `mkdir -p "$1/said" "$1/node_modules" && git --git-dir "$2" archive main | tar -x -C "$1/node_modules"`
	if _, err := b.w.output("sh", "-c", unpack, "sh", ctl, modules.dir); err != nil {
		return err
	}
	hook := fmt.Sprintf("mkdir %[1]s/said/started\n[ -d node_modules ] || cp -a %[1]s/node_modules node_modules\n", ctl)
	if err := b.w.write("cache/build", hook, 0o644); err != nil {
		return err
	}
	cached := local
	cached.setup = func(s *site) error {
		if err := newApp(s); err != nil {
			return err
		}
		return s.write("repoint.toml", fmt.Sprintf("cache = [\"node_modules\"]\n[hooks]\nbuild = \"sh %s/build\"\n", ctl), 0o644)
	}
	s, err := b.w.newSite(cached, from)
	if err != nil {
		return err
	}
	var start, copied times
	for round := range b.rounds + 1 { // the first has nothing cached yet
		took, err := s.buildStart(filepath.Join(ctl, "said"))
		if err != nil {
			return err
		}
		if round == 0 {
			continue
		}
		start = append(start, took)
		s.w.settle()
		took, err = timed(exec.Command("cp", "-a", filepath.Join(s.dir, "current/node_modules"), ctl+"/copy"))
		if err = errors.Join(err, os.RemoveAll(ctl+"/copy")); err != nil {
			return err
		}
		copied = append(copied, took)
	}
	is := ratio(start, copied)
	b.say(limit(fmt.Sprintf("repoint deploy → build hook starts, node_modules of %d files cached; cp -a of the same", modules.files),
		fmt.Sprintf("%s; %s; %.2f ×", start, copied, is), "0.20 ×", is <= 0.2))
	return errors.Join(s.remove(), os.RemoveAll(ctl), os.RemoveAll(from.dir), os.RemoveAll(modules.dir))
}

// buildStart deploys a new commit and returns when its build hook has made the
// directory started.
func (s *site) buildStart(dir string) (time.Duration, error) {
	c, err := s.sample.commit(0)
	if err == nil {
		err = s.stock(c)
	}
	if err != nil {
		return 0, err
	}
	s.w.settle()
	started := filepath.Join(dir, "started")
	watch, err := newWatch(dir, func() bool { _, err := os.Stat(started); return err == nil })
	if err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = said(s.way.deploy(s, c))
	seen := watch.wait()
	if err == nil && seen.at.IsZero() {
		err = errors.New("the build hook never started")
	}
	return seen.at.Sub(began), errors.Join(err, os.Remove(started))
}

// measurePrune removes one release, beside rm -rf of a tree like it. The peers
// prune inside their deploys, before these end.
func (b *bench) measurePrune() error {
	for _, files := range b.sizes {
		from, err := b.w.newSample(files)
		if err != nil {
			return err
		}
		if err := b.pruneOf(from); err != nil {
			return err
		}
		if err := os.RemoveAll(from.dir); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) pruneOf(from *sample) error {
	s, err := b.ready(local, from)
	if err != nil {
		return err
	}
	if err := s.write("repoint.toml", "[retention]\nkeep = 0\ngrace = \"0s\"\n", 0o644); err != nil {
		return err
	}
	for range 2 { // live, previous, and one more to go in each round
		if _, err := s.next(); err != nil {
			return err
		}
	}
	var prune, rm times
	for range b.rounds {
		like := filepath.Join(s.dir, "like")
		if _, err := s.w.output("cp", "-a", filepath.Join(s.dir, "current")+"/.", like); err != nil {
			return err
		}
		s.w.settle()
		before := s.releases()
		took, err := timed(exec.Command(s.w.repoint, "prune", s.dir))
		if err != nil {
			return err
		}
		if now := s.releases(); now >= before {
			return fmt.Errorf("nothing was pruned: %d releases before, %d after", before, now)
		}
		prune = append(prune, took)
		s.w.settle()
		if took, err = timed(exec.Command("rm", "-rf", like)); err != nil {
			return err
		}
		rm = append(rm, took)
		if _, err := s.next(); err != nil {
			return err
		}
	}
	b.say(row{fmt.Sprintf("repoint prune of one release of %d files, paced; rm -rf of a tree like it", from.files),
		fmt.Sprintf("%s; %s; %.2f ×", prune, rm, ratio(prune, rm)), "reported", ""})
	return s.remove()
}

func (s *site) releases() int {
	found, _ := filepath.Glob(filepath.Join(s.dir, "code_*"))
	return len(found)
}
