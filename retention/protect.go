package retention

import (
	"fmt"
	"time"
)

// protect settles what stays whatever the limits say.
func (d *decision) protect() {
	for i, r := range d.list {
		if rule, reason := r.protected(); rule != "" {
			d.keep(i, rule, reason, time.Time{})
		} else if reason, until := d.grace(r); reason != "" {
			d.keep(i, Grace, reason, until)
		}
	}
}

// protected returns the state that protects the release, if there is one.
func (r Release) protected() (Rule, string) {
	switch {
	case r.Live:
		return Live, "is live"
	case r.Previous:
		return Previous, "is previous: it was live before"
	case r.Next:
		return Next, "is staged as next"
	case r.Back:
		return Back, "is where a roll back goes"
	case r.Pinned != "":
		return Pinned, "pinned " + r.Pinned
	case r.Held:
		return Held, "held by a fleet prepare"
	case r.Waiting:
		return Waiting, "a waiting request asks for it"
	case r.Building:
		return Building, "is being built"
	case r.Used != "":
		return InUse, r.Used
	case !r.Sealed && r.Deploy == 0 && r.Built.IsZero():
		return Unknown, "has no seal, and nothing is known of who began it: left alone"
	}
	return "", ""
}

// grace protects what readers may still have open, having resolved the link
// while it was live, and what was sealed so recently that the switch to it may
// be about to come. A tree without a seal is never switched to.
func (d *decision) grace(r Release) (reason string, until time.Time) {
	since, did := d.clock.left(r), "left live"
	if built := d.clock.built(r); r.Sealed && built.After(since) {
		since, did = built, "built"
	}
	if until = since.Add(d.policy.Grace); since.IsZero() || d.policy.Grace <= 0 || !d.now.Before(until) {
		return "", time.Time{}
	}
	return fmt.Sprintf("%s %s, within the grace of %s", did, ago(d.now, since), span(d.policy.Grace)), until
}
