package retention

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// worlds calls check with many small random situations. In a sane one all
// times are known and agree with the deploys' numbers and the journal's lines.
func worlds(t *testing.T, sane bool, check func(t *testing.T, rng *rand.Rand, s situation)) {
	t.Helper()
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := situation{policy: randomPolicy(rng), list: randomReleases(rng)}
		if !sane {
			spoilTimes(rng, s.list)
		}
		s.disk = Disk{FreeBytes: rng.Int64N(60), FreeInodes: rng.Int64N(60) - 10, Shared: randomShares(rng, s.list)}
		rng.Shuffle(len(s.list), func(i, j int) { s.list[i], s.list[j] = s.list[j], s.list[i] })
		if check(t, rng, s); t.Failed() {
			t.Fatalf("seed %d: %+v\n%s", seed, s.policy, explain(s))
		}
	}
}

func randomPolicy(rng *rand.Rand) Policy {
	return Policy{
		Keep: rng.IntN(5), FailedKeep: rng.IntN(4), Grace: time.Duration(rng.IntN(6)) * time.Hour,
		MaxAge: time.Duration(rng.IntN(20)) * time.Hour, FailedAge: time.Duration(rng.IntN(20)) * time.Hour,
		MaxSize: max(0, rng.Int64N(120)-30), MinFree: max(0, rng.Int64N(140)-40), MinInodes: max(0, rng.Int64N(140)-60),
	}
}

// randomReleases returns releases with deploys 1, 2, 3 …, built in this order.
// They left live in an order of its own.
func randomReleases(rng *rand.Rand) []Release {
	list := make([]Release, rng.IntN(12))
	sometimes := func() bool { return rng.IntN(12) == 0 }
	lines := rng.Perm(len(list))
	leaving := hours(rng, len(list))
	for i, built := range hours(rng, len(list)) {
		r := Release{Name: fmt.Sprintf("r%d", i), Deploy: i + 1, Built: built, Sealed: !sometimes(),
			Bad: sometimes(), NeverLive: sometimes(), Next: sometimes(), Back: sometimes(), Held: sometimes(),
			Waiting: sometimes(), Building: sometimes(), Amount: Amount{rng.Int64N(20), rng.Int64N(20)}}
		if sometimes() {
			r.Pinned = "by ada"
		}
		if rng.IntN(3) > 0 {
			r.Left, r.LeftLive = int64(lines[i]+1), leaving[lines[i]]
		}
		list[i] = r
	}
	if len(list) > 0 {
		list[rng.IntN(len(list))].Live = true
		list[rng.IntN(len(list))].Previous = true
	}
	return list
}

// hours returns n times before noon, in order.
func hours(rng *rand.Rand, n int) []time.Time {
	list := make([]time.Time, n)
	for i := range list {
		list[i] = noon.Add(-time.Duration(rng.IntN(24)) * time.Hour)
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

// spoilTimes makes some times unknown, wrong or still to come, and some
// numbers unknown.
func spoilTimes(rng *rand.Rand, list []Release) {
	for i := range list {
		r := &list[i]
		for _, at := range []*time.Time{&r.Built, &r.LeftLive} {
			switch rng.IntN(8) {
			case 0:
				*at = noon.Add(time.Duration(1+rng.IntN(48)) * time.Hour)
			case 1:
				*at = noon.Add(-time.Duration(rng.IntN(900)) * time.Hour)
			case 2:
				*at = time.Time{}
			}
		}
		if rng.IntN(8) == 0 {
			r.Deploy = 0
		}
		if rng.IntN(8) == 0 {
			r.Left = 0
		}
	}
}

func randomShares(rng *rand.Rand, list []Release) (shares []Shared) {
	for range rng.IntN(4) {
		s := Shared{Amount: Amount{rng.Int64N(20), rng.Int64N(20)}, Names: []string{"gone"}}
		for _, r := range list {
			if rng.IntN(3) == 0 {
				s.Names = append(s.Names, r.Name)
			}
		}
		shares = append(shares, s)
	}
	return shares
}

func (s situation) plan() []Verdict { return Plan(s.list, s.policy, s.disk, noon) }

// removed returns the names of what goes, in the order of names; of good ones
// only if that is asked for.
func removed(verdicts []Verdict, onlyGood bool) (list []string) {
	for _, v := range verdicts {
		if v.Remove && !(onlyGood && v.Release.failed()) {
			list = append(list, v.Release.Name)
		}
	}
	slices.Sort(list)
	return list
}

// within fails the test unless all of a is in b.
func within(t *testing.T, what string, a, b []string) {
	t.Helper()
	for _, name := range a {
		if !slices.Contains(b, name) {
			t.Errorf("%s: %s goes, too: %v, not %v", what, name, a, b)
		}
	}
}

func explain(s situation) (text string) {
	for _, v := range s.plan() {
		text += fmt.Sprintf("%+v\n", v)
	}
	return text + fmt.Sprintf("%+v", s.disk)
}
