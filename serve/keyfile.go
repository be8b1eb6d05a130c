package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"repoint/internal/durable"
)

// ErrNoKey is returned for a key's name that is not in the file.
var ErrNoKey = errors.New("no such key")

// TakenError says that a key's name, or the key itself, is in the file already.
type TakenError struct{ Problem string }

func (e *TakenError) Error() string { return e.Problem }

// maxKeysFile is the largest keys file that is read, in bytes.
const maxKeysFile = 4 << 20

// LoadKeys reads <apps>/.repoint/authorized_keys. No file means no keys. A
// line that is not understood is an error that names it, and then no key at
// all is returned: half a file might be the half that takes a right away.
func LoadKeys(apps string) ([]Key, error) {
	path := keysPath(apps)
	data, err := readOwn(path, maxKeysFile, 0o022)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	var keys []Key
	for i, line := range strings.Split(string(data), "\n") {
		if isBlank(line) {
			continue
		}
		k, err := parseLine(line)
		if err == nil {
			err = checkNew(keys, k)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the keys: %s:%d: %w", path, i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// AddKey adds a key made by [NewKey]. The next connection may use it; a
// running server need not be told. A name or a key that is there already is
// refused. Comments and order of the file stay.
func AddKey(apps string, k Key) error {
	err := changeKeys(apps, func(old []byte) ([]byte, error) {
		keys, err := LoadKeys(apps)
		if err != nil {
			return nil, err
		}
		if err := checkNew(keys, k); err != nil {
			return nil, err
		}
		if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
			old = append(old, '\n')
		}
		return append(old, k.Line()+"\n"...), nil
	})
	if err != nil {
		return fmt.Errorf("adding key %q: %w", k.Name, err)
	}
	return nil
}

// RemoveKey takes the key with that name out of the file and returns it, or
// [ErrNoKey]. A connection that uses it can start no further command.
func RemoveKey(apps, name string) (Key, error) {
	var removed Key
	err := changeKeys(apps, func(old []byte) ([]byte, error) {
		if _, err := LoadKeys(apps); err != nil {
			return nil, err
		}
		var kept []string
		for _, line := range strings.SplitAfter(string(old), "\n") {
			if !isBlank(line) {
				if k, err := parseLine(line); err == nil && k.Name == name {
					removed = k
					continue
				}
			}
			kept = append(kept, line)
		}
		if removed.Name == "" {
			return nil, ErrNoKey
		}
		return []byte(strings.Join(kept, "")), nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("removing key %q: %w", name, err)
	}
	return removed, nil
}

// changeKeys replaces the file's content in one step, with the lock held.
func changeKeys(apps string, change func(old []byte) ([]byte, error)) error {
	unlock, err := lockState(apps)
	if err != nil {
		return err
	}
	defer unlock()
	path := keysPath(apps)
	old, err := readOwn(path, maxKeysFile, 0o022)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the keys: %w", err)
	}
	data, err := change(old)
	if err != nil {
		return err
	}
	// Readable by all, as public keys are: the server may run as another user
	// than the one who added the key.
	if err := (durable.Disk{}).WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("writing the keys: %w", err)
	}
	return nil
}

func checkNew(keys []Key, k Key) error {
	for _, has := range keys {
		if has.Name == k.Name {
			return &TakenError{fmt.Sprintf("there is a key named %s already", k.Name)}
		}
		if has.Fingerprint == k.Fingerprint {
			return &TakenError{fmt.Sprintf("the key of %s is the same as that of %s", k.Name, has.Name)}
		}
	}
	return nil
}

// findKey returns the line for a public key.
func findKey(apps string, public ssh.PublicKey) (Key, bool, error) {
	return findFingerprint(apps, ssh.FingerprintSHA256(public))
}

func findFingerprint(apps, fingerprint string) (Key, bool, error) {
	keys, err := LoadKeys(apps)
	if err != nil {
		return Key{}, false, err
	}
	for _, k := range keys {
		if k.Fingerprint == fingerprint {
			return k, true, nil
		}
	}
	return Key{}, false, nil
}

func isBlank(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

func keysPath(apps string) string { return filepath.Join(apps, stateDir, "authorized_keys") }

// readOwn reads a file of the state directory. Mode bits in forbidden are an
// error: somebody else could have read or changed it.
func readOwn(path string, limit int64, forbidden fs.FileMode) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return nil, fmt.Errorf("%s is open to others (mode %04o); close it with: chmod %04o %s", path, mode, mode&^forbidden, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, err
}
