package serve

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/crypto/ssh"
)

// ErrNoKey is returned for a key's name that is not in the file.
var ErrNoKey = errors.New("no such key")

// TakenError says that a name is in the file already, or the key itself.
type TakenError struct{ Problem string }

func (e *TakenError) Error() string { return e.Problem }

// keysFile may be read by all, as public keys are: the server may run as
// another user than the one who added the key.
var keysFile = stateFile{name: "authorized_keys", what: "the keys", limit: 4 << 20, mode: 0o644, shut: 0o022}

// LoadKeys reads <apps>/.repoint/authorized_keys. No file means no keys. A
// line that is not understood is an error that names it, and then no key at
// all is returned: half a file might be the half that takes a right away.
func LoadKeys(apps string) ([]Key, error) {
	data, err := keysFile.read(apps)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys []Key
	err = keysFile.eachLine(apps, data, func(line string) error {
		k, err := parseLine(line)
		if err == nil {
			err = checkNew(keys, k)
		}
		keys = append(keys, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// AddKey adds a key made by [NewKey]. The next connection may use it; a
// running server need not be told. A name or a key that is there already is
// refused. Comments and order of the file stay.
func AddKey(apps string, k Key) error {
	err := keysFile.change(apps, func(old []byte) ([]byte, error) {
		keys, err := LoadKeys(apps)
		if err != nil {
			return nil, err
		}
		return withLine(old, k.Line()), checkNew(keys, k)
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
	err := keysFile.change(apps, func(old []byte) ([]byte, error) {
		if _, err := LoadKeys(apps); err != nil {
			return nil, err
		}
		kept := withoutLines(old, func(line string) bool {
			k, err := parseLine(line)
			if err != nil || k.Name != name {
				return false
			}
			removed = k
			return true
		})
		if removed.Name == "" {
			return nil, ErrNoKey
		}
		return kept, nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("removing key %q: %w", name, err)
	}
	return removed, nil
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
