package serve

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// exitTrailer carries the exit status of a child whose output is the answer: a
// client that misses it has not got the whole.
const exitTrailer = "Repoint-Exit"

// stream is an answer that is sent as it comes. Its head goes out with its
// first byte, so that until then there may be another answer.
type stream struct {
	mu   sync.Mutex
	to   *answer
	head map[string]string
	lead string // stands before the first byte
}

// textStream is for text that people read, line by line.
func (e *exchange) textStream() *stream {
	return &stream{to: e.w, head: map[string]string{"Content-Type": "text/plain; charset=utf-8", "Trailer": exitTrailer}}
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin(); err != nil {
		return 0, err
	}
	n, err := s.to.Write(p)
	if err == nil {
		err = s.to.flush()
	}
	return n, err
}

func (s *stream) begun() bool { return s.to.status != 0 }

func (s *stream) begin() error {
	if s.begun() {
		return nil
	}
	s.to.Header().Set("X-Accel-Buffering", "no") // or nginx would keep it until it has enough
	for name, value := range s.head {
		s.to.Header().Set(name, value)
	}
	s.to.WriteHeader(http.StatusOK)
	if s.lead == "" {
		return nil
	}
	_, err := s.to.Write([]byte(s.lead))
	return err
}

// end is for a child that ended well, maybe without a word.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin() // fails for a client that is gone
}

// endWith ends text, and says how the child ended.
func (s *stream) endWith(status int) {
	s.end()
	s.to.Header().Set(exitTrailer, strconv.Itoa(status))
}

// tail keeps the last bytes of what is written to it.
type tail struct {
	size int
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if len(t.data) > 2*t.size {
		t.data = append(t.data[:0], t.last()...)
	}
	return len(p), nil
}

func (t *tail) last() []byte { return t.data[max(0, len(t.data)-t.size):] }

func (t *tail) String() string { return string(t.last()) }

// said finds the last error and hint in what a child said.
func said(text string) (problem, hint string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "error: "); ok {
			problem, hint = rest, ""
		} else if rest, ok := strings.CutPrefix(line, "hint: "); ok {
			hint = rest
		}
	}
	return problem, hint
}
