package gitsrc

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Hash is the full id of a git object: 40 lower-case hexadecimal digits. The
// empty string stands for none.
type Hash string

// hashDigits is the length of a Hash.
const hashDigits = 40

// ParseHash checks that s is a full id. Upper-case digits and abbreviations
// are errors.
func ParseHash(s string) (Hash, error) {
	if len(s) != hashDigits || !isHex(s) {
		return "", fmt.Errorf("reading object id %.60q: want 40 digits of 0-9a-f", s)
	}
	return Hash(s), nil
}

// Short returns the first 7 digits, for people.
func (h Hash) Short() string { return string(h[:min(7, len(h))]) }

// IsZero says whether h names no object: it is empty or all zeros, as git
// writes it for a ref that does not exist.
func (h Hash) IsZero() bool { return strings.Trim(string(h), "0") == "" }

// check makes sure that h may stand on a git command line.
func (h Hash) check() error {
	_, err := ParseHash(string(h))
	return err
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// objectID is a Hash in the form that long lists of files hold.
type objectID [20]byte

// parseObjectID reads 40 digits; false when they are not that.
func parseObjectID(digits []byte) (id objectID, ok bool) {
	if len(digits) != hashDigits {
		return id, false
	}
	_, err := hex.Decode(id[:], digits)
	return id, err == nil
}

func (id objectID) hash() Hash { return Hash(hex.EncodeToString(id[:])) }
