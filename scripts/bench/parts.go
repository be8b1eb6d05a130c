package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// local is repoint on the server itself, of commits that are there already: what
// is measured has no push in it.
var local = way{name: "repoint deploy", live: "current", setup: newApp, before: (*site).stock,
	deploy: func(s *site, c commit) *exec.Cmd { return exec.Command(s.w.repoint, "deploy", s.dir, c.hash) },
	back:   func(s *site, _ commit) *exec.Cmd { return exec.Command(s.w.repoint, "rollback", s.dir) }}

// stock puts the sample's commits into the site's repository without a push.
func (s *site) stock(commit) error {
	return s.w.git("--git-dir", s.repo(), "fetch", "--quiet", "--no-auto-maintenance", s.sample.dir, "main:refs/heads/stock")
}

// ready makes a site with a sample's newest commit live.
func (b *bench) ready(way way, from *sample) (*site, error) {
	s, err := b.w.newSite(way, from)
	if err != nil {
		return nil, err
	}
	_, err = s.deploy(from.head)
	return s, err
}

// next deploys a new commit that changes the marker and nothing else.
func (s *site) next() (taken, error) {
	c, err := s.sample.commit(0)
	if err != nil {
		return taken{}, err
	}
	return s.deploy(c)
}

// timed is how long a command takes.
func timed(cmd *exec.Cmd) (time.Duration, error) {
	began := time.Now()
	_, err := said(cmd)
	return time.Since(began), err
}

// archive is how long git archive, tar and a sync take to make a synced tree.
func (s *site) archive() (time.Duration, error) {
	dir := filepath.Join(s.dir, "archived")
	s.w.settle()
	took, err := timed(exec.Command("sh", "-c", `mkdir "$1" && git --git-dir "$2" archive "$3" | tar -x -C "$1" && sync -f "$1"`, "sh", dir, s.repo(), s.sample.head.hash))
	return took, errors.Join(err, os.RemoveAll(dir))
}

// measureFirst compares a tree from nothing with git archive, and one made of
// the live one with it.
func (b *bench) measureFirst() error {
	for _, files := range b.sizes[1:] {
		from, err := b.w.newSample(files)
		if err != nil {
			return err
		}
		if err := errors.Join(b.firstOf(from), b.nextOf(from)); err != nil {
			return err
		}
		if err := os.RemoveAll(from.dir); err != nil {
			return err
		}
	}
	return nil
}

// firstOf makes a new site in each round.
func (b *bench) firstOf(from *sample) error {
	var first, live, archived times
	for range b.rounds {
		s, err := b.w.newSite(local, from)
		if err != nil {
			return err
		}
		t, err := s.deploy(from.head)
		if err != nil {
			return err
		}
		took, err := s.archive()
		if err != nil {
			return err
		}
		first, live, archived = append(first, t.tree), append(live, t.live), append(archived, took)
		if err := s.remove(); err != nil {
			return err
		}
	}
	is := ratio(first, archived)
	b.say(limit(fmt.Sprintf("first deploy, %d files, first sight of the tree → link, synced; git archive, tar, sync -f", from.files),
		fmt.Sprintf("%s (the whole command until live: %s); %s; %.2f ×", first, live, archived, is), "1.00 ×", is <= 1))
	return nil
}

// nextOf changes one file in each round. Of the step and of the time from the
// first sight of the tree the longer one counts.
func (b *bench) nextOf(from *sample) error {
	s, err := b.ready(local, from)
	if err != nil {
		return err
	}
	var made, step, tree, archived times
	for range b.rounds {
		t, err := s.next()
		if err != nil {
			return err
		}
		checkout, err := s.step("Check out")
		if err != nil {
			return err
		}
		took, err := s.archive()
		if err != nil {
			return err
		}
		made, step, tree = append(made, max(checkout, t.tree)), append(step, checkout), append(tree, t.tree)
		archived = append(archived, took)
	}
	is := ratio(archived, made)
	r := limit(fmt.Sprintf("next tree, one-file change, %d files: the step Check out, or first sight of the tree → link, synced; git archive, tar, sync -f", from.files),
		fmt.Sprintf("%s or %s; %s; 1/%.0f", step, tree, archived, is), "20 ms, 1/50", made.median() <= ms(20) && is >= 50)
	if from.files != b.largest() {
		r.limit, r.holds = "", ""
	}
	b.say(r)
	return s.remove()
}

var stepLine = regexp.MustCompile(`(?m)^-----> (.+?)  .* ([0-9.]+s)$`)

// step is how long a step of the last deploy took, as its log has it.
func (s *site) step(name string) (time.Duration, error) {
	logs, err := filepath.Glob(filepath.Join(s.dir, ".repoint/logs/*.log"))
	if err != nil {
		return 0, err
	}
	var newest string
	var at time.Time
	for _, log := range logs {
		if info, err := os.Stat(log); err == nil && info.ModTime().After(at) {
			newest, at = log, info.ModTime()
		}
	}
	data, err := os.ReadFile(newest)
	if err != nil {
		return 0, err
	}
	for _, found := range stepLine.FindAllStringSubmatch(string(data), -1) {
		if found[1] == name {
			return time.ParseDuration(found[2])
		}
	}
	return 0, fmt.Errorf("%s has no step %q:\n%s", newest, name, data)
}
