package retention

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Nothing goes for min_free once there is enough, and it is not given up while
// something may still go.
func TestMinFreeTakesAsMuchAsNeeded(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, _ *rand.Rand, s situation) {
		verdicts := s.plan()
		gone := Removals(verdicts)
		if len(gone) > 0 && gone[len(gone)-1].Rule == MinFree {
			last := gone[len(gone)-1].Release.Name
			for i := range verdicts {
				verdicts[i].Remove = verdicts[i].Remove && verdicts[i].Release.Name != last
			}
			if s.policy.Fits(s.disk.after(Frees(verdicts, s.disk)), Amount{}) {
				t.Errorf("there was enough without %s", last)
			}
			return
		}
		if s.policy.Fits(s.disk.after(Frees(verdicts, s.disk)), Amount{}) {
			return
		}
		for _, v := range verdicts {
			if v.Rule == Keep && !v.Remove || v.Rule == FailedKeep && !v.Remove {
				t.Errorf("%s could go for min_free: %s", v.Release.Name, v.Reason)
			}
		}
	})
}

// Need takes the first removals of a plan, as many as it takes, or none.
func TestNeedTakesAsMuchAsNeeded(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, rng *rand.Rand, s situation) {
		want := Amount{rng.Int64N(50), rng.Int64N(50)}
		room := Need(s.list, s.policy, s.disk, want, noon)
		s.policy.MinFree += want.Bytes
		s.policy.MinInodes += want.Inodes
		all := Removals(s.plan())
		enough := func(gone []Verdict) bool {
			verdicts := s.plan()
			for i := range verdicts {
				verdicts[i].Remove = slices.ContainsFunc(gone, func(v Verdict) bool { return v.Release == verdicts[i].Release })
			}
			return s.policy.Fits(s.disk.after(Frees(verdicts, s.disk)), Amount{})
		}
		if fits := room.Why == ""; fits != enough(all) || fits != room.Missing.none() || fits != (room.Help == nil) {
			t.Fatalf("fits %v: %+v", enough(all), room)
		}
		if room.Why != "" {
			if room.Remove != nil {
				t.Errorf("%v would go in vain", names(room.Remove))
			}
			return
		}
		gone := room.Remove
		if !enough(gone) || len(gone) > 0 && enough(gone[:len(gone)-1]) {
			t.Errorf("%s are not just enough of %s", names(gone), names(all))
		}
		if names(gone) != names(all[:len(gone)]) {
			t.Errorf("%s are not the first of %s", names(gone), names(all))
		}
	})
}

// What helps is enough to know what to do: all that can be given up, the last
// one being sufficient alone.
func TestHelp(t *testing.T) {
	t.Parallel()
	s, err := parse("policy min_free=1GiB min_inodes=10 grace=10m\nshared b,c 5MiB 2i\na #9 live 1MiB\nb #8 left=1m 2MiB 1i\nc #7 left=3m 2MiB 1i\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Help{
		{Rule: Grace, Names: []string{"b", "c"}, Amount: Amount{9 << 20, 4}, Until: noon.Add(9 * time.Minute),
			Text: "2 releases (9MiB and 4 inodes) within the grace: wait 9m"},
		{Rule: MinFree, Amount: Amount{Bytes: 1 << 20}, Text: "free 1MiB elsewhere on the disk, or lower min_free to 1023MiB"},
	}
	room := Need(s.list, s.policy, Disk{FreeBytes: 2 << 30, FreeInodes: 50, Shared: s.disk.Shared}, Amount{Bytes: 1<<30 + 1<<20}, noon)
	if diff := cmp.Diff(want, room.Help); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A floor that no disk has is lacking, not an overflow that fits.
func TestAbsurdFloor(t *testing.T) {
	t.Parallel()
	p := Policy{MinFree: 1<<63 - 1, MinInodes: 1<<63 - 1}
	if p.Fits(Disk{FreeBytes: 1 << 20, FreeInodes: 9}, Amount{Bytes: 1 << 40, Inodes: 1 << 40}) {
		t.Error("it fits")
	}
}
