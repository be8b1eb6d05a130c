package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// grown is how large things become.
type grown struct{ files, objects, releases, apps int }

// measureGrowth compares a one-file change in the small with one in the large,
// over OpenSSH where it is not said otherwise.
func (b *bench) measureGrowth() error {
	return errors.Join(b.growFiles(), b.growHistory(), b.growReleases(), b.growApps())
}

func (b *bench) growFiles() error {
	const few = 1000
	small, large, err := b.pair(wayNamed(repointName), few, b.grown.files, nil)
	if err != nil {
		return err
	}
	a, z, err := b.alternately(small, large)
	if err != nil {
		return err
	}
	each := float64((z.median() - a.median()).Microseconds()) / 1000 / (float64(b.grown.files-few) / 1000)
	b.say(limit(fmt.Sprintf("one-file change, files %d → %d", few, b.grown.files),
		fmt.Sprintf("%s → %s: %.2f ms for each 1,000 files", a, z, each), "2 ms", each <= 2))
	return nil
}

func (b *bench) growHistory() error {
	small, large, err := b.pair(wayNamed(repointName), 50, 50, func(s *sample) error { return s.grow(b.grown.objects) })
	if err != nil {
		return err
	}
	return b.sayGrowth(fmt.Sprintf("one-file change, history + %d objects", b.grown.objects), small, large)
}

func (b *bench) growReleases() error {
	kept := local
	kept.setup = func(s *site) error {
		if err := newApp(s); err != nil {
			return err
		}
		return s.write("repoint.toml", "[retention]\nkeep = 100000\n", 0o644)
	}
	small, large, err := b.pair(kept, 50, 50, nil)
	if err != nil {
		return err
	}
	for range b.grown.releases {
		c, err := large.sample.commit(0)
		if err == nil {
			err = large.stock(c)
		}
		if err == nil {
			_, err = said(large.way.deploy(large, c))
		}
		if err != nil {
			return err
		}
	}
	return b.sayGrowth(fmt.Sprintf("repoint deploy of a one-file change, releases 1 → %d", b.grown.releases), small, large)
}

func (b *bench) growApps() error {
	var sites []*site
	var servers []*exec.Cmd
	for i, apps := range []int{1, b.grown.apps} {
		from, err := b.w.newSample(50)
		if err != nil {
			return err
		}
		s, server, err := b.w.served(fmt.Sprintf("many-%d", i), apps, from)
		if err != nil {
			return err
		}
		sites, servers = append(sites, s), append(servers, server)
	}
	a, z, err := b.alternatelyKept(sites[0], sites[1])
	if err != nil {
		return err
	}
	b.say(row{fmt.Sprintf("one-file change over the embedded server, apps 1 → %d in one serve", b.grown.apps),
		fmt.Sprintf("%s → %s: %.2f ×", a, z, ratio(z, a)), "reported", ""})
	for _, server := range servers {
		err = errors.Join(err, b.w.end(server))
	}
	return err
}

// served starts a server over so many apps and returns the first of them.
func (w *world) served(name string, apps int, from *sample) (*site, *exec.Cmd, error) {
	dir, err := w.manyApps(name, apps)
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.output(w.repoint, "keys", "add", "bench", w.path("key.pub"), "--role", "push", "--apps", dir); err != nil {
		return nil, nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	server, err := w.start(name+".log", w.repoint, "serve", "--apps", dir, "--ssh", fmt.Sprintf("127.0.0.1:%d", port), "--http", "")
	if err == nil {
		err = w.listening(port)
	}
	way := way{name: name, live: "current", deploy: plainPush}
	return &site{w: w, way: way, sample: from, dir: filepath.Join(dir, "app-0"),
		url: fmt.Sprintf("ssh://git@127.0.0.1:%d/app-0", port)}, server, err
}

// pair makes two sites with their first commits live; grow changes the second
// one's sample before.
func (b *bench) pair(way way, few, many int, grow func(*sample) error) (small, large *site, err error) {
	for _, files := range []int{few, many} {
		from, err := b.w.newSample(files)
		if err == nil && small != nil && grow != nil {
			err = grow(from)
		}
		if err != nil {
			return nil, nil, err
		}
		s, err := b.w.newSite(way, from)
		if err != nil {
			return nil, nil, err
		}
		if small == nil {
			small = s
		} else {
			large = s
		}
	}
	return small, large, nil
}

// alternately measures one-file changes of two sites, removes them, and returns
// what they took until they were live.
func (b *bench) alternately(small, large *site) (a, z times, err error) {
	a, z, err = b.alternatelyKept(small, large)
	for _, s := range []*site{small, large} {
		err = errors.Join(err, s.remove(), os.RemoveAll(s.sample.dir))
	}
	return a, z, err
}

func (b *bench) alternatelyKept(small, large *site) (a, z times, err error) {
	for round := range b.rounds + 1 { // the first is the first deploy
		for i, s := range []*site{small, large} {
			t, err := s.next()
			switch {
			case err != nil:
				return nil, nil, err
			case round > 0 && i == 0:
				a = append(a, t.live)
			case round > 0:
				z = append(z, t.live)
			}
		}
	}
	return a, z, nil
}

func (b *bench) sayGrowth(what string, small, large *site) error {
	a, z, err := b.alternately(small, large)
	b.say(row{what, fmt.Sprintf("%s → %s: %.2f ×", a, z, ratio(z, a)), "reported", ""})
	return err
}
