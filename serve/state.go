package serve

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gofrs/flock"
	"golang.org/x/crypto/ssh"

	"repoint/internal/durable"
	"repoint/internal/ownfile"
)

// stateDir holds what the server keeps for itself, beneath the apps directory
// and for its owner only:
//
//	.repoint/                     0700
//	├── authorized_keys           who may come in over SSH, one line each
//	├── tokens                    0600, who may come in over HTTP, one line each
//	├── host_ed25519              0600, made at the first start, then never changed
//	└── lock                      held while one of these is written
const stateDir = ".repoint"

// lockState makes the state directory if need be and locks it against other
// writers. What a killed writer left is swept. The lock ends with the process.
func lockState(apps string) (unlock func(), err error) {
	disk := durable.Disk{}
	dir, err := disk.Open(apps)
	if err != nil {
		return nil, fmt.Errorf("opening the apps directory: %w", err)
	}
	err = dir.Mkdir(stateDir, 0o700)
	if err == nil {
		err = dir.Sync(".")
	}
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, fmt.Errorf("making %s: %w", filepath.Join(apps, stateDir), err)
	}
	path := filepath.Join(apps, stateDir, "lock")
	lock := flock.New(path, flock.SetPermissions(0o644))
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	unlock = func() { lock.Unlock() } // fails only for a descriptor that is closed, and then it is unlocked
	if err := sweep(filepath.Join(apps, stateDir)); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// sweep removes the temporary files of writers that were killed.
func sweep(state string) error {
	dir, err := durable.Disk{}.Open(state)
	if err != nil {
		return fmt.Errorf("opening %s: %w", state, err)
	}
	defer dir.Close()
	entries, err := fs.ReadDir(dir.Root().FS(), ".")
	if err != nil {
		return fmt.Errorf("listing %s: %w", state, err)
	}
	for _, entry := range entries {
		if !durable.IsTemp(entry.Name()) {
			continue
		}
		if err := dir.Remove(entry.Name()); err != nil {
			return fmt.Errorf("sweeping %s: %w", state, err)
		}
	}
	return nil
}

// hostKey returns the server's own key, the one that clients remember. It is
// made once; a file that cannot be read is an error and never replaced.
func hostKey(apps string) (ssh.Signer, error) {
	unlock, err := lockState(apps)
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := filepath.Join(apps, stateDir, "host_ed25519")
	data, err := ownfile.Load(path, 64<<10, ownfile.Read)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = makeHostKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the host key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("the host key: reading %s: %w", path, err)
	}
	return signer, nil
}

func makeHostKey(path string) ([]byte, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "repoint")
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	data := pem.EncodeToMemory(block)
	if err := (durable.Disk{}).WriteFile(path, data, 0o600); err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return data, nil
}
