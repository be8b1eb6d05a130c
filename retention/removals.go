package retention

import "slices"

// Removals returns the verdicts that remove, in the order in which the trees
// should go: first what goes in any case, then what goes for min_free; each
// time failed ones first, and of those the oldest first. Who looks at the disk
// in between stops at the first [MinFree] that is no longer needed.
func Removals(verdicts []Verdict) []Verdict {
	gone := slices.Clone(verdicts)
	gone = slices.DeleteFunc(gone, func(v Verdict) bool { return !v.Remove })
	slices.SortStableFunc(gone, func(a, b Verdict) int {
		if a.turn() != b.turn() {
			return a.turn() - b.turn()
		}
		return newer(b.Release, a.Release)
	})
	return gone
}

func (v Verdict) turn() (turn int) {
	if v.Rule == MinFree {
		turn += 2
	}
	if !v.Release.failed() {
		turn++
	}
	return turn
}

// Frees returns what the removals of a plan free together: more than the sum,
// where the last that shared something goes too.
func Frees(verdicts []Verdict, disk Disk) (freed Amount) {
	list := make([]Release, len(verdicts))
	for i, v := range verdicts {
		list[i] = v.Release
	}
	use := newUse(list, disk.Shared, func(int) bool { return true })
	for i, v := range verdicts {
		if v.Remove {
			freed = freed.plus(use.remove(i))
		}
	}
	return freed
}
