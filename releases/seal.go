package releases

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// Seal is the durable record that a release is complete. It is written only
// after the whole tree is on the disk; a tree without it cannot be switched to.
// On disk: .repoint/seals/<release>.json, one JSON object.
type Seal struct {
	Release Name      `json:"release"`
	Commit  string    `json:"commit"`
	Subject string    `json:"subject,omitempty"` // the commit's first line
	Author  string    `json:"author,omitempty"`
	Ref     string    `json:"ref,omitempty"` // what was pushed or asked for
	Tree    string    `json:"tree"`          // digest of the tree as checked out, before the build
	Files   int       `json:"files"`         // files and links checked out
	Bytes   int64     `json:"bytes"`         // their size
	Deploy  int       `json:"deploy"`        // the deploy that built it
	Time    time.Time `json:"time"`
}

// SealOf reads a release's seal; nil when it has none.
func (s *Store) SealOf(name Name) (*Seal, error) {
	data, err := s.dir.Root().ReadFile(sealPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the seal of %s: %w", name, err)
	}
	seal := new(Seal)
	if err := json.Unmarshal(data, seal); err != nil || seal.Release != name {
		return nil, nil // not what Lock.Seal writes: the tree counts as unsealed
	}
	return seal, nil
}

// Seal records that the release is complete: everything below its tree is put
// on the disk first, then the seal, then the directory that holds the tree.
func (l *Lock) Seal(seal Seal) error {
	data, err := json.MarshalIndent(seal, "", "  ")
	if err != nil {
		return err
	}
	err = l.dir.SyncFS()
	if err == nil {
		err = l.dir.WriteFile(sealPath(seal.Release), append(data, '\n'), 0o600)
	}
	if err == nil {
		err = l.dir.Sync(".")
	}
	if err != nil {
		return fmt.Errorf("sealing %s: %w", seal.Release, err)
	}
	return nil
}

func sealPath(name Name) string { return path.Join(sealsDir, string(name)+".json") }
