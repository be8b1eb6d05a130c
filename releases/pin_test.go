package releases_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"repoint/releases"
)

func TestPins(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	lock := a.lock(store)
	a.release(lock, commits[0], 1)
	a.release(lock, commits[1], 2)
	pin := releases.Pin{By: "ada", Why: "before the sale", Since: now}
	check(t, store.Pin(name(0), pin))
	check(t, store.Pin(name(1), releases.Pin{By: "bob", Since: now}))
	if err := store.Pin(name(2), pin); err == nil {
		t.Error("a release that is not there was pinned")
	}
	check(t, store.Unpin(name(1), "ada", now))
	check(t, store.Unpin(name(2), "ada", now))
	pins, err := store.Pins()
	if diff := cmp.Diff(map[releases.Name]releases.Pin{name(0): pin}, pins); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	lines, _ := a.journal(store)
	want := releases.Line{Seq: 1, Time: now, Event: releases.Pinned, Actor: "ada", Reason: "before the sale", Release: name(0)}
	if diff := cmp.Diff(want, lines[0]); diff != "" || len(lines) != 4 {
		t.Errorf("%d lines, the first (-want +got):\n%s", len(lines), diff)
	}
}
