package releases_test

import (
	"os"
	"testing"

	"repoint/releases"
)

// went is the end of a deploy that made the live-th release live, after the
// from-th and with bad as what was gone back from; -1 is none.
func went(live, from, bad int) releases.Line {
	line := releases.Line{Time: now, Event: releases.End}
	for i, to := range map[int]*releases.Name{0: &line.Live, 1: &line.From, 2: &line.Bad} {
		if n := []int{live, from, bad}[i]; n >= 0 {
			*to = name(n)
		}
	}
	return line
}

func TestLastGood(t *testing.T) {
	t.Parallel()
	tests := []struct {
		about    string
		journal  []releases.Line
		current  int
		previous int
		want     int // -1 for none
	}{
		{"nothing was ever live", nil, -1, -1, -1},
		{"only one was", []releases.Line{went(0, -1, -1)}, 0, -1, -1},
		{"the one before", []releases.Line{went(0, -1, -1), went(1, 0, -1), went(2, 1, -1)}, 2, 1, 1},
		{"not what was gone back from", []releases.Line{went(0, -1, -1), went(1, 0, -1), went(0, 1, 1), went(2, 0, -1)}, 2, 0, 0},
		{"not what never proved itself", []releases.Line{went(0, -1, -1), went(1, 0, -1), went(-1, -1, 2)}, 1, 0, 0},
		{"what was bad and is live again is good", []releases.Line{went(0, -1, -1), went(1, 0, -1), went(0, 1, 1), went(1, 0, -1), went(2, 1, -1)}, 2, 1, 1},
		{"all others are bad", []releases.Line{went(0, -1, -1), went(1, 0, -1), went(0, 1, 1)}, 0, 1, -1},
		{"what a link was found on, counts", []releases.Line{went(0, -1, -1), {Event: releases.Found, Live: name(1), From: name(0)}}, 1, 0, 0},
		{"without a journal it is previous", nil, 1, 0, 0},
		{"a tree that is gone is none", []releases.Line{went(3, -1, -1), went(1, 3, -1)}, 1, -1, -1},
	}
	for _, test := range tests {
		a := newApp(t)
		store := a.open(nil)
		lock := a.lock(store)
		for i := range commits {
			a.release(lock, commits[i], i+1)
		}
		check(t, os.RemoveAll(a.path(string(name(3)))))
		for _, line := range test.journal {
			check(t, store.Append(line))
		}
		var links releases.Links
		if test.current >= 0 {
			links.Current = name(test.current)
		}
		if test.previous >= 0 {
			links.Previous = name(test.previous)
		}
		want := releases.Name("")
		if test.want >= 0 {
			want = name(test.want)
		}
		got, err := store.LastGood(links)
		if got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", test.about, got, err, want)
		}
	}
}

func TestEverLive(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	for _, line := range []releases.Line{went(0, -1, -1), went(1, 0, -1), went(-1, -1, 2)} {
		check(t, store.Append(line))
	}
	for i, want := range []bool{true, true, false, false} {
		if was, err := store.EverLive(name(i)); was != want || err != nil {
			t.Errorf("%d: %v, %v", i, was, err)
		}
	}
}
