package serve_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"repoint/serve"
)

// newCertificate writes a certificate for 127.0.0.1 and its key into dir, as
// programs that renew them do: in place of what was there.
func newCertificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	check(t, err)
	keyDER, err := x509.MarshalECPrivateKey(private)
	check(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		check(t, os.WriteFile(name+".new", pem.EncodeToMemory(block), 0o600))
		check(t, os.Rename(name+".new", name))
	}
	return cert, key
}

// serial asks the server for its certificate.
func serial(t *testing.T, addr string, trusted string) int64 {
	t.Helper()
	pool := x509.NewCertPool()
	data, err := os.ReadFile(trusted)
	check(t, err)
	pool.AppendCertsFromPEM(data)
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, NextProtos: []string{"h2", "http/1.1"}})
	check(t, err)
	defer conn.Close()
	if state := conn.ConnectionState(); state.NegotiatedProtocol != "http/1.1" || state.Version < tls.VersionTLS12 {
		t.Errorf("it speaks %q, TLS %x", state.NegotiatedProtocol, state.Version)
	}
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	needGitHTTP(t)
	dir := t.TempDir()
	cert, key := newCertificate(t, dir, 1)
	s := startWeb(t, func(c *serve.Config) { c.Cert, c.Key = cert, key })
	repo := s.repo("blog")
	secret := s.token("ci", "blog", serve.ActPush)
	c := newCheckout(t)
	url := strings.Replace(s.gitURL(secret, "blog"), "http:", "https:", 1)
	if out, ok := c.git("push", url, "main"); ok {
		t.Fatalf("pushed to a server that nobody vouches for:\n%s", out)
	}
	if out, ok := c.git("-c", "http.sslCAInfo="+cert, "push", url, "main"); !ok {
		t.Fatalf("push failed:\n%s", out)
	}
	if got := refAt(t, repo, "refs/heads/main"); got != c.head {
		t.Errorf("main is at %q", got)
	}
	if got := answered(t, s.dialWeb("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); got.status != 400 {
		t.Errorf("without TLS: %+v", got)
	}
}

func TestCertificateThatIsRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := newCertificate(t, dir, 1)
	s := startWeb(t, func(c *serve.Config) { c.Cert, c.Key = cert, key })
	addr := s.HTTPAddr().String()
	if got := serial(t, addr, cert); got != 1 {
		t.Errorf("the certificate is %d", got)
	}
	newCertificate(t, dir, 2)
	if got := serial(t, addr, cert); got != 2 {
		t.Errorf("after its renewal the certificate is %d", got)
	}
	trusted := filepath.Join(dir, "trusted.pem")
	check(t, os.Link(cert, trusted))
	other, _ := newCertificate(t, t.TempDir(), 3)
	check(t, os.Rename(other, cert)) // its key is still to come
	if got := serial(t, addr, trusted); got != 2 {
		t.Errorf("in mid-renewal the certificate is %d", got)
	}
	s.stop()
	contains(t, s.log.String(), "the certificate stays as it was")
}
