package main

import (
	"fmt"
	"os"
	"strings"
)

// kinds are what is done to each site, in this order, in every round.
var kinds = []string{"first deploy", "one-file change", "10 % change", "roll back"}

// cell names one measurement: a kind, a size and a way.
type cell struct {
	kind  string
	files int
	way   string
}

// matrix has what every way took for every kind and size.
type matrix struct {
	ways []way
	live map[cell]times // for the bare push: until its end
	end  map[cell]times
	tree map[cell]times
}

func (b *bench) measureMatrix() error {
	ways, err := b.w.usable(b.without)
	if err != nil {
		return err
	}
	b.matrix = &matrix{ways: ways, live: map[cell]times{}, end: map[cell]times{}, tree: map[cell]times{}}
	for _, files := range b.sizes {
		if err := b.measureSize(files); err != nil {
			return err
		}
	}
	return nil
}

// measureSize lets all ways deploy the same commits, one after the other, in
// each round.
func (b *bench) measureSize(files int) error {
	from, err := b.w.newSample(files)
	if err != nil {
		return err
	}
	var sites []*site
	for round := range b.rounds {
		fmt.Fprintf(os.Stderr, "%d files, first deploy, round %d\n", files, round+1)
		for _, way := range turned(b.matrix.ways, round) {
			s, err := b.w.newSite(way, from)
			if err != nil {
				return err
			}
			if err := b.matrix.note(cell{kinds[0], files, way.name}, s.deploy, from.head); err != nil {
				return err
			}
			if round < b.rounds-1 {
				err = s.remove()
			} else {
				sites = append(sites, s)
			}
			if err != nil {
				return err
			}
		}
	}
	for round := range b.rounds {
		fmt.Fprintf(os.Stderr, "%d files, changes, round %d\n", files, round+1)
		if err := b.changes(from, turned(sites, round)); err != nil {
			return err
		}
	}
	for _, s := range sites {
		if err := s.remove(); err != nil {
			return err
		}
	}
	return os.RemoveAll(from.dir)
}

// changes is one round: one file, a tenth of all files, and back.
func (b *bench) changes(from *sample, sites []*site) error {
	one, err := from.commit(0)
	if err != nil {
		return err
	}
	tenth, err := from.commit(from.files/10 - 1)
	if err != nil {
		return err
	}
	for i, c := range []commit{one, tenth, one} {
		for _, s := range sites {
			do := s.deploy
			if i == 2 {
				do = s.goBack
			}
			if err := b.matrix.note(cell{kinds[i+1], from.files, s.way.name}, do, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *matrix) note(at cell, do func(commit) (taken, error), c commit) error {
	t, err := do(c)
	if err != nil {
		return err
	}
	if t.live == 0 {
		t.live = t.end
	}
	m.live[at] = append(m.live[at], t.live)
	m.end[at] = append(m.end[at], t.end)
	if t.tree > 0 {
		m.tree[at] = append(m.tree[at], t.tree)
	}
	return nil
}

// turned begins the list with another one in each round.
func turned[T any](list []T, round int) []T {
	n := round % len(list)
	return append(append([]T(nil), list[n:]...), list[:n]...)
}

func (m *matrix) print(sizes []int) string {
	var b strings.Builder
	for _, kind := range kinds {
		head := []string{kind}
		for _, files := range sizes {
			head = append(head, fmt.Sprintf("%d files: live", files), "ends", "× bare push")
		}
		var lines [][]string
		for _, way := range m.ways {
			line := []string{way.name}
			for _, files := range sizes {
				at, floor := cell{kind, files, way.name}, cell{kind, files, bareName}
				line = append(line, m.live[at].String(), m.end[at].String(), fmt.Sprintf("%.2f", ratio(m.live[at], m.end[floor])))
			}
			lines = append(lines, line)
		}
		b.WriteString(table(head, lines) + "\n")
	}
	return b.String()
}
