package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"repoint/config"
	"repoint/internal/durable"
	"repoint/internal/ownfile"
)

// Home is what a hub keeps for all its apps, beneath the apps directory and for its
// own user only.
//
//	APPS/.repoint/fleet/       0700
//	├── hub.nk                 the seed of the nkey with which the hub itself logs in
//	├── cert.pem, key.pem      of the messaging server; agents know it by its SHA-256
//	├── address                where that listens, written at each start
//	└── nats/                  what it keeps; may be lost
//
// Keys are made at the first start of the server, then never changed.
type Home struct {
	apps string
	dir  *durable.Dir
}

const (
	homeDir     = ".repoint/fleet"
	hubSeedFile = "hub.nk"
	certFile    = "cert.pem"
	certKeyFile = "key.pem"
	addressFile = "address"
	natsDir     = "nats"
)

// OpenHome opens it, and makes the directory if there is none.
func OpenHome(disk durable.Disk, apps string) (*Home, error) {
	parent, err := disk.Open(apps)
	if err != nil {
		return nil, fmt.Errorf("opening the apps directory: %w", err)
	}
	defer parent.Close()
	for _, dir := range []string{filepath.Dir(homeDir), homeDir} {
		if err := parent.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making %s: %w", filepath.Join(apps, dir), err)
		}
	}
	dir, err := disk.Open(filepath.Join(apps, homeDir))
	if err != nil {
		return nil, err
	}
	return &Home{apps: apps, dir: dir}, nil
}

// Close lets go of the directory.
func (h *Home) Close() error { return h.dir.Close() }

func (h *Home) load(name string) ([]byte, error) {
	return ownfile.Load(filepath.Join(h.dir.Path(), name), maxFile, ownfile.Read)
}

// made loads a file that is made once.
func (h *Home) made(name string, make func() ([]byte, error)) ([]byte, error) {
	data, err := h.load(name)
	if errors.Is(err, fs.ErrNotExist) {
		if data, err = make(); err == nil {
			err = h.dir.WriteFile(name, data, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the fleet's %s: %w", name, err)
	}
	return data, nil
}

// Serve starts the messaging server for all apps; it takes connections when this
// returns.
func (h *Home) Serve(listen string) (*Server, error) {
	seed, err := h.made(hubSeedFile, newSeed)
	if err != nil {
		return nil, err
	}
	key, err := h.made(certKeyFile, newCertKey)
	if err != nil {
		return nil, err
	}
	cert, err := h.made(certFile, func() ([]byte, error) { return newCert(key) })
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the fleet's certificate: %w", err)
	}
	public, err := publicOf(seed)
	if err != nil {
		return nil, err
	}
	door := &doorkeeper{apps: h.apps, hub: public, lists: map[string]*guests{}}
	server, err := StartServer(ServerConfig{Listen: listen, Dir: filepath.Join(h.dir.Path(), natsDir), Rights: door.rights,
		TLS: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}})
	if err != nil {
		return nil, err
	}
	if err := h.dir.WriteFile(addressFile, []byte(local(server.Addr())+"\n"), 0o600); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

// local is how a server on this machine is reached that listens on an address.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// errNoServer means that the hub's own server was never started.
var errNoServer = errors.New("the fleet's server has never run here")

// Login is how the hub gets to the messaging server that an app's configuration
// names.
func (h *Home) Login(c config.Fleet) (Login, error) {
	if c.NATS != "" {
		return outside(c.NATS, c.NATSCredsFile, c.NATSCAFile)
	}
	address, err := h.load(addressFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Login{}, errNoServer
	}
	if err != nil {
		return Login{}, err
	}
	seed, err := h.load(hubSeedFile)
	if err != nil {
		return Login{}, err
	}
	pin, err := h.pin()
	if err != nil {
		return Login{}, err
	}
	return Login{URL: "tls://" + strings.TrimSpace(string(address)), Name: "hub", Seed: seed, TLS: pinned(pin)}, nil
}

// pin is the SHA-256 of the server's certificate.
func (h *Home) pin() ([]byte, error) {
	data, err := h.load(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoServer
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is no certificate", filepath.Join(h.dir.Path(), certFile))
	}
	sum := sha256.Sum256(block.Bytes)
	return sum[:], nil
}

// pinned believes one certificate and no other, whatever names and dates it has:
// clocks of agents may be wrong.
func pinned(pin []byte) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // because the next line is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if sum := sha256.Sum256(s.PeerCertificates[0].Raw); !slices.Equal(sum[:], pin) {
				return errors.New("the server's certificate is not the one that this machine joined")
			}
			return nil
		},
	}
}

func newSeed() ([]byte, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, err
	}
	return key.Seed()
}

func publicOf(seed []byte) (string, error) {
	key, err := nkeys.FromSeed(seed)
	if err != nil {
		return "", fmt.Errorf("the nkey: %w", err)
	}
	return key.PublicKey()
}

func newCertKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func newCert(key []byte) ([]byte, error) {
	block, _ := pem.Decode(key)
	if block == nil {
		return nil, errors.New("its key is not PEM")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("its key is none for ECDSA")
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "repoint hub"}, DNSNames: []string{"repoint"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(100, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "repoint hub"}}, signer.Public(), signer)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}
