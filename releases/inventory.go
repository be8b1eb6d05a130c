package releases

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Inventory returns what WriteInventory kept for a release; nil when nothing
// is kept yet.
func (s *Store) Inventory(name Name) ([]byte, error) {
	data, err := s.dir.Root().ReadFile(inventoryPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// WriteInventory keeps the list of a sealed release's files beside its seal.
// Whoever deploys meanwhile sweeps temporary names, so the journal's lock is
// held for it.
func (s *Store) WriteInventory(name Name, data []byte) error {
	f, err := s.journal.lock()
	if err != nil {
		return err
	}
	defer unlock(f)
	seal, err := s.SealOf(name)
	if err == nil && seal == nil {
		err = errors.New("it is not sealed")
	}
	if err == nil {
		err = s.dir.WriteFile(inventoryPath(name), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping the inventory of %s: %w", name, err)
	}
	return nil
}

const inventorySuffix = ".files"

func inventoryPath(name Name) string { return path.Join(sealsDir, string(name)+inventorySuffix) }
