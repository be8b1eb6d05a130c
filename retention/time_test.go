package retention

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A time that a wrong clock put into the future makes nothing go that would
// have stayed with the right time.
func TestFutureTimesRemoveNothingEarly(t *testing.T) {
	t.Parallel()
	worlds(t, true, func(t *testing.T, rng *rand.Rand, s situation) {
		s.policy.MaxSize, s.policy.MinFree, s.policy.MinInodes = 0, 0, 0
		was := removed(s.plan(), false)
		for i := range s.list {
			r, ahead := &s.list[i], noon.Add(time.Duration(1+rng.IntN(2000))*time.Hour)
			if rng.IntN(3) == 0 {
				r.Built = ahead
			}
			if rng.IntN(3) == 0 && !r.LeftLive.IsZero() {
				r.LeftLive = ahead
			}
		}
		within(t, "with times to come", removed(s.plan(), false), was)
	})
}

// It keeps nothing for ever either: after the next two deploys under a right
// clock its age and grace are over like others'.
func TestFutureTimesEnd(t *testing.T) {
	t.Parallel()
	p := Policy{Keep: 9, MaxAge: 30 * day, Grace: 10 * time.Minute}
	never := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	broken := Release{Name: "a", Deploy: 1, Sealed: true, Built: never, LeftLive: never, Left: 10}
	list := []Release{
		{Name: "c", Deploy: 3, Sealed: true, Built: noon, Live: true},
		{Name: "b", Deploy: 2, Sealed: true, Built: noon.Add(-time.Hour), LeftLive: noon, Left: 20, Previous: true},
		broken,
	}
	for after, want := range map[time.Duration]Rule{
		10*time.Minute - 1: Grace, 10 * time.Minute: Keep, 30*day - 1: Keep, 30 * day: MaxAge,
	} {
		if v := Plan(list, p, Disk{}, noon.Add(after))[2]; v.Rule != want {
			t.Errorf("after %v: %s, want %s", after, v.Reason, want)
		}
	}
}

// Until is when the reason ends: it holds just before, and no longer then.
func TestUntil(t *testing.T) {
	t.Parallel()
	seen := 0
	worlds(t, false, func(t *testing.T, _ *rand.Rand, s situation) {
		s.policy.MaxSize, s.policy.MinFree, s.policy.MinInodes = 0, 0, 0
		for i, v := range s.plan() {
			if v.Until.IsZero() {
				continue
			}
			seen++
			if v.Remove || !v.Until.After(noon) {
				t.Errorf("%+v", v)
			}
			if v.Release.Built.After(noon) || v.Release.LeftLive.After(noon) {
				continue // what is known of it changes when that has come
			}
			before := Plan(s.list, s.policy, s.disk, v.Until.Add(-1))[i]
			after := Plan(s.list, s.policy, s.disk, v.Until)[i]
			if before.Remove || before.Rule != v.Rule || after.Rule == v.Rule && !after.Remove {
				t.Errorf("%s: %s until %v; before: %s, then: %s", v.Release.Name, v.Reason, v.Until, before.Reason, after.Reason)
			}
		}
	})
	if seen < 100 {
		t.Errorf("only %d were seen", seen)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		span(0): "0s", span(90 * time.Second): "1m30s", span(10 * time.Minute): "10m", span(36 * time.Hour): "36h",
		span(90 * time.Minute): "1h30m", span(30 * day): "30d", span(100 * time.Millisecond): "100ms", span(10 * time.Hour): "10h",

		ago(noon, noon): "0 seconds ago", ago(noon, noon.Add(-1100*time.Millisecond)): "1 second ago",
		ago(noon, noon.Add(-2*time.Minute)): "2 minutes ago", ago(noon, noon.Add(-47*time.Hour)): "47 hours ago",

		roundUp(0): "0B", roundUp(1023): "1023B", roundDown(1024): "1KiB", roundUp(1025): "1.1KiB", roundDown(1025): "1KiB",
		roundDown(1<<20 - 1): "1023.9KiB", roundUp(1<<20 - 1): "1024KiB", roundUp(3 << 19): "1.5MiB",
		roundDown(5 << 50): "5120TiB", roundUp(1<<63 - 1): "8388608TiB", roundDown(-5): "-5B",

		limitText(1 << 30): "1GiB", limitText(5e8): "500MB", limitText(3 << 29): "1536MiB", limitText(7): "7B", limitText(2e12): "2TB",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var list []Release
			disk := Disk{FreeBytes: 0, FreeInodes: -1}
			for i := range n {
				r := Release{Name: fmt.Sprintf("code_%040x", i), Deploy: n - i, Sealed: i%7 != 0, Bad: i%11 == 0,
					Built: noon.Add(-time.Duration(i) * time.Hour), LeftLive: noon.Add(-time.Duration(i) * time.Hour), Amount: Amount{1 << 20, 100}}
				if i > 0 {
					disk.Shared = append(disk.Shared, Shared{Names: []string{list[i-1].Name, r.Name}, Amount: Amount{Bytes: 1 << 20}})
				}
				list = append(list, r)
			}
			list[0].Live, list[1].Previous = true, true
			p := Policy{Keep: n * 3 / 4, FailedKeep: n / 4, MaxSize: int64(n) << 20, MinFree: int64(n) << 20, Grace: time.Minute}
			for b.Loop() {
				Plan(list, p, disk, noon)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/release")
		})
	}
}
