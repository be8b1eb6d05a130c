package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// sample is what a reader reads of a release: files that change with each
// commit and files that change seldom, and what the build made last.
var sample = []string{"src/0/7.txt", "src/1/3.txt", "src/3/0.txt", "build.sh", "out/all.txt", "out/copy.txt"}

// readThroughHandle reads the sample through one opened directory: all of it is
// there, and of one commit.
func (w *world) readThroughHandle() (reads int64, err error) {
	dir, err := os.OpenRoot(w.path("current"))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	return w.readSample(dir.ReadFile)
}

// readResolved asks once where current leads, and reads by that path for less
// than the grace, as a server with a cache of paths does. What it was too slow
// for says nothing.
func (w *world) readResolved() (reads int64, err error) {
	began := time.Now()
	at, err := filepath.EvalSymlinks(w.path("current"))
	if err != nil {
		return 0, err
	}
	for time.Since(began) < grace/2 {
		n, err := w.readSample(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(at, name)) })
		reads += n
		if err != nil && time.Since(began) < grace {
			return reads, fmt.Errorf("%s after current was resolved: %w", time.Since(began), err)
		}
	}
	return reads, nil
}

// readSample finds out by the first file which commit it should be.
func (w *world) readSample(read func(name string) ([]byte, error)) (reads int64, err error) {
	first, err := read("src/0/0.txt")
	if err != nil {
		return 0, err
	}
	for _, c := range w.commits {
		if !bytes.Equal(first, c.tree["src/0/0.txt"].content) {
			continue
		}
		for n, name := range sample {
			data, err := read(name)
			if err != nil {
				return int64(n), err
			}
			if !bytes.Equal(data, c.tree[name].content) {
				return int64(n), fmt.Errorf("%s is not of commit %.7s, as src/0/0.txt is", name, c.id)
			}
		}
		return int64(len(sample)) + 1, nil
	}
	return 0, fmt.Errorf("src/0/0.txt is of no commit: %q", first)
}

// lookAtNeeded looks whether what the links point at and what is pinned is there
// and sealed. What is not any more needed once it was looked at may be gone.
func (w *world) lookAtNeeded() (looks int64, err error) {
	for _, needed := range []func() ([]string, error){w.linked, w.pins} {
		names, err := needed()
		if err != nil {
			return looks, err
		}
		for _, name := range names {
			looks++
			if gone := w.isRelease(name); gone != nil && needs(needed, name) {
				return looks, fmt.Errorf("%s is needed: %w", name, gone)
			}
		}
	}
	return looks, nil
}

func (w *world) linked() (names []string, err error) {
	for _, link := range []string{"current", "previous", "next"} {
		target, err := os.Readlink(w.path(link))
		if errors.Is(err, fs.ErrNotExist) && link == "next" {
			continue
		}
		if err != nil {
			return nil, err
		}
		names = append(names, target)
	}
	return names, nil
}

func (w *world) pins() (names []string, err error) {
	data, err := os.ReadFile(w.path(".repoint/pins.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var pins map[string]any
	if err == nil {
		err = json.Unmarshal(data, &pins)
	}
	for name := range pins {
		names = append(names, name)
	}
	return names, err
}

func needs(needed func() ([]string, error), name string) bool {
	names, err := needed()
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return err != nil
}

func (w *world) isRelease(name string) error {
	_, tree := os.Stat(w.path(name + "/out/copy.txt"))
	_, seal := os.Stat(w.path(".repoint/seals/" + name + ".json"))
	return errors.Join(tree, seal)
}

// names are the trees that are there.
func (w *world) names() (names []string) {
	found, _ := filepath.Glob(w.path("code_*"))
	for _, path := range found {
		names = append(names, filepath.Base(path))
	}
	return names
}
