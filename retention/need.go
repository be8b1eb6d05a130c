package retention

import (
	"fmt"
	"time"
)

// Room says how something that is to be written fits on the disk.
type Room struct {
	Remove  []Verdict // what must go for it, the first one first
	Missing Amount    // what is missing though all that may go went; zero: it fits
	Why     string    // why it does not fit, for people; empty: it fits
	Help    []Help    // what would help then
}

// Fits reports whether want fits as it is, besides what is to stay free. It
// needs no look at the releases, so a deploy asks it first.
func (p Policy) Fits(disk Disk, want Amount) bool { return p.lack(disk, want).none() }

// Need says what must go before want is written, as before a checkout: of what
// a plan removes the first ones, see [Removals], as many as it takes. When all
// that may go is not enough, nothing is to be touched, so Remove is empty.
func Need(list []Release, p Policy, disk Disk, want Amount, now time.Time) Room {
	if p.Fits(disk, want) {
		return Room{}
	}
	d := decide(list, p, disk, now)
	d.freeDisk(want)
	freed := Frees(d.verdicts, disk)
	missing := p.lack(disk, want).minus(freed)
	if missing.none() {
		return Room{Remove: d.enough(want)}
	}
	missing = Amount{max(0, missing.Bytes), max(0, missing.Inodes)}
	return Room{
		Missing: missing,
		Why:     fmt.Sprintf("%s; all that may go frees %s, %s are missing", p.lackText(disk, want), freed.text(roundDown), missing.text(roundUp)),
		Help:    d.help(missing),
	}
}

// enough returns the removals up to the one that makes room for want.
func (d *decision) enough(want Amount) []Verdict {
	lack := d.policy.lack(d.disk, want)
	use := newUse(d.list, d.disk.Shared, func(int) bool { return true })
	index := make(map[string]int, len(d.list))
	for i, r := range d.list {
		index[r.Name] = i
	}
	all := Removals(d.verdicts)
	for n, v := range all {
		if lack.none() {
			return all[:n]
		}
		lack = lack.minus(use.remove(index[v.Release.Name]))
	}
	return all
}
