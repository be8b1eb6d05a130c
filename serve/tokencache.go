package serve

import (
	"crypto/subtle"
	"errors"
	"io/fs"
	"sync"
	"time"
)

// tokenCache finds tokens. It reads the file again when that has changed.
type tokenCache struct {
	mu     sync.Mutex
	seen   stamp // of the file that tokens was read from
	tokens []Token
}

// find returns the token that a client shows, unless it has expired. What the
// search takes says nothing about the tokens there are.
func (c *tokenCache) find(apps, secret string, now time.Time) (Token, bool, error) {
	tokens, err := c.load(apps, now)
	if err != nil {
		return Token{}, false, err
	}
	hash, at := []byte(hashToken(secret)), -1
	for i, t := range tokens {
		if subtle.ConstantTimeCompare(hash, []byte(t.Hash)) == 1 {
			at = i
		}
	}
	if at < 0 || tokens[at].Expired(now) {
		return Token{}, false, nil
	}
	return tokens[at], true, nil
}

func (c *tokenCache) load(apps string, now time.Time) ([]Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, err := stampOf(tokensFile.path(apps))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && before == c.seen {
		return c.tokens, nil
	}
	c.seen, c.tokens = stamp{}, nil
	tokens, err := LoadTokens(apps)
	if err != nil {
		return nil, err
	}
	// A file that has just been written may be written again without a trace:
	// clocks of file systems have coarse ticks. The stamp was taken first, so a
	// file replaced meanwhile is read once more.
	if before.settled(now) {
		c.seen, c.tokens = before, tokens
	}
	return tokens, nil
}
