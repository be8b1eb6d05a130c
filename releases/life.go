package releases

import "time"

// Life is what the journal says of a release's time live.
type Life struct {
	Ever    bool      // it was live once, or was gone back from
	Bad     bool      // the last thing that is said of it is that it was gone back from
	Left    time.Time // when it left live last; zero: it never did
	LeftSeq int64     // the number of the line that says so
	Deploy  int       // that made it live last; 0: none did, or nobody knows
}

// Lives returns what the journal says of each release; of one that was removed
// long ago that may be nothing. whole is false when lines of it are missing or
// cannot be read: then more may have happened than it says.
func (s *Store) Lives() (lives map[Name]Life, whole bool, err error) {
	lives = map[Name]Life{}
	live := map[Name]bool{} // releases of which was heard how they got live last
	folded := false
	heard := map[Name]bool{"": true} // releases whose newest word was heard
	damaged, err := s.deciding(func(line Line) bool {
		switch {
		case line.Event == Folded:
			whole, folded = line.Whole, true
		case !folded:
			whole = line.Seq == 1
		}
		for _, name := range []Name{line.Bad, line.From, line.Live} {
			if name == "" {
				continue
			}
			life := lives[name]
			if name != line.Live && life.Left.IsZero() {
				life.Left, life.LeftSeq = line.Time, line.Seq
			}
			if name == line.Live && !live[name] {
				life.Deploy, live[name] = line.Deploy, true
			}
			life.Bad = life.Bad || !heard[name] && name == line.Bad
			life.Ever, heard[name] = true, true
			lives[name] = life
		}
		return true
	})
	return lives, whole && damaged == 0, err
}
