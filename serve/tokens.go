package serve

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Act is one thing that a token may do with its apps.
type Act string

// The acts. Every token may read; else one act does not imply another, but
// for deploy, which implies stage.
const (
	ActRead   Act = "read"   // fetch, and read the logs
	ActPush   Act = "push"   // git push, which deploys
	ActStage  Act = "stage"  // upload a release, which is staged
	ActDeploy Act = "deploy" // upload a release, which goes live
)

var acts = []Act{ActRead, ActPush, ActStage, ActDeploy}

// ParseAct checks an act's name.
func ParseAct(s string) (Act, error) {
	if !slices.Contains(acts, Act(s)) {
		return "", fmt.Errorf("unknown act %q: the acts are read, push, stage and deploy", s)
	}
	return Act(s), nil
}

// Token is what a machine shows to be let in over HTTP, and what it may do. The
// token itself is nowhere but with its owner: on disk, one JSON object a line
// in <apps>/.repoint/tokens, is its hash.
//
//	{"name":"ci","hash":"9f2c…","apps":["blog"],"acts":["deploy"],"created":"2026-01-02T15:04:05Z"}
type Token struct {
	Name    string    `json:"name"`             // who it is, in logs and journals; one word
	Hash    string    `json:"hash"`             // SHA-256 of the token, in small hex digits
	Apps    []string  `json:"apps"`             // for which apps; [AllApps] for all
	Acts    []Act     `json:"acts"`             // what it may do with them
	Created time.Time `json:"created"`          // in UTC
	Expires time.Time `json:"expires,omitzero"` // in UTC; zero: never
}

// tokenPrefix marks a token as one of ours, for people and for programs that
// look for secrets in places where they should not be.
const tokenPrefix = "rpt_"

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewToken makes a token, from 32 random bytes, and returns its record and the
// token itself, which cannot be had again.
func NewToken(name string, apps []string, acts []Act, created, expires time.Time) (Token, string, error) {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	secret := tokenPrefix + tokenEncoding.EncodeToString(random)
	t := Token{Name: name, Hash: hashToken(secret), Apps: apps, Acts: acts, Created: created.UTC().Truncate(time.Second)}
	if !expires.IsZero() {
		t.Expires = expires.UTC().Truncate(time.Second)
	}
	return t, secret, t.check()
}

func hashToken(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// For reports whether the token is for an app at all.
func (t Token) For(app string) bool {
	return slices.Contains(t.Apps, AllApps) || slices.Contains(t.Apps, app)
}

// May reports whether the token may do something with its apps.
func (t Token) May(act Act) bool {
	return act == ActRead || slices.Contains(t.Acts, act) || (act == ActStage && slices.Contains(t.Acts, ActDeploy))
}

// Expired reports whether the token's time is over.
func (t Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

var hashPattern = pattern(`^[0-9a-f]{64}$`)

func (t Token) check() error {
	if !keyNamePattern().MatchString(t.Name) {
		return fmt.Errorf("%q is not a name for a token: one word of letters, digits and . _ @ + -", t.Name)
	}
	if err := checkApps(t.Apps); err != nil {
		return fmt.Errorf("token %s: %w", t.Name, err)
	}
	if len(t.Acts) == 0 {
		return fmt.Errorf("token %s: no acts: name some of read, push, stage and deploy", t.Name)
	}
	for _, act := range t.Acts {
		if _, err := ParseAct(string(act)); err != nil {
			return fmt.Errorf("token %s: %w", t.Name, err)
		}
	}
	if !hashPattern().MatchString(t.Hash) {
		return fmt.Errorf("token %s: its hash is not one of SHA-256", t.Name)
	}
	return nil
}

// line returns the token as a line of the tokens file, without the line's end.
func (t Token) line() (string, error) {
	data, err := json.Marshal(t)
	return string(data), err
}

// parseTokenLine reads one line of the tokens file.
func parseTokenLine(line string) (Token, error) {
	var t Token
	decoder := json.NewDecoder(bytes.NewReader([]byte(strings.TrimSpace(line))))
	decoder.DisallowUnknownFields() // it might be what limits the token
	if err := decoder.Decode(&t); err != nil {
		return Token{}, fmt.Errorf("not a token's line: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Token{}, errors.New("not a token's line: there is more than one JSON object")
	}
	return t, t.check()
}
