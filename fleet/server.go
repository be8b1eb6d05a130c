package fleet

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// ServerConfig says how the messaging server in a hub is reached, and by whom.
type ServerConfig struct {
	Listen string      // host:port
	Dir    string      // where it keeps its copies of states and releases
	TLS    *tls.Config // its certificate
	// Rights says what the owner of a public nkey may do; nil: it is not let in. It
	// is asked at each connection, by several goroutines.
	Rights func(nkey string) *Rights
}

// Rights are the subjects that a client may publish to and subscribe to.
type Rights struct {
	Publish, Subscribe []string
}

// everything is what the hub itself may.
func everything() *Rights { return &Rights{Publish: []string{">"}, Subscribe: []string{">"}} }

// Server is the messaging server that a hub has in itself: NATS JetStream, with one
// listener for clients over TLS and nothing else. What it was told to keep is on
// the disk before it says so.
type Server struct {
	nats   *server.Server
	rights func(nkey string) *Rights
}

const (
	readyWithin = 10 * time.Second
	pingEvery   = 5 * time.Second // so that a client that was cut off is noticed
	fetchers    = 100_000         // how many may fetch releases of one app at once: each is a consumer of the store for as long
)

// StartServer starts the server; it takes connections when this returns.
func StartServer(c ServerConfig) (*Server, error) {
	host, port, err := tryAddress(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening for agents: %w", err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	is, err := server.NewServer(&server.Options{
		ServerName: "repoint", Host: host, Port: port, TLSConfig: c.TLS, TLSTimeout: 10, AuthTimeout: 15,
		CustomClientAuthentication: door{c.Rights}, AlwaysEnableNonce: true,
		JetStream: true, StoreDir: c.Dir, SyncAlways: true, JetStreamLimits: server.JSLimitOpts{DefaultMaxConsumers: fetchers},
		PingInterval: pingEvery, MaxPingsOut: 2, WriteDeadline: 10 * time.Second,
		NoSigs: true, NoLog: true, NoSystemAccount: true,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	is.Start()
	if !is.ReadyForConnections(readyWithin) {
		is.Shutdown()
		return nil, fmt.Errorf("starting the fleet's server on %s: it did not take connections within %s", c.Listen, readyWithin)
	}
	return &Server{is, c.Rights}, nil
}

// tryAddress takes an address apart that can be listened on: the server itself says
// nothing of one that cannot.
func tryAddress(listen string) (host string, port int, err error) {
	try, err := net.Listen("tcp", listen)
	if err != nil {
		return "", 0, err
	}
	if err := try.Close(); err != nil {
		return "", 0, err
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, err
	}
	port, err = net.LookupPort("tcp", text)
	return host, port, err
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.nats.Addr().String() }

// Stop ends all connections and closes its files.
func (s *Server) Stop() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// door lets clients in who prove that they have the secret nkey of a public one
// that has rights: they sign what the server has just thought of.
type door struct {
	rights func(nkey string) *Rights
}

// Check implements server.Authentication.
func (d door) Check(c server.ClientAuthentication) bool {
	said := c.GetOpts()
	if err := proven(said.Nkey, said.Sig, c.GetNonce()); err != nil {
		return false
	}
	rights := d.rights(said.Nkey)
	if rights == nil {
		return false
	}
	c.RegisterUser(&server.User{Username: said.Nkey, Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: rights.Publish},
		Subscribe: &server.SubjectPermission{Allow: rights.Subscribe},
	}})
	return true
}

func proven(nkey, signature string, nonce []byte) error {
	if len(nonce) == 0 || !nkeys.IsValidPublicUserKey(nkey) {
		return errors.New("no key")
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	public, err := nkeys.FromPublicKey(nkey)
	if err != nil {
		return err
	}
	return public.Verify(nonce, sig)
}

// turnOut ends the connections of clients that have no rights any more, and names
// them.
func (s *Server) turnOut() (names []string) {
	all, err := s.nats.Connz(&server.ConnzOptions{Username: true, Limit: server.DEFAULT_MAX_CONNECTIONS})
	if err != nil {
		return nil
	}
	for _, conn := range all.Conns {
		if conn.AuthorizedUser == "" || s.rights(conn.AuthorizedUser) != nil {
			continue
		}
		if err := s.nats.DisconnectClientByID(conn.Cid); err == nil { // else it has gone by itself
			names = append(names, conn.Name)
		}
	}
	return names
}
