package retention

import "time"

// clock tells when things happened, as far as that can be told: what was
// written as still to come was written under a wrong clock. It is set right by
// what must have happened later, and of that only by what is live or previous:
// those stay, so the answer is the same after the others have gone.
type clock struct {
	now   time.Time
	fixed []Release // live and previous
}

func newClock(list []Release, now time.Time) clock {
	c := clock{now: now}
	for _, r := range list {
		if r.Live || r.Previous {
			c.fixed = append(c.fixed, r)
		}
	}
	return c
}

// built returns when the release was built; zero: not known.
func (c clock) built(r Release) time.Time {
	return c.right(r.Built, func(later Release) time.Time {
		if r.Deploy == 0 || later.Deploy <= r.Deploy {
			return time.Time{}
		}
		return later.Built
	})
}

// left returns when the release left live last; zero: it never did.
func (c clock) left(r Release) time.Time {
	return c.right(r.LeftLive, func(later Release) time.Time {
		if r.Left == 0 || later.Left <= r.Left {
			return time.Time{}
		}
		return later.LeftLive
	})
}

// right returns the time as it is written if it is past. Else it is the latest
// past time of what came after it; without one it is as written again.
func (c clock) right(written time.Time, after func(Release) time.Time) time.Time {
	if !written.After(c.now) {
		return written
	}
	var latest time.Time
	for _, r := range c.fixed {
		if t := after(r); t.After(latest) && !t.After(c.now) {
			latest = t
		}
	}
	if latest.IsZero() {
		return written
	}
	return latest
}
