package releases_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"repoint/releases"
)

func TestLastPrune(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	store := a.open(nil)
	if last, err := store.LastPrune(); last != nil || err != nil {
		t.Fatalf("a new app: %v, %v", last, err)
	}
	want := releases.LastPrune{Time: now, By: "schedule"}
	check(t, store.NotePrune(releases.LastPrune{Time: now.AddDate(0, 0, -1), By: "ada"}))
	check(t, store.NotePrune(want))
	if last, err := store.LastPrune(); err != nil || last == nil || !cmp.Equal(*last, want) {
		t.Errorf("%v, %v", last, err)
	}
	a.put(".repoint/pruned.json", `{"time": "yester`)
	if last, err := store.LastPrune(); last != nil || err != nil {
		t.Errorf("what cannot be understood: %v, %v", last, err)
	}
	check(t, store.NotePrune(want))
	if last, err := store.LastPrune(); err != nil || last == nil {
		t.Errorf("written anew: %v, %v", last, err)
	}
}

// Whatever step is the last one, the last prune is the one before or this one.
func TestNotePruneCutAtEveryStep(t *testing.T) {
	t.Parallel()
	old, young := releases.LastPrune{Time: now, By: "ada"}, releases.LastPrune{Time: now.Add(1), By: "schedule"}
	for _, f := range faults {
		for at := 0; ; at++ {
			a := newApp(t)
			check(t, a.open(nil).NotePrune(old))
			cut := &cutter{fault: f, at: at, dir: a.dir}
			err := a.open(cut.seam).NotePrune(young)
			if !cut.reached() {
				check(t, err)
				break
			}
			check(t, a.mustRepair())
			last, err := a.open(nil).LastPrune()
			if err != nil || last == nil || !cmp.Equal(*last, old) && !cmp.Equal(*last, young) {
				t.Errorf("%s %s: %v, %v", f.name, cut.steps[at], last, err)
			}
		}
	}
}
