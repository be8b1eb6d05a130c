package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const freezeFile = stateDir + "/freeze.json"

// Frozen says that nothing may be made live, and who said so. On disk:
// .repoint/freeze.json, one JSON object; absent when nothing is frozen.
type Frozen struct {
	By    string     `json:"by"`
	Why   string     `json:"why"`
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"` // nil: until it is lifted
}

// Frozen returns the freeze that holds at now; nil when there is none.
func (s *Store) Frozen(now time.Time) (*Frozen, error) {
	data, err := s.dir.Root().ReadFile(freezeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the freeze: %w", err)
	}
	frozen := new(Frozen)
	if err := json.Unmarshal(data, frozen); err != nil {
		return nil, fmt.Errorf("reading %s: %w", freezeFile, err) // when in doubt it is frozen
	}
	if frozen.Until != nil && !now.Before(*frozen.Until) {
		return nil, nil
	}
	return frozen, nil
}

// Freeze sets the freeze and writes it into the journal.
func (s *Store) Freeze(f Frozen) error {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return s.noted(Line{Event: FreezeSet, Time: f.Since, Actor: f.By, Reason: f.Why, Until: f.Until}, func() error {
		return s.dir.WriteFile(freezeFile, append(data, '\n'), 0o600)
	})
}

// Unfreeze lifts the freeze and writes it into the journal. Without one it
// does nothing.
func (s *Store) Unfreeze(by string, now time.Time) error {
	if _, err := s.dir.Root().Lstat(freezeFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.noted(Line{Event: FreezeLifted, Time: now, Actor: by}, func() error {
		return errors.Join(s.dir.Remove(freezeFile), s.dir.Sync(stateDir))
	})
}

// noted makes a small change together with its journal line, under the
// journal's lock. Killed between the two, the change stands and the line is
// missing.
func (s *Store) noted(line Line, change func() error) error {
	_, err := s.journal.append(func(next *Line) error {
		line.Seq, line.Top = next.Seq, next.Top
		*next = line
		return change()
	})
	return err
}
