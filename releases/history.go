package releases

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

// LiveInJournal returns what is live according to the journal. It is history:
// what [Store.Links] says is the truth.
func (s *Store) LiveInJournal() (name Name, known bool, err error) {
	_, err = s.History(func(line Line) bool {
		name, known = line.Live, line.Live != ""
		return !known
	})
	return name, known, err
}

func (s *Store) everStarted(commit string) (known bool, err error) {
	_, err = s.History(func(line Line) bool {
		known = line.Event == Start && line.Commit == commit
		return !known
	})
	return known, err
}
