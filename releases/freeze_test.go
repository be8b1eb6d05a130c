package releases_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"repoint/releases"
)

func TestFreeze(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	if frozen, err := store.Frozen(now); frozen != nil || err != nil {
		t.Fatalf("a new app: %v, %v", frozen, err)
	}
	until := now.Add(time.Hour)
	want := releases.Frozen{By: "ada", Why: "sale", Since: now, Until: &until}
	check(t, store.Freeze(want))
	for at, holds := range map[time.Time]bool{now: true, until.Add(-1): true, until: false, until.Add(1): false} {
		frozen, err := store.Frozen(at)
		check(t, err)
		if (frozen != nil) != holds {
			t.Errorf("at %s: %v", at, frozen)
		}
		if holds && !cmp.Equal(*frozen, want) {
			t.Errorf("%v, want %v", *frozen, want)
		}
	}
	check(t, store.Unfreeze("bob", now))
	check(t, store.Unfreeze("bob", now)) // nothing to lift, nothing to write
	if frozen, err := store.Frozen(now); frozen != nil || err != nil {
		t.Errorf("lifted: %v, %v", frozen, err)
	}
	lines, damaged := a.journal(store)
	wantLines := []releases.Line{
		{Seq: 1, Time: now, Event: releases.FreezeSet, Actor: "ada", Reason: "sale", Until: &until},
		{Seq: 2, Time: now, Event: releases.FreezeLifted, Actor: "bob"},
	}
	if diff := cmp.Diff(wantLines, lines); diff != "" || damaged != 0 {
		t.Errorf("%d damaged, journal (-want +got):\n%s", damaged, diff)
	}
}

// When in doubt it is frozen.
func TestFreezeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.put(".repoint/freeze.json", "{")
	if frozen, err := a.open(nil).Frozen(now); frozen != nil || err == nil {
		t.Errorf("%v, %v", frozen, err)
	}
}

// Whatever step of a change is the last one, the file is as before or as after,
// and what is numbered next fits.
func TestFreezeCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		a, step, cut := newApp(t), 0, false
		store := a.open(func(_ string, do func() error) error {
			if step++; step > n {
				cut = true
				return errors.New("dead")
			}
			return do()
		})
		err := store.Freeze(releases.Frozen{By: "ada", Why: "sale", Since: now})
		if cut != (err != nil) {
			t.Fatalf("step %d: cut %v, %v", n, cut, err)
		}
		after := a.open(nil)
		if _, err := after.Frozen(now); err != nil {
			t.Errorf("step %d: %v", n, err)
		}
		check(t, after.Unfreeze("bob", now))
		a.appendFound(after)
		lines, _ := a.journal(after)
		for i, line := range lines {
			if line.Seq != int64(i+1) {
				t.Errorf("step %d: line %d has the number %d", n, i+1, line.Seq)
			}
		}
		if !cut {
			break
		}
	}
}
