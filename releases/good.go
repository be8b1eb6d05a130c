package releases

// LastGood returns the release that was live last and is not known to be bad,
// other than the one that is live now: where a roll back without a name goes.
// It is found in the journal, else it is what previous points at; "" when there
// is none. A release is bad when the last thing the journal says of it is that
// it was gone back from.
func (s *Store) LastGood(links Links) (good Name, err error) {
	settled := map[Name]bool{links.Current: true, "": true} // releases whose newest word was heard
	var failed error
	_, err = s.deciding(func(line Line) bool {
		settled[line.Bad] = true
		for _, name := range []Name{line.Live, line.From} {
			if settled[name] {
				continue
			}
			settled[name] = true
			var seal *Seal
			if seal, failed = s.SealOf(name); seal != nil && s.treeThere(name) {
				good = name
			}
			if good != "" || failed != nil {
				return false
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	if err == nil && good == "" && !settled[links.Previous] {
		good = links.Previous // the journal was lost
	}
	return good, err
}

// EverLive reports whether the journal has the release as live at some time.
func (s *Store) EverLive(name Name) (was bool, err error) {
	_, err = s.deciding(func(line Line) bool {
		was = line.Live == name
		return !was
	})
	return was, err
}

func (s *Store) treeThere(name Name) bool {
	info, err := s.dir.Root().Lstat(string(name))
	return err == nil && info.IsDir()
}
