package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const pinsFile = stateDir + "/pins.json"

// Pin says that a release is kept whatever retention says. On disk:
// .repoint/pins.json, an object with one Pin for each release's name.
type Pin struct {
	By    string    `json:"by"`
	Why   string    `json:"why,omitempty"`
	Since time.Time `json:"since"`
}

// Pins returns the pinned releases.
func (s *Store) Pins() (map[Name]Pin, error) {
	pins := map[Name]Pin{}
	data, err := s.dir.Root().ReadFile(pinsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return pins, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &pins)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the pins: %w", err)
	}
	return pins, nil
}

// Pin pins a sealed release.
func (s *Store) Pin(name Name, pin Pin) error {
	line := Line{Event: Pinned, Time: pin.Since, Actor: pin.By, Reason: pin.Why, Release: name}
	return s.changePins(line, func(pins map[Name]Pin) error {
		seal, err := s.SealOf(name)
		if err == nil && seal == nil {
			err = fmt.Errorf("pinning %s: it is not sealed", name)
		}
		pins[name] = pin
		return err
	})
}

// Unpin lets retention decide about a release again.
func (s *Store) Unpin(name Name, by string, now time.Time) error {
	line := Line{Event: Unpinned, Time: now, Actor: by, Release: name}
	return s.changePins(line, func(pins map[Name]Pin) error {
		delete(pins, name)
		return nil
	})
}

func (s *Store) changePins(line Line, change func(map[Name]Pin) error) error {
	return s.noted(line, func() error {
		pins, err := s.Pins()
		if err != nil {
			return err
		}
		if err := change(pins); err != nil {
			return err
		}
		data, err := json.MarshalIndent(pins, "", "  ")
		if err != nil {
			return err
		}
		return s.dir.WriteFile(pinsFile, append(data, '\n'), 0o600)
	})
}
