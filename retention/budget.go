package retention

import (
	"fmt"
	"slices"
)

// fitSize makes room until the good releases are within max_size, then until
// all together are, failed ones going for that.
func (d *decision) fitSize() {
	limit := d.policy.MaxSize
	if limit <= 0 {
		return
	}
	isGood := func(i int) bool { return !d.list[i].failed() }
	isFailed := func(i int) bool { return d.list[i].failed() }
	for _, round := range []struct {
		counts, goes func(i int) bool
		who          string
	}{
		{isGood, isGood, "the good releases take"},
		{func(int) bool { return true }, isFailed, "the releases take"},
	} {
		use := newUse(d.list, d.disk.Shared, func(i int) bool { return d.stays(i) && round.counts(i) })
		reason := fmt.Sprintf("over max_size %s: %s %s", limitText(limit), round.who, roundUp(use.total.Bytes))
		for _, i := range d.oldest(round.goes) {
			if use.total.Bytes <= limit {
				break
			}
			use.remove(i)
			d.drop(i, MaxSize, reason)
		}
	}
}

// freeDisk frees what the disk lacks for want and what is to stay free, beyond
// what goes in any case.
func (d *decision) freeDisk(want Amount) {
	lack, reason := d.policy.lack(d.disk, want), "to free disk: "+d.policy.lackText(d.disk, want)
	use := newUse(d.list, d.disk.Shared, func(int) bool { return true })
	for i := range d.list {
		if !d.stays(i) {
			lack = lack.minus(use.remove(i))
		}
	}
	for _, failed := range []bool{true, false} {
		for _, i := range d.oldest(func(i int) bool { return d.list[i].failed() == failed }) {
			if lack.none() {
				return
			}
			lack = lack.minus(use.remove(i))
			d.drop(i, MinFree, reason)
		}
	}
}

// oldest returns those that may go and are meant, the oldest first.
func (d *decision) oldest(meant func(i int) bool) (indexes []int) {
	for _, i := range slices.Backward(d.newest) {
		if d.mayGo(i) && meant(i) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}
