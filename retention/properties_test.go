package retention

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProtectedStays(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, _ *rand.Rand, s situation) {
		verdicts := s.plan()
		if len(verdicts) != len(s.list) {
			t.Fatalf("%d verdicts", len(verdicts))
		}
		for i, v := range verdicts {
			r := s.list[i]
			if v.Release != r || v.Rule == "" || v.Reason == "" {
				t.Errorf("verdict %d is not one on %s: %+v", i, r.Name, v)
			}
			since := noon.Add(-s.policy.Grace)
			spared := r.Live || r.Previous || r.Next || r.Back || r.Held || r.Waiting || r.Building || r.Pinned != "" ||
				since.Before(r.LeftLive) && !r.LeftLive.After(noon) || r.Sealed && since.Before(r.Built) && !r.Built.After(noon)
			if spared && v.Remove {
				t.Errorf("%s is removed: %s", r.Name, v.Reason)
			}
		}
	})
}

func TestOrderOfListDoesNotMatter(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, rng *rand.Rand, s situation) {
		byName := func(a, b Verdict) int { return cmp2(a.Release.Name, b.Release.Name) }
		before := s.plan()
		first := Removals(before)
		rng.Shuffle(len(s.list), func(i, j int) { s.list[i], s.list[j] = s.list[j], s.list[i] })
		after := s.plan()
		if diff := cmp.Diff(first, Removals(after), compareReleases); diff != "" {
			t.Errorf("other removals:\n%s", diff)
		}
		slices.SortFunc(before, byName)
		slices.SortFunc(after, byName)
		if diff := cmp.Diff(before, after, compareReleases); diff != "" {
			t.Errorf("other verdicts:\n%s", diff)
		}
	})
}

var compareReleases = cmp.Comparer(func(a, b Release) bool { return a == b })

func cmp2(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// wider are policies that allow more in one respect.
var wider = map[string]func(rng *rand.Rand, p *Policy){
	"keep":        func(rng *rand.Rand, p *Policy) { p.Keep += rng.IntN(4) },
	"max_age":     func(rng *rand.Rand, p *Policy) { p.MaxAge = longer(rng, p.MaxAge) },
	"max_size":    func(rng *rand.Rand, p *Policy) { p.MaxSize = longer(rng, p.MaxSize) },
	"min_free":    func(rng *rand.Rand, p *Policy) { p.MinFree = rng.Int64N(p.MinFree + 1) },
	"min_inodes":  func(rng *rand.Rand, p *Policy) { p.MinInodes = rng.Int64N(p.MinInodes + 1) },
	"grace":       func(rng *rand.Rand, p *Policy) { p.Grace += time.Duration(rng.IntN(5)) * time.Hour },
	"failed_keep": func(rng *rand.Rand, p *Policy) { p.FailedKeep += rng.IntN(4) },
	"failed_age":  func(rng *rand.Rand, p *Policy) { p.FailedAge = longer(rng, p.FailedAge) },
}

// longer returns a wider limit; 0 is the widest.
func longer[T ~int64](rng *rand.Rand, limit T) T {
	if limit == 0 || rng.IntN(4) == 0 {
		return 0
	}
	return limit + limit*T(rng.IntN(3))/2
}

// Without a budget for space, a policy that allows more in any respect removes
// nothing that the other did not, whatever the clocks say.
func TestWiderRemovesNoMore(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, rng *rand.Rand, s situation) {
		s.policy.MaxSize, s.policy.MinFree, s.policy.MinInodes = 0, 0, 0
		was := removed(s.plan(), false)
		for what, widen := range wider {
			if what == "max_size" || what == "min_free" || what == "min_inodes" {
				continue
			}
			other := s
			widen(rng, &other.policy)
			within(t, what, removed(other.plan(), false), was)
		}
	})
}

// With budgets it removes no good one that the other did not. Of the grace
// that does not hold: what it protects takes others' space.
func TestWiderCostsNoGoodOne(t *testing.T) {
	t.Parallel()
	worlds(t, true, func(t *testing.T, rng *rand.Rand, s situation) {
		was := removed(s.plan(), true)
		for _, what := range []string{"keep", "max_age", "max_size", "min_free", "min_inodes"} {
			other := s
			wider[what](rng, &other.policy)
			within(t, what, removed(other.plan(), true), was)
		}
	})
}

func TestSmallerMinFreeRemovesNoMore(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, rng *rand.Rand, s situation) {
		was := removed(s.plan(), false)
		for _, what := range []string{"min_free", "min_inodes"} {
			other := s
			wider[what](rng, &other.policy)
			within(t, what, removed(other.plan(), false), was)
		}
	})
}

// A pin changes no verdict but its own.
func TestPinCostsNobodyAPlace(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, rng *rand.Rand, s situation) {
		s.policy.MaxSize, s.policy.MinFree, s.policy.MinInodes = 0, 0, 0
		if len(s.list) == 0 {
			return
		}
		before := s.plan()
		i := rng.IntN(len(s.list))
		s.list[i].Pinned = "by bob"
		for n, v := range s.plan() {
			if n != i && v != before[n] {
				t.Errorf("%s changed with the pin of %s: %s", v.Release.Name, s.list[i].Name, v.Reason)
			}
		}
	})
}

func TestFailedOnesDoNotTouchGoodOnes(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, _ *rand.Rand, s situation) {
		s.policy.MinFree, s.policy.MinInodes = 0, 0
		with := slices.DeleteFunc(s.plan(), func(v Verdict) bool { return v.Release.failed() })
		s.list = slices.DeleteFunc(s.list, Release.failed)
		if diff := cmp.Diff(s.plan(), with, compareReleases); diff != "" {
			t.Errorf("(-without failed ones +with them)\n%s", diff)
		}
	})
}

func TestPlanAfterRemovingIsEmpty(t *testing.T) {
	t.Parallel()
	worlds(t, false, func(t *testing.T, _ *rand.Rand, s situation) {
		verdicts := s.plan()
		freed := Frees(verdicts, s.disk)
		s.list = nil
		for _, v := range verdicts {
			if !v.Remove {
				s.list = append(s.list, v.Release)
			}
		}
		s.disk = s.disk.after(freed)
		if again := removed(s.plan(), false); again != nil {
			t.Errorf("then it removes %v", again)
		}
	})
}

func (d Disk) after(freed Amount) Disk {
	d.FreeBytes += freed.Bytes
	if d.FreeInodes >= 0 {
		d.FreeInodes += freed.Inodes
	}
	return d
}
