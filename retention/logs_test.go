package retention

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// What is decided about logs, the newest first; "+" stays, "-" goes.
func TestPlanLogs(t *testing.T) {
	t.Parallel()
	old := func(deploy int, days time.Duration, bytes int64) Log {
		return Log{Deploy: deploy, Bytes: bytes, Time: noon.Add(-days * day)}
	}
	running, released := old(1, 400, 10), old(1, 400, 10)
	running.Running, released.Of = true, "4f2a1b0"
	for _, test := range []struct {
		about  string
		policy LogPolicy
		list   []Log
		want   []string
	}{
		{"none", LogPolicy{Keep: 3}, nil, nil},
		{"few", LogPolicy{Keep: 3}, []Log{old(1, 9, 10), old(2, 8, 10)},
			[]string{"+2 is one of the 3 newest (log_keep)", "+1 is one of the 3 newest (log_keep)"}},
		{"many", LogPolicy{Keep: 1}, []Log{old(1, 9, 10), old(2, 8, 10)},
			[]string{"+2 is one of the 1 newest (log_keep)", "-1 is not one of the 1 newest (log_keep)"}},
		{"none is kept", LogPolicy{}, []Log{old(1, 9, 10)}, []string{"-1 is not one of the 0 newest (log_keep)"}},
		{"old", LogPolicy{Keep: 9, MaxAge: 8 * day}, []Log{old(1, 9, 10), old(2, 8, 10)},
			[]string{"+2 is one of the 9 newest (log_keep)", "-1 was written 9 days ago; log_age is 8d"}},
		{"large", LogPolicy{Keep: 9, MaxSize: 20}, []Log{old(1, 9, 1), old(2, 8, 11), old(3, 7, 10)},
			[]string{"+3 is one of the 9 newest (log_keep)", "-2 and newer logs take more than 20B (log_size)",
				"-1 and newer logs take more than 20B (log_size)"}},
		{"just fits", LogPolicy{Keep: 9, MaxSize: 21}, []Log{old(2, 8, 11), old(3, 7, 10)},
			[]string{"+3 is one of the 9 newest (log_keep)", "+2 is one of the 9 newest (log_keep)"}},
		{"it runs", LogPolicy{MaxAge: day, MaxSize: 1}, []Log{running}, []string{"+1 is of a deploy that waits or runs"}},
		{"its release is there", LogPolicy{MaxAge: day, MaxSize: 1}, []Log{released},
			[]string{"+1 is of a deploy that built 4f2a1b0 or made it live"}},
		{"just written", LogPolicy{Grace: time.Hour}, []Log{{Deploy: 1, Time: noon.Add(-time.Minute)}},
			[]string{"+1 was written to 60 seconds ago"}},
		{"what always stays takes room", LogPolicy{Keep: 9, MaxSize: 15}, []Log{running, old(2, 8, 10)},
			[]string{"-2 and newer logs take more than 15B (log_size)", "+1 is of a deploy that waits or runs"}},
		{"the clock was ahead", LogPolicy{Keep: 9, MaxAge: day, Grace: time.Hour}, []Log{old(1, -9, 10)},
			[]string{"+1 was written to at 2026-03-10 12:00:00 UTC, which is still to come"}},
	} {
		var got []string
		for _, v := range PlanLogs(test.list, test.policy, noon) {
			got = append(got, fmt.Sprintf("%s%d %s", map[bool]string{true: "-", false: "+"}[v.Remove], v.Log.Deploy, v.Reason))
		}
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%s: %q, want %q", test.about, got, test.want)
		}
	}
}

// What is protected never goes, what goes is never newer than what stays by the
// same rule, and what stays is within the limits.
func TestLogProperties(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		p := LogPolicy{Keep: rng.IntN(6), MaxAge: time.Duration(rng.IntN(5)) * day, MaxSize: rng.Int64N(60), Grace: time.Hour}
		var list []Log
		for i := range rng.IntN(12) {
			log := Log{Deploy: i, Bytes: rng.Int64N(20), Time: noon.Add(-time.Duration(rng.IntN(8*24)) * time.Hour), Running: rng.IntN(6) == 0}
			if rng.IntN(6) == 0 {
				log.Of = "4f2a1b0"
			}
			list = append(list, log)
		}
		kept, size, free := 0, int64(0), int64(0)
		for _, v := range PlanLogs(list, p, noon) {
			safe := v.Log.Running || v.Log.Of != "" || noon.Sub(v.Log.Time) < p.Grace
			switch {
			case safe && v.Remove:
				t.Fatalf("%+v goes: %+v", v.Log, p)
			case safe:
				free += v.Log.Bytes
			case !v.Remove:
				kept, size = kept+1, size+v.Log.Bytes
			}
			if !v.Remove && !safe && p.MaxAge > 0 && noon.Sub(v.Log.Time) > p.MaxAge {
				t.Fatalf("%+v stays: %+v", v.Log, p)
			}
		}
		if kept > p.Keep || p.MaxSize > 0 && kept > 0 && size+free > p.MaxSize {
			t.Fatalf("%d logs of %d bytes stay: %+v of %+v", kept, size, p, list)
		}
	}
}
