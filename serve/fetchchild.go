package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"repoint/internal/deliveries"
)

// do runs the child to its end and writes what became of it, so that those who
// are told then find it on the disk.
func (s *fetches) do(f *fetch) {
	began := time.Now()
	status, err := s.run(f)
	f.status = status
	switch {
	case err != nil:
		f.status, f.verdict = exitCannot, "the fetch could not be started"
	case f.verdict != "":
	case s.stopping():
		// Whoever stops the server may have ended the child too.
		f.verdict = fmt.Sprintf("fetch ended with status %d; it is done again when the server runs", status)
		s.tell(f, began, nil)
		return
	default:
		f.verdict = fmt.Sprintf("fetch ended with status %d", status)
	}
	s.tell(f, began, errors.Join(err, s.record(f)))
}

func (s *fetches) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// record says in the deliveries of the app what became of them. Those that
// cannot be written are fetched again by the next server.
func (s *fetches) record(f *fetch) error {
	book, err := s.books.of(f.app)
	if err == nil {
		err = book.UpdateAll(f.keys, f.verdict, f.deploy)
	}
	if errors.Is(err, deliveries.ErrNotFound) {
		return nil // so many came that they are forgotten already
	}
	return err
}

func (s *fetches) tell(f *fetch, began time.Time, err error) {
	entry := s.log.Info()
	if err != nil {
		entry = s.log.Error().Err(err)
	}
	entry.Str("app", f.app).Str("ref", f.ref).Str("actor", f.actor).Int("deliveries", len(f.keys)).Int("deploy", f.deploy).
		Int("status", f.status).Str("verdict", f.verdict).Dur("took", time.Since(began)).Msg("fetch")
}

// fetch runs the child of a fetch and takes in what it says. It is never
// stopped: it changes something.
func (s *Server) fetch(f *fetch) (status int, err error) {
	words := []string{"fetch", f.app, f.ref}
	if f.commit != "" {
		words = append(words, "--commit", f.commit)
	}
	p := s.verb(f.actor, "webhook", append(words, "--new", "--report")...)
	p.keeps = true
	reports := &lineWriter{each: f.report}
	status, err = p.run(client{out: reports, errout: &f.text}, nil)
	reports.end()
	return status, err
}

// report takes one line of the child's stdout: a JSON object with the number
// of the deploy as soon as there is one, and with the verdict at the end.
func (f *fetch) report(line []byte) {
	var said struct {
		Deploy  int    `json:"deploy"`
		Verdict string `json:"verdict"`
	}
	if json.Unmarshal(line, &said) != nil {
		return
	}
	if said.Deploy > 0 && f.deploy == 0 {
		f.deploy = said.Deploy
		close(f.numbered)
	}
	if said.Verdict != "" {
		f.verdict = oneLine(said.Verdict)
	}
}

// oneLine makes a text one printable line.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
