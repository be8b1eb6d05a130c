package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// way is one way to deploy. A site of its own is made for it with setup; then
// deploy and back are commands that are measured.
type way struct {
	name    string
	program string // what has to be installed
	live    string // where a reader looks, in the site's directory; "" when nobody does
	setup   func(*site) error
	deploy  func(*site, commit) *exec.Cmd
	back    func(*site, commit) *exec.Cmd // to what was live before
	before  func(*site, commit) error     // what deploy needs and is not measured
}

// site is one deployed site: a directory on the server, and a repository.
type site struct {
	w      *world
	way    way
	sample *sample
	dir    string
	url    string    // where commits are pushed
	server *exec.Cmd // that serves this site alone, if there is one
}

func (s *site) repo() string { return filepath.Join(s.dir, "repo.git") }

func (s *site) write(name, content string, mode os.FileMode) error {
	return s.w.write(filepath.Join(strings.TrimPrefix(s.dir, s.w.dir+"/"), name), content, mode)
}

// newSite makes a site on which nothing was deployed yet.
func (w *world) newSite(way way, from *sample) (*site, error) {
	w.made++
	s := &site{w: w, way: way, sample: from, dir: w.path(fmt.Sprintf("apps/site-%d", w.made))}
	s.url = "ssh://sshd" + s.repo()
	if err := way.setup(s); err != nil {
		return nil, fmt.Errorf("setting up %s: %w", way.name, err)
	}
	return s, nil
}

func (s *site) remove() error {
	s.w.settle()
	if s.server != nil {
		if err := s.w.end(s.server); err != nil {
			return err
		}
	}
	return os.RemoveAll(s.dir)
}

func (s *site) push(c commit, options ...string) *exec.Cmd {
	args := append([]string{"--git-dir", s.sample.dir, "push", "--quiet"}, options...)
	return exec.Command("git", append(args, s.url, c.hash+":refs/heads/main")...)
}

func plainPush(s *site, c commit) *exec.Cmd { return s.push(c) }

func forcedPush(s *site, c commit) *exec.Cmd { return s.push(c, "--force") }

// ssh runs a command on the server.
func (s *site) ssh(command string) *exec.Cmd {
	return exec.Command("ssh", "-F", s.w.path("ssh_config"), "sshd", command)
}

const (
	bareName    = "bare push, no hook"
	repointName = "repoint, over OpenSSH"
	archiveName = "hook: archive, tar, rename"
	capName     = "Capistrano"
)

// ways are all of them, the floor first.
var ways = []way{
	{name: bareName, setup: bareRepo, deploy: plainPush, back: forcedPush},
	{name: repointName, live: "current", setup: newApp, deploy: plainPush, back: forcedPush},
	{name: "repoint, embedded server", live: "current", setup: newEmbedded, deploy: plainPush, back: forcedPush},
	{name: "hook: checkout over what is live", live: "current", setup: inPlace, deploy: plainPush, back: forcedPush},
	{name: archiveName, live: "current", setup: archiveHook, deploy: plainPush, back: linkBack},
	{name: "webhook and script", program: "webhook", live: "current", setup: webhookSite, deploy: plainPush, back: linkBack},
	{name: "Fabric", program: "fab", live: "current", setup: fabricSite, deploy: fabric("deploy"), back: fabricBack, before: (*site).published},
	{name: "Mina", program: "mina", live: "current", setup: minaSite, deploy: mina("deploy"), back: minaBack, before: (*site).published},
	{name: capName, program: "cap", live: "current", setup: capSite, deploy: capistrano("deploy"), back: capBack, before: (*site).published},
}

// usable are the ways that work here: each peer deploys a small tree for trial,
// and goes back.
func (w *world) usable(without string) ([]way, error) {
	from, err := w.newSample(20)
	if err != nil {
		return nil, err
	}
	commits := make([]commit, 2)
	for i := range commits {
		if commits[i], err = from.commit(0); err != nil {
			return nil, err
		}
	}
	var found []way
	for _, each := range ways {
		if without != "" && slices.ContainsFunc(strings.Split(without, ","), func(word string) bool { return strings.Contains(each.name, word) }) {
			continue
		}
		if each.program != "" {
			if err := w.try(each, from, commits); err != nil {
				fmt.Fprintf(os.Stderr, "left out: %s: %v\n", each.name, err)
				fmt.Printf("Left out, because it could not be installed or does not work here: %s.\n\n", each.name)
				continue
			}
		}
		found = append(found, each)
	}
	return found, os.RemoveAll(from.dir)
}

func (w *world) try(way way, from *sample, commits []commit) error {
	if _, err := exec.LookPath(way.program); err != nil {
		return err
	}
	s, err := w.newSite(way, from)
	for _, c := range commits {
		if err == nil {
			_, err = s.deploy(c)
		}
	}
	if err != nil {
		return err
	}
	_, err = s.goBack(commits[0])
	return errors.Join(err, s.remove())
}

func wayNamed(name string) way {
	for _, w := range ways {
		if w.name == name {
			return w
		}
	}
	panic("no such way: " + name)
}

func bareRepo(s *site) error {
	return s.w.git("init", "--quiet", "--bare", "--initial-branch=main", s.repo())
}

func newApp(s *site) error {
	_, err := s.w.output(s.w.repoint, "init", s.dir)
	return err
}

func newEmbedded(s *site) error {
	s.url = "ssh://serve/" + filepath.Base(s.dir)
	return newApp(s)
}

// hook makes a bare repository with a post-receive hook; $dir is the site's
// directory in it.
func (s *site) hook(script string) error {
	if err := bareRepo(s); err != nil {
		return err
	}
	return s.write("repo.git/hooks/post-receive", "#!/bin/sh\nset -e\ndir="+s.dir+"\n"+script, 0o755)
}

func inPlace(s *site) error {
	if err := os.MkdirAll(filepath.Join(s.dir, "current"), 0o755); err != nil {
		return err
	}
	return s.hook("git --work-tree=\"$dir/current\" checkout --quiet --force main\n")
}

// release is how people write it by hand: a new directory, a link beside,
// renamed; five are kept.
const release = `
tree=$dir/releases/$(date +%s%N)
mkdir -p "$tree"
git archive main | tar -x -C "$tree"
ln -s "$tree" "$dir/current.new"
mv -T "$dir/current.new" "$dir/current"
ls -1d "$dir"/releases/* | head -n -5 | xargs -r rm -rf
`

func archiveHook(s *site) error { return s.hook(release) }

func linkBack(s *site, _ commit) *exec.Cmd {
	return s.ssh(fmt.Sprintf(`cd %s && ln -s "$(ls -1d $PWD/releases/* | tail -n 2 | head -n 1)" current.new && mv -T current.new current`, s.dir))
}
