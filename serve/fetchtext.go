package serve

import (
	"bytes"
	"sync"
)

const (
	spoolKeeps = 256 << 10 // bytes of a child's text, for those who listen
	spoolChunk = 32 << 10  // of these, given to a listener at a time
	maxReport  = 64 << 10  // bytes of a line of a child's stdout
)

// spool keeps the end of what a child says, for any number of listeners, each
// at its own pace. Writing to it never waits for them.
type spool struct {
	mu    sync.Mutex
	kept  []byte
	from  int64         // where in the whole text kept begins
	news  chan struct{} // closed by the next write, when somebody waits for it
	ended bool
}

func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, p...)
	if cut := len(s.kept) - spoolKeeps; cut > spoolChunk { // not for every line
		s.kept = append(s.kept[:0], s.kept[cut:]...)
		s.from += int64(cut)
	}
	s.wake()
	return len(p), nil
}

// end says that nothing more comes.
func (s *spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

func (s *spool) wake() {
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// after returns whole lines of what follows the first at bytes of the text, and
// where they end; lost is how many bytes before them are kept no more. Without
// text, news is what to wait for, or nil at the end.
func (s *spool) after(at int64) (text []byte, lost, end int64, news <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := max(at, s.from)
	rest := s.kept[begin-s.from:]
	if begin > at { // in the middle of a line
		line := bytes.IndexByte(rest, '\n') + 1
		begin, rest = begin+int64(line), rest[line:]
	}
	rest, cut := rest[:min(len(rest), spoolChunk)], len(rest) > spoolChunk
	if whole := bytes.LastIndexByte(rest, '\n') + 1; whole > 0 || !cut && !s.ended {
		rest = rest[:whole]
	}
	if len(rest) == 0 && !s.ended {
		if s.news == nil {
			s.news = make(chan struct{})
		}
		return nil, 0, at, s.news
	}
	return bytes.Clone(rest), begin - at, begin + int64(len(rest)), nil
}

// lineWriter hands on lines as they become whole. What is too long for any of
// them is dropped.
type lineWriter struct {
	each func(line []byte)
	line []byte
	long bool
}

func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if len(w.line)+len(line) > maxReport {
			w.long = true
		} else {
			w.line = append(w.line, line...)
		}
		if whole {
			w.end()
		}
		rest = after
	}
	return len(p), nil
}

// end hands on a last line that has no line feed.
func (w *lineWriter) end() {
	if !w.long && len(w.line) > 0 {
		w.each(w.line)
	}
	w.line, w.long = w.line[:0], false
}
