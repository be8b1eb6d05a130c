package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measureRollback compares the whole process with Capistrano's.
func (b *bench) measureRollback() error {
	from, err := b.w.newSample(b.sizes[0])
	if err != nil {
		return err
	}
	sites := make([]*site, 2)
	for i, way := range []way{local, wayNamed(capName)} {
		if sites[i], err = b.ready(way, from); err != nil {
			return err
		}
	}
	before := from.head
	var ends, lives [2]times
	for range b.rounds {
		after, err := from.commit(0)
		if err != nil {
			return err
		}
		for i, s := range sites {
			if _, err := s.deploy(after); err != nil {
				return err
			}
			t, err := s.goBack(before)
			if err != nil {
				return err
			}
			ends[i], lives[i] = append(ends[i], t.end), append(lives[i], t.live)
		}
	}
	is := ratio(ends[1], ends[0])
	b.say(limit("repoint rollback, the whole process; Capistrano's",
		fmt.Sprintf("%s (live after %s); %s; 1/%.0f", ends[0], lives[0], ends[1], is), "30 ms, 1/30",
		ends[0].median() <= ms(30) && is >= 30))
	return errors.Join(sites[0].remove(), sites[1].remove(), os.RemoveAll(from.dir))
}

// measureSwitch takes the step from the log, and syncs a directory twice in
// which something changed.
func (b *bench) measureSwitch() error {
	from, err := b.w.newSample(b.sizes[0])
	if err != nil {
		return err
	}
	s, err := b.ready(local, from)
	if err != nil {
		return err
	}
	var step, syncs times
	for range b.rounds {
		if _, err := s.next(); err != nil {
			return err
		}
		took, err := s.step("Switch")
		if err != nil {
			return err
		}
		step = append(step, took)
		if took, err = twoSyncs(s.dir); err != nil {
			return err
		}
		syncs = append(syncs, took)
	}
	b.say(row{"the switch itself, synced; two bare fsyncs of a directory",
		fmt.Sprintf("%s; %s; %.2f ×", step, syncs, ratio(step, syncs)), "reported", ""})
	return errors.Join(s.remove(), os.RemoveAll(from.dir))
}

func twoSyncs(parent string) (time.Duration, error) {
	dir, err := os.MkdirTemp(parent, "syncs-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	open, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer open.Close()
	began := time.Now()
	for i := range 2 {
		if err := os.Symlink("x", filepath.Join(dir, strconv.Itoa(i))); err != nil {
			return 0, err
		}
		if err := open.Sync(); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// measureStart starts repoint, and its git hook until that answers git.
func (b *bench) measureStart() error {
	from, err := b.w.newSample(b.sizes[0])
	if err != nil {
		return err
	}
	s, err := b.ready(local, from)
	if err != nil {
		return err
	}
	var version, hook, git times
	for range 5 * b.rounds {
		for _, start := range []struct {
			into *times
			time func() (time.Duration, error)
		}{
			{&version, func() (time.Duration, error) { return timed(exec.Command(b.w.repoint, "version")) }},
			{&hook, s.hookStart},
			{&git, func() (time.Duration, error) { return timed(exec.Command("git", "version")) }},
		} {
			took, err := start.time()
			if err != nil {
				return err
			}
			*start.into = append(*start.into, took)
		}
	}
	b.say(limit("repoint version", fmt.Sprintf("%s (git version %s)", version, git), "10 ms", version.median() <= ms(10)))
	b.say(limit("start of the git hook until it answers git", hook.String(), "10 ms", hook.median() <= ms(10)))
	return errors.Join(s.remove(), os.RemoveAll(from.dir))
}

// hookStart says to the git hook what git says first, and waits for the first
// byte of its answer.
func (s *site) hookStart() (time.Duration, error) {
	cmd := exec.Command(filepath.Join(s.repo(), "hooks/proc-receive"))
	cmd.Dir = s.repo()
	cmd.Env = append(os.Environ(), "GIT_DIR=.")
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = io.WriteString(in, "001aversion=1\x00push-options0000")
	if err == nil {
		_, err = out.Read(make([]byte, 1))
	}
	took := time.Since(began)
	in.Close() // it was no push: the hook complains and ends
	_, _ = io.Copy(io.Discard, out)
	_ = cmd.Wait()
	return took, err
}

// measureMemory takes the largest process of a first deploy, git's included.
func (b *bench) measureMemory() error {
	from, err := b.w.newSample(b.largest())
	if err != nil {
		return err
	}
	s, err := b.w.newSite(local, from)
	if err != nil {
		return err
	}
	first, err := s.peak(from.head)
	if err != nil {
		return err
	}
	c, err := from.commit(0)
	if err != nil {
		return err
	}
	next, err := s.peak(c)
	if err != nil {
		return err
	}
	b.say(limit(fmt.Sprintf("peak memory of a deploy of %d files, the largest of its processes", from.files),
		fmt.Sprintf("first %d MB, one-file change %d MB", first>>20, next>>20), "150 MB", max(first, next) <= 150<<20))
	return errors.Join(s.remove(), os.RemoveAll(from.dir))
}

// peak deploys and returns the bytes of the largest process.
func (s *site) peak(c commit) (int64, error) {
	if err := s.stock(c); err != nil {
		return 0, err
	}
	s.w.settle()
	cmd := s.way.deploy(s, c)
	if _, err := said(cmd); err != nil {
		return 0, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, errors.New("the system does not say how much memory a process had")
	}
	return usage.Maxrss << 10, nil
}

// measureIdle starts a server over 100 apps and looks how large it is.
func (b *bench) measureIdle() error {
	dir, err := b.w.manyApps("idle", 100)
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	serve, err := b.w.start("idle.log", b.w.repoint, "serve", "--apps", dir, "--ssh", fmt.Sprintf("127.0.0.1:%d", port), "--http", "127.0.0.1:0")
	if err == nil {
		err = b.w.listening(port)
	}
	if err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // what it does at its start is over
	memory := strings.TrimSuffix(field(fmt.Sprintf("/proc/%d/status", serve.Process.Pid), "VmRSS"), " kB")
	kB, err := strconv.Atoi(memory)
	if err != nil {
		return err
	}
	b.say(limit("memory of an idle serve with 100 apps", fmt.Sprintf("%d MB", kB>>10), "40 MB", kB <= 40<<10))
	return b.w.end(serve)
}

// manyApps makes an apps directory with so many apps on which nothing was
// deployed: one is made, the others are copies of it.
func (w *world) manyApps(name string, count int) (string, error) {
	dir := w.path(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if _, err := w.output(w.repoint, "init", filepath.Join(dir, "app-0")); err != nil {
		return "", err
	}
	if _, err := w.output("sh", "-c", `cd "$1" && for i in $(seq "$2"); do cp -a app-0 "app-$i"; done`, "sh", dir, strconv.Itoa(count-1)); err != nil {
		return "", err
	}
	return dir, nil
}
