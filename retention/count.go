package retention

import (
	"fmt"
	"time"
)

// count gives the places out, the newest release first. Live, previous and
// next need none; whatever else is protected has the one that it would have.
func (d *decision) count() {
	good, failed := 0, 0
	for _, i := range d.newest {
		r := d.list[i]
		if r.Live || r.Previous || r.Next {
			continue
		}
		place, judge := &good, d.judgeGood
		if r.failed() {
			place, judge = &failed, d.judgeFailed
		}
		*place++
		if d.verdicts[i].Rule == "" {
			judge(i, *place)
		}
	}
}

// besides is what the places are given out besides.
const besides = " besides live and previous"

func (d *decision) judgeGood(i, place int) {
	p, built := d.policy, d.clock.built(d.list[i])
	switch {
	case place > p.Keep && p.Keep <= 0:
		d.drop(i, Keep, "is neither live nor previous, and keep is 0")
	case place > p.Keep:
		d.drop(i, Keep, "is not "+oneOf(p.Keep, "good release")+besides)
	case d.older(built, p.MaxAge):
		d.drop(i, MaxAge, fmt.Sprintf("older than max_age %s: built %s", span(p.MaxAge), ago(d.now, built)))
	default:
		d.keep(i, Keep, "is "+oneOf(p.Keep, "good release")+besides, end(built, p.MaxAge))
	}
}

func (d *decision) judgeFailed(i, place int) {
	r := d.list[i]
	p, built, what := d.policy, d.clock.built(r), r.failure()
	switch {
	case place > p.FailedKeep && p.FailedKeep <= 0:
		d.drop(i, FailedKeep, what+", and failed_keep is 0")
	case place > p.FailedKeep:
		d.drop(i, FailedKeep, what+", and is not "+oneOf(p.FailedKeep, "such release"))
	case d.older(built, p.FailedAge):
		d.drop(i, FailedAge, fmt.Sprintf("%s, and is older than failed_age %s: built %s", what, span(p.FailedAge), ago(d.now, built)))
	default:
		d.keep(i, FailedKeep, what+", but is "+oneOf(p.FailedKeep, "such release"), end(built, p.FailedAge))
	}
}

// failure says in which way the release failed.
func (r Release) failure() string {
	switch {
	case !r.Sealed:
		return "was never finished"
	case r.Bad:
		return "was gone back from"
	}
	return "never went live"
}

// older reports whether the age is over its limit. Without a time or a limit
// it is not.
func (d *decision) older(built time.Time, limit time.Duration) bool {
	until := end(built, limit)
	return !until.IsZero() && !d.now.Before(until)
}

// end returns when the age will be over its limit; zero: never.
func end(built time.Time, limit time.Duration) time.Time {
	if built.IsZero() || limit <= 0 {
		return time.Time{}
	}
	return built.Add(limit)
}
