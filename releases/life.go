package releases

import "time"

// Life is what the journal says of a release's time live.
type Life struct {
	Ever    bool      // it was live once, or was gone back from
	Bad     bool      // the last thing that is said of it is that it was gone back from
	Left    time.Time // when it left live last; zero: it never did
	LeftSeq int64     // the number of the line that says so
}

// Lives returns what the journal says of each release. whole is false when lines
// of it are missing or cannot be read: then more may have happened than it says.
func (s *Store) Lives() (lives map[Name]Life, whole bool, err error) {
	lives = map[Name]Life{}
	heard := map[Name]bool{"": true} // releases whose newest word was heard
	first := int64(0)
	damaged, err := s.History(func(line Line) bool {
		first = line.Seq
		for _, name := range []Name{line.Bad, line.From, line.Live} {
			if name == "" {
				continue
			}
			life := lives[name]
			if name != line.Live && life.Left.IsZero() {
				life.Left, life.LeftSeq = line.Time, line.Seq
			}
			life.Bad = life.Bad || !heard[name] && name == line.Bad
			life.Ever, heard[name] = true, true
			lives[name] = life
		}
		return true
	})
	return lives, damaged == 0 && first == 1, err
}
