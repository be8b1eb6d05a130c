package serve

import (
	"crypto/tls"
	"fmt"
	"sync"

	"github.com/rs/zerolog"
)

// certificate is the server's own for TLS. Its files are read again when they
// have changed, so that a renewed one needs no restart; files that do not fit
// together, as in the middle of a renewal, leave the old one in use.
type certificate struct {
	cert, key string
	log       zerolog.Logger

	mu     sync.Mutex
	seen   [2]stamp // of the files that were read last, used or not
	loaded *tls.Certificate
}

// load reads the files, if they are others than before.
func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var now [2]stamp
	for i, path := range []string{c.cert, c.key} {
		var err error
		if now[i], err = stampOf(path); err != nil {
			return fmt.Errorf("reading the certificate: %w", err)
		}
	}
	if now == c.seen {
		return nil
	}
	c.seen = now
	loaded, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("reading the certificate %s with the key %s: %w", c.cert, c.key, err)
	}
	c.loaded = &loaded
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if err := c.load(); err != nil {
		c.log.Error().Err(err).Msg("the certificate stays as it was")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded, nil
}
