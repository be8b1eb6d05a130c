package fleet

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"path/filepath"

	"repoint/deploy"
	"repoint/internal/durable"
	"repoint/internal/ownfile"
)

// memory is what an agent remembers of an app, so that it never obeys an older
// state: in .repoint/agent of the app, JSON. It is on the disk before the agent
// does what a state asks for.
type memory struct {
	Hub        ed25519.PublicKey `json:"hub"`        // whose states it obeys
	Generation uint64            `json:"generation"` // the highest that it has obeyed
	State      []byte            `json:"state"`      // SHA-256 of that, as it was signed
	Phase      Phase             `json:"phase,omitempty"`
	Tree       string            `json:"tree,omitempty"` // the release that it has made live last; "" while it makes another one live
	Reason     string            `json:"reason,omitempty"`
	Again      bool              `json:"again,omitempty"` // what failed has changed nothing, and may be tried again
}

func recall(appDir string) (memory, error) {
	var m memory
	data, err := ownfile.Load(filepath.Join(appDir, deploy.AgentFile), maxFile, ownfile.Change)
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err == nil && len(m.Hub) != ed25519.PublicKeySize {
		err = fmt.Errorf("%s names no hub", filepath.Join(appDir, deploy.AgentFile))
	}
	if err != nil {
		return m, fmt.Errorf("what is known of the hub of %s: %w", filepath.Base(appDir), err)
	}
	return m, nil
}

func (m memory) keep(disk durable.Disk, appDir string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(filepath.Join(appDir, deploy.AgentFile), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("remembering generation %d of %s: %w", m.Generation, filepath.Base(appDir), err)
	}
	return nil
}
