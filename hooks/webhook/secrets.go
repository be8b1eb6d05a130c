package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minSecret  = 16   // characters
	maxSecret  = 1024 // bytes
	maxSecrets = 2    // the one in use, and the next or the last
	keyPrefix  = "whsec_"
	makeSecret = "make one with: openssl rand -hex 32"
)

// Secrets are what a forge proves itself with. Printed in any way, they show
// nothing.
type Secrets struct {
	all func() []string // a function, which even a private field of another type prints as an address
}

func (s Secrets) texts() []string {
	if s.all == nil {
		return nil
	}
	return s.all()
}

// Format keeps secrets out of everything that package fmt writes.
func (Secrets) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("[secrets]")) }

// ParseSecrets reads the text of a secret file: one secret, or two while it is
// being changed, each on its own line; either is accepted. Empty lines are
// skipped. A line that begins with "whsec_" is one of GitLab's signing keys. The
// error never shows what the file holds.
func ParseSecrets(data []byte) (Secrets, error) {
	var texts []string
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" {
			continue
		}
		if problem := secretProblem(line); problem != "" {
			return Secrets{}, fmt.Errorf("reading the secrets: line %d %s", number, problem)
		}
		if texts = append(texts, line); len(texts) > maxSecrets {
			return Secrets{}, fmt.Errorf("reading the secrets: line %d is the third secret; keep the new one and the one before it", number)
		}
	}
	if len(texts) == 0 {
		return Secrets{}, errors.New("reading the secrets: there is none; " + makeSecret)
	}
	return Secrets{func() []string { return texts }}, nil
}

// secretProblem says what is wrong with a line, and what to do, without showing
// it; "" when it is a secret.
func secretProblem(line string) string {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case line[0] == '#':
		return `begins with "#": comments are not allowed, nor secrets that look like one`
	case !utf8.ValidString(line) || strings.ContainsFunc(line, unprintable):
		return "holds something that cannot be printed; " + makeSecret
	case strings.TrimSpace(line) != line:
		return "begins or ends with a space; remove it, also in the forge's settings"
	case utf8.RuneCountInString(line) < minSecret:
		return fmt.Sprintf("is shorter than %d characters; %s", minSecret, makeSecret)
	case len(line) > maxSecret:
		return fmt.Sprintf("is longer than %d bytes; %s", maxSecret, makeSecret)
	}
	if key, isKey := signingKey(line); isKey && len(key) < minSecret {
		return `begins with "` + keyPrefix + `" but is no signing key; copy it whole from the forge's settings`
	}
	return ""
}

// signingKey is the key behind the text of one of GitLab's signing keys, nil
// when its base64 is broken.
func signingKey(text string) (key []byte, isKey bool) {
	encoded, isKey := strings.CutPrefix(text, keyPrefix)
	if !isKey {
		return nil, false
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, true
	}
	return key, true
}

// match asks every secret whether it fits, also after one did, so that the time
// it takes tells nothing. Answers are 1 and 0, as in crypto/subtle.
func (s Secrets) match(fits func(secret string) int) bool {
	found := 0
	for _, text := range s.texts() {
		found |= fits(text)
	}
	return found == 1
}

// sameSum compares two HMACs in constant time.
func sameSum(a, b []byte) int { return subtle.ConstantTimeCompare(a, b) }

// sameText compares two texts in constant time, whatever their lengths.
func sameText(a, b string) int {
	one, two := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(one[:], two[:])
}

// sum256 is the HMAC-SHA256 of all parts together.
func sum256(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}
