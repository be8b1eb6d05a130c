package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// watcher reads what one machine serves, again and again.
type watcher struct {
	name       string
	app        string
	remembers  bool // it is an agent's
	known      *known
	every      time.Duration
	tally      *tally
	served     bool // something was live once
	generation uint64
}

// readsPerSecond is how often all machines together are read.
const readsPerSecond = 2000

func (w *world) watchers() (all []*watcher) {
	watch := func(name, app string, remembers bool) {
		all = append(all, &watcher{name: name, app: app, remembers: remembers, known: w.pusher.known, tally: w.tally})
	}
	watch("hub", w.hub.app(), false)
	for _, a := range w.agents {
		watch(a.name, a.app(), true)
	}
	for _, one := range all {
		one.every = time.Second * time.Duration(len(all)) / readsPerSecond
	}
	return all
}

// run reads until ctx ends, or something is not as it must be.
func (r *watcher) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.read(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		r.tally.read()
		pause(ctx, r.every)
	}
	return nil
}

func (r *watcher) read() error {
	if r.remembers {
		if err := r.readMemory(); err != nil {
			return err
		}
	}
	commit, err := linked(r.app, "current")
	if errors.Is(err, fs.ErrNotExist) && !r.served {
		return nil
	}
	if err != nil {
		return err
	}
	r.served = true
	if !r.known.has(commit) {
		return fmt.Errorf("%s is live, which was never pushed", commit)
	}
	if _, err := os.ReadFile(filepath.Join(r.app, "current", pages[len(pages)-1])); err != nil {
		return err
	}
	return r.readAll()
}

func (r *watcher) readMemory() error {
	now, err := generation(r.app)
	if err == nil && now < r.generation {
		err = fmt.Errorf("it remembers generation %d, after %d", now, r.generation)
	}
	r.generation = now
	return err
}

// readAll reads all pages through one opened directory: they are of one release.
func (r *watcher) readAll() error {
	dir, err := os.OpenRoot(filepath.Join(r.app, "current"))
	if err != nil {
		return err
	}
	defer dir.Close()
	var first string
	for _, page := range pages {
		data, err := dir.ReadFile(page)
		if err != nil {
			return err
		}
		if first == "" {
			first = string(data)
		}
		if string(data) != first {
			return fmt.Errorf("%s says %q, and %s %q", pages[0], first, page, data)
		}
	}
	return nil
}
