package retention

// use is the space that a set of releases takes, what they share counted once.
type use struct {
	total  Amount
	list   []Release
	in     []bool
	shares [][]*share // of each release
}

// share is one Shared and how many of the set still hold it.
type share struct {
	Amount
	holders int
}

func newUse(list []Release, shared []Shared, in func(i int) bool) *use {
	u := &use{list: list, in: make([]bool, len(list)), shares: make([][]*share, len(list))}
	index := make(map[string]int, len(list))
	for i, r := range list {
		if in(i) {
			u.in[i] = true
			u.total = u.total.plus(r.Amount)
			index[r.Name] = i
		}
	}
	for _, s := range shared {
		held := &share{Amount: s.Amount}
		for _, name := range s.Names {
			if i, ok := index[name]; ok {
				held.holders++
				u.shares[i] = append(u.shares[i], held)
			}
		}
		if held.holders > 0 {
			u.total = u.total.plus(s.Amount)
		}
	}
	return u
}

// remove takes a release out and returns what that frees.
func (u *use) remove(i int) (freed Amount) {
	if !u.in[i] {
		return Amount{}
	}
	u.in[i] = false
	freed = u.list[i].Amount
	for _, s := range u.shares[i] {
		if s.holders--; s.holders == 0 {
			freed = freed.plus(s.Amount)
		}
	}
	u.total = u.total.minus(freed)
	return freed
}
