package releases

import "slices"

// Append writes a line to the journal. Seq and Top are filled in.
func (s *Store) Append(line Line) error {
	_, err := s.journal.append(func(next *Line) error {
		line.Seq, line.Top = next.Seq, next.Top
		*next = line
		return nil
	})
	return err
}

// Deploy returns the start and end line of one deploy; nil for what the
// journal does not have.
func (s *Store) Deploy(id int) (start, end *Line, err error) {
	_, err = s.History(func(line Line) bool {
		switch {
		case line.Deploy == id && line.Event == End:
			end = &line
		case line.Deploy == id && line.Event == Start:
			start = &line
		}
		return start == nil && line.Top >= id
	})
	return start, end, err
}

// LastStart returns the start of the newest deploy of a ref with that action, and
// how it ended; nil for what the journal does not have. A ref may have several
// names. Of what was moved to the archive it knows the refs that were deployed
// last, unless such a deploy was interrupted.
func (s *Store) LastStart(action string, refs ...string) (start, end *Line, err error) {
	ends := map[int]*Line{}
	_, err = s.deciding(func(line Line) bool {
		switch {
		case line.Event == End:
			ends[line.Deploy] = &line
		case line.Event == Start && line.Action == action && slices.Contains(refs, line.Ref):
			start, end = &line, ends[line.Deploy]
		}
		return start == nil
	})
	return start, end, err
}

// LiveInJournal returns what is live according to the journal. It is history:
// what [Store.Links] says is the truth.
func (s *Store) LiveInJournal() (name Name, known bool, err error) {
	line, err := s.lastLive()
	return line.Live, line.Live != "", err
}

// lastLive returns the newest line that says what is live; the zero Line when
// there is none.
func (s *Store) lastLive() (last Line, err error) {
	_, err = s.deciding(func(line Line) bool {
		if line.Live != "" {
			last = line
		}
		return last.Live == ""
	})
	return last, err
}

// begun reports whether the journal accounts for an unsealed tree: the last
// deploy of its commit that ended, ended badly. If it ended well the tree was
// sealed, and the seal is what is missing. What was moved to the archive accounts
// for nothing.
func (s *Store) begun(name Name) (known bool, err error) {
	failed := map[int]bool{}
	_, err = s.deciding(func(line Line) bool {
		bad, ended := failed[line.Deploy]
		switch {
		case line.Live == name:
			return false
		case line.Event == End:
			failed[line.Deploy] = line.Error != ""
		case line.Event == Start && ended && line.Commit == name.Commit():
			known = bad
			return false
		}
		return true
	})
	return known, err
}

// lookBack is how many starts are looked at for one without an end. Whoever
// takes the lock closes what the dead left open, so it is among the last ones.
const lookBack = 100

// unended returns the deploys that started last and have no end. It stops at a
// line that is missing: what is older may have ended there.
func (s *Store) unended() (ids []int, err error) {
	ended := map[int]bool{}
	seen, seq := 0, int64(0)
	_, err = s.deciding(func(line Line) bool {
		if seq != 0 && line.Seq != seq-1 {
			return false
		}
		seq = line.Seq
		switch line.Event {
		case End:
			ended[line.Deploy] = true
		case Start:
			seen++
			if !ended[line.Deploy] {
				ids = append(ids, line.Deploy)
			}
		}
		return seen < lookBack
	})
	return ids, err
}
