package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const prunedFile = stateDir + "/pruned.json"

// LastPrune says when retention last went through all releases to its end,
// whether something went or not. On disk: .repoint/pruned.json, one JSON object.
type LastPrune struct {
	Time time.Time `json:"time"`
	By   string    `json:"by"`
}

// LastPrune returns what NotePrune wrote last; nil when nothing did, or when it
// cannot be understood: then the next prune writes it anew.
func (s *Store) LastPrune() (*LastPrune, error) {
	data, err := s.dir.Root().ReadFile(prunedFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading when it was pruned: %w", err)
	}
	last := new(LastPrune)
	if json.Unmarshal(data, last) != nil {
		return nil, nil
	}
	return last, nil
}

// NotePrune writes down that a prune has ended. One that is killed before is not
// noted, so that what it left is looked for again.
func (s *Store) NotePrune(p LastPrune) error {
	if err := s.notePrune(p); err != nil {
		return fmt.Errorf("writing down that it was pruned: %w", err)
	}
	return nil
}

// notePrune holds the journal's lock, under which temporary names are swept.
func (s *Store) notePrune(p LastPrune) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f, err := s.journal.lock()
	if err != nil {
		return err
	}
	defer unlock(f)
	return s.dir.WriteFile(prunedFile, append(data, '\n'), 0o644) // root may prune for the app's user
}
