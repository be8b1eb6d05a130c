package retention

import (
	"slices"
	"time"
)

// Verdict says whether a release stays.
type Verdict struct {
	Release Release
	Remove  bool
	Rule    Rule      // what decided
	Reason  string    // the same for people, without the release: "is live"
	Until   time.Time // of a release that stays: when the clock alone ends this reason; zero: never
}

// Rule names what decided: the state that protects a release, or the key of
// [retention] that would have to be changed for another verdict.
type Rule string

// The rules, in the order in which they are asked.
const (
	Live       Rule = "live"
	Previous   Rule = "previous"
	Next       Rule = "next"
	Back       Rule = "back"
	Pinned     Rule = "pinned"
	Held       Rule = "held"
	Waiting    Rule = "waiting"
	Building   Rule = "building"
	InUse      Rule = "in use"
	Unknown    Rule = "unknown"
	Grace      Rule = "grace"
	Keep       Rule = "keep"
	MaxAge     Rule = "max_age"
	FailedKeep Rule = "failed_keep"
	FailedAge  Rule = "failed_age"
	MaxSize    Rule = "max_size"
	MinFree    Rule = "min_free" // also for inodes
)

// Plan returns a verdict for each release, in the order of the list. The
// list's order does not matter to what is decided.
func Plan(list []Release, p Policy, disk Disk, now time.Time) []Verdict {
	d := decide(list, p, disk, now)
	d.freeDisk(Amount{})
	return d.verdicts
}

// decision is a plan under way. A verdict without a rule is still open.
type decision struct {
	list     []Release
	policy   Policy
	disk     Disk
	now      time.Time
	clock    clock
	verdicts []Verdict
	newest   []int // indexes of list, the newest release first
}

// decide asks all rules but the last.
func decide(list []Release, p Policy, disk Disk, now time.Time) *decision {
	d := &decision{list: list, policy: p, disk: disk, now: now,
		clock: newClock(list, now), verdicts: make([]Verdict, len(list))}
	for i, r := range list {
		d.verdicts[i].Release = r
		d.newest = append(d.newest, i)
	}
	slices.SortStableFunc(d.newest, func(a, b int) int { return newer(list[a], list[b]) })
	d.protect()
	d.count()
	d.fitSize()
	return d
}

// keep settles that a release stays, drop that it goes.
func (d *decision) keep(i int, rule Rule, reason string, until time.Time) {
	d.verdicts[i] = Verdict{Release: d.list[i], Rule: rule, Reason: reason, Until: until}
}

func (d *decision) drop(i int, rule Rule, reason string) {
	d.verdicts[i] = Verdict{Release: d.list[i], Remove: true, Rule: rule, Reason: reason}
}

// stays reports that a release was not told to go so far, mayGo that a budget
// can still tell it.
func (d *decision) stays(i int) bool { return !d.verdicts[i].Remove }

func (d *decision) mayGo(i int) bool {
	rule := d.verdicts[i].Rule
	return d.stays(i) && (rule == Keep || rule == FailedKeep)
}
